"""What is loaded by those who answer mail servers: nothing that judges domains.

A type in a Protocol or an annotation is enough to load sixty modules, and nobody sees it: all
works, but every start of a resolver takes longer, and each one holds ten megabytes for nothing.
"""

import subprocess
from pathlib import Path

import pytest

from tests.journeys.serving import GUARD_SECONDS, MAILSEAL, Serving, read_to_end, until

JUDGING = ("mailseal.checks", "mailseal.scans", "mailseal.watch")
# Two words of the configuration have their one reading there.
FOR_CONFIGURATION = {
    "mailseal.watch",
    "mailseal.watch.mailsecurity",
    "mailseal.watch.webhookplace",
}
# The rows in which a store is asked every few seconds whether there is a domain to look at.
FOR_WATCHING_NOTHING = {
    *FOR_CONFIGURATION,
    "mailseal.checks",
    "mailseal.checks.changes",
    "mailseal.checks.finding",
    "mailseal.watch.notice",
    "mailseal.watch.records",
    "mailseal.watch.rules",
}


@pytest.fixture
def _tells_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python tell on standard error of each module that a process and its children load."""
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")


def loaded(told: str) -> set[str]:
    """Return the modules that Python told of: ``import time: SELF | CUMULATIVE | NAME``."""
    return {
        line.rpartition("|")[2].strip()
        for line in told.splitlines()
        if line.startswith("import time:")
    }


def judging(modules: set[str]) -> set[str]:
    """Return those of them that judge domains."""
    return {one for one in modules if one.startswith(JUDGING)}


def scrape(service: Serving) -> bytes:
    """Read the metrics, as Prometheus would."""
    with service.connect(service.folder / "http") as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return read_to_end(client)


def modules_of_service(folder: Path, more: str, sign: bytes) -> set[str]:
    """Return what both processes have loaded when a question and a scrape are answered.

    ``sign`` is in the metrics when all that goes on by itself has gone round once.
    """
    service = Serving(folder, more)
    service.start()
    try:
        assert service.ask(b"postfix example.com") == b"OK dane"
        until(lambda: sign in scrape(service))
    finally:
        assert service.stop() == 0
    return loaded(service.log.read_text())


@pytest.mark.usefixtures("_tells_imports")
def test_a_service_that_only_answers_mail_servers_loads_no_check(tmp_path: Path) -> None:
    """Neither of its two processes, though its store and its doors are those of checks as well."""
    modules = modules_of_service(
        tmp_path, "[monitor]\nenabled = false\n", b"mailseal_policies_expired 0"
    )

    assert {"mailseal.services.policyservice", "mailseal.faces.policyd.answerer"} <= modules
    assert judging(modules) <= FOR_CONFIGURATION


@pytest.mark.usefixtures("_tells_imports")
def test_a_service_without_watched_domains_loads_no_check(tmp_path: Path) -> None:
    """Watching is on by default, and most who run the service for their mail watch nothing."""
    modules = modules_of_service(tmp_path, "", b"mailseal_watch_alerts_waiting 0")

    assert "mailseal.services.watcher" in modules
    assert judging(modules) <= FOR_WATCHING_NOTHING


@pytest.mark.usefixtures("_tells_imports")
def test_a_query_loads_no_check(tmp_path: Path) -> None:
    """Without a running service it looks everything up by itself."""
    config = Serving(tmp_path).config
    done = subprocess.run(
        [MAILSEAL, "query", "--config", config, "example.com"],
        capture_output=True,
        text=True,
        check=True,
        timeout=GUARD_SECONDS,
    )

    modules = loaded(done.stderr)
    assert done.stdout == "example.com: OK dane\n"
    assert "mailseal.services.explainer" in modules
    assert judging(modules) <= FOR_CONFIGURATION
