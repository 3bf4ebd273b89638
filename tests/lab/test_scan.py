"""``mailseal scan`` over the lab, against real name servers, policy hosts and mail servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.daemon import Daemon
from lab.internet import Lab

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

DOMAINS = ("good.test", "nostarttls.test", "expired.test", "no such name", "absent.test")


@pytest.fixture
def desk(make_daemon: MakeDaemon) -> Daemon:
    """Give a configuration of the lab; no service runs."""
    return make_daemon({"check": {"pause_per_address": '"0s"'}})


def write_inside(desk: Daemon, path: Path, text: str) -> Path:
    """Write a file where the lab's programs see it."""
    place = path if path.parent.exists() else desk.inside(path)
    place.write_text(text)
    return path


def scan(desk: Daemon, lab: Lab, name: str, *options: str | Path) -> dict[str, Any]:
    """Scan a few domains of every kind; return the results by domain."""
    listed = write_inside(desk, lab.folder / "domains.txt", "\n".join(DOMAINS) + "\n")
    output = lab.folder / f"{name}.jsonl"
    done = desk.command("scan", listed, "--output", output, *options)
    assert done.returncode == 0, done.stderr
    seen = output if output.exists() else desk.inside(output)
    results = [json.loads(line) for line in seen.read_text().splitlines()]
    assert len(results) == len(DOMAINS)
    return {result["domain"]: result for result in results}


def test_a_scan_sees_what_is_right_and_what_is_wrong(desk: Daemon, lab: Lab) -> None:
    """Good and broken domains in one run, each with its verdict and its facts."""
    results = scan(desk, lab, "whole")

    good = results["good.test"]
    assert good["verdict"] == "enforcing-and-healthy", good
    assert good["facts"]["tls"]
    assert good["facts"]["mode"] == "enforce"
    assert results["nostarttls.test"]["facts"]["starttls"] == {"absent": 1}
    assert results["expired.test"]["verdict"] == "enforcing-and-losing-mail"
    assert "certificate-expired" in results["expired.test"]["findings"]
    assert results["no such name"]["fault"].startswith("no domain name: ")
    assert results["absent.test"]["facts"]["sts"] == "absent"


def test_a_host_that_has_opted_out_is_not_contacted(desk: Daemon, lab: Lab) -> None:
    """Nothing is said of it but that nobody asked."""
    opt_out = write_inside(desk, lab.folder / "optout.txt", "mx.expired.test\ngood.test\n")

    results = scan(desk, lab, "spared", "--opt-out", opt_out)

    assert results["good.test"]["fault"] == "opted out"
    assert results["expired.test"]["facts"]["starttls"] == {"unknown": 1}
    assert "certificate-expired" not in results["expired.test"]["findings"]
