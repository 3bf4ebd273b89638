"""What ``mailseal scan`` says of lists and results to whoever has started it."""

from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from mailseal.config import from_document
from mailseal.faces.scan.examination import evidence_place
from mailseal.faces.scan.fleet import render_status
from mailseal.faces.scan.lists import require_contact
from mailseal.scans.fleet import ScanStatus
from tests.faces.scanworld import ScanWorld


@pytest.fixture
def scans(tmp_path: Path) -> ScanWorld:
    return ScanWorld(tmp_path)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a.example"], "1 domain looked at; "),
        (["a.example", "b.example"], "2 domains looked at; "),
        (["a.example", "a name"], "1 domain looked at, 1 not examined "),
        (["a name"], "0 domains looked at, 1 not examined "),
    ],
)
def test_only_what_was_looked_at_counts_as_that(
    scans: ScanWorld, lines: list[str], words: str
) -> None:
    """A list of something else must not look like a scan that went well."""
    scans.write(*lines)

    assert scans.scan("--level", "dns").stderr.startswith(words)


@pytest.mark.parametrize("lines", [["a.example"], ["a.example", "a.example", "a.example"]])
def test_results_of_a_longer_list_are_refused(scans: ScanWorld, lines: list[str]) -> None:
    """Its lines would count in a summary of this one; names that stand there twice hide nothing."""
    scans.write("a.example", "b.example", "c.example")
    scans.scan("--level", "dns")
    before = scans.output.read_bytes()
    scans.write(*lines)

    result = scans.scan("--level", "dns")

    assert result.exit_code != 0
    assert "was made from a longer list" in str(result.exception)
    assert scans.output.read_bytes() == before


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (None, "a list of unknown length at --level policy needs --contact"),
        (1001, "more than 1000 domains at --level policy need --contact"),
    ],
)
def test_a_list_of_unknown_length_is_not_called_long(total: int | None, words: str) -> None:
    """Three names on standard input are not a thousand; nobody knows that before their end."""
    with pytest.raises(click.UsageError, match=words):
        require_contact(from_document({}, source="test"), "policy", total)


def test_a_disk_that_takes_nothing_more_is_named_with_the_way_on(scans: ScanWorld) -> None:
    """What is done is kept: nobody need begin anew."""
    scans.write("a.example")
    folder = scans.folder / "evidence"
    folder.mkdir()
    evidence_place(folder, "a.example").parent.write_text("a file where a folder has to be")

    result = scans.scan("--level", "dns", "--evidence", folder)

    assert result.exit_code == 1
    assert f"cannot write {evidence_place(folder, 'a.example').parent}" in result.stderr
    assert "run the same command again to go on" in result.stderr


def status(*, workers: int, waiting: int) -> str:
    return render_status(
        ScanStatus(
            scan=7,
            title="list.txt",
            level="dns",
            submitted_at=datetime(2026, 7, 1, 12, tzinfo=UTC),
            total=11,
            done=3,
            done_lately=0,
            waiting_batches=waiting,
            running_batches=0,
            workers=workers,
        )
    )


@pytest.mark.parametrize(
    ("workers", "waiting", "end"),
    [
        (0, 1, '0 workers: run "mailseal worker"'),
        (0, 0, "0 workers"),
        (1, 1, "1 worker"),
        (2, 0, "2 workers"),
    ],
)
def test_who_waits_for_nobody_is_told(workers: int, waiting: int, end: str) -> None:
    """A scan that was submitted does nothing by itself."""
    assert status(workers=workers, waiting=waiting).endswith(f"; {end}")
