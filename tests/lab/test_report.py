"""The HTML report in a real browser: it prints, and a hostile server's texts stay texts."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailseal.checks.judge import judge
from mailseal.faces.check import htmlform
from mailseal.testing.evidence import domain_evidence
from tests.faces.check.hostile import hostile_evidence

pytestmark = pytest.mark.lab

BROWSER = shutil.which("chromium")
BROWSER_SECONDS = 60.0
# No sandbox: the lab may run as root. Nothing is to be updated or asked from the Internet.
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def browse(folder: Path, page: str, *options: str) -> str:
    """Open a page; return what the browser prints."""
    if BROWSER is None:
        pytest.skip("no Chromium here; its Debian package is chromium")
    path = folder / "report.html"
    path.write_text(page, "utf-8")
    command = [BROWSER, *OPTIONS, f"--user-data-dir={folder / 'profile'}", *options, path.as_uri()]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=BROWSER_SECONDS, check=True
    )
    return done.stdout


def test_a_hostile_report_runs_nothing(tmp_path: Path) -> None:
    """What the browser made of the page has no element and no attribute but those of ours."""
    page = htmlform.render([judge(hostile_evidence())])
    document = browse(tmp_path, page, "--dump-dom")
    elements = set(re.findall(r"<([a-z0-9]+)[ >]", document))

    assert "article" in elements
    assert not elements & {"script", "img", "iframe", "object", "link", "form"}
    assert not re.search(r"<[^>]* on[a-z]+=", document)
    assert "&lt;script&gt;" in document


def test_a_report_prints_on_paper(tmp_path: Path) -> None:
    """Each domain begins on a page of its own."""
    judgements = [judge(domain_evidence()), judge(domain_evidence(domain="b.example"))]
    paper = tmp_path / "report.pdf"
    browse(
        tmp_path, htmlform.render(judgements), "--no-pdf-header-footer", f"--print-to-pdf={paper}"
    )
    pages = max(int(count) for count in re.findall(rb"/Count (\d+)", paper.read_bytes()))

    assert 3 <= pages <= 12
