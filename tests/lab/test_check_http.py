"""``GET /v1/check/{domain}`` of a real service: a process of its own meets the lab's servers."""

import json
import os
from pathlib import Path

import pytest

from lab.daemon import ANSWER_SECONDS, Daemon

from .conftest import MakeDaemon
from .test_http import Connection

pytestmark = pytest.mark.lab


@pytest.fixture
def checking(make_daemon: MakeDaemon) -> Daemon:
    """Give a running service that checks domains over HTTP."""
    daemon = make_daemon({})
    text = daemon.config.read_text()
    daemon.config.write_text(text.replace("[http]\n", "[http]\ncheck = true\n"))
    daemon.start()
    return daemon


def ask(daemon: Daemon, domain: str, **headers: str) -> tuple[int, str, bytes]:
    """Ask for a check; return status, content type and body."""
    connection = Connection(daemon.http)
    try:
        connection.request("GET", f"/v1/check/{domain}", headers=headers)
        with connection.getresponse() as response:
            return response.status, response.headers["content-type"], response.read()
    finally:
        connection.close()


def checkers(daemon: Daemon) -> list[int]:
    """Return the niceness of each process that checks."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().split(b"\0")
            if words[1:4] == [b"-m", b"mailseal.wiring", b"checker"]:
                found.append(os.getpriority(os.PRIO_PROCESS, int(line.parent.name)))
        except (OSError, ValueError):
            continue  # it has just ended
    return found


def test_a_domain_is_looked_at_and_judged(checking: Daemon) -> None:
    """The same findings as the command's, by a nice process; mail servers are still answered."""
    status, _, body = ask(checking, "expired.test")
    document = json.loads(body)

    assert status == 200
    assert document["verdict"] == "enforcing-and-losing-mail"
    assert document["exit_code"] == 2
    assert "certificate-expired" in {one["code"] for one in document["findings"]}
    done = checking.command("check", "expired.test", "--format", "json")
    command = json.loads(done.stdout)
    assert document["findings"] == command["findings"]
    assert 19 in checkers(checking)
    assert checking.ask("good.test").startswith("OK secure")


def test_progress_comes_before_the_answer(checking: Daemon) -> None:
    """Events, as a page's EventSource reads them."""
    _, content_type, body = ask(checking, "good.test", Accept="text/event-stream")
    assert content_type == "text/event-stream"
    events = [part.split("\n") for part in body.decode().split("\n\n") if part]
    names = [lines[0].removeprefix("event: ") for lines in events]

    assert names[-1] == "result"
    assert set(names[:-1]) == {"progress"}
    result = json.loads(events[-1][1].removeprefix("data: "))
    assert result["domain"] == "good.test"
    assert result["seconds"] < ANSWER_SECONDS
