"""HTTP of the whole service, both processes: what a scrape and a probe find."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.serving import GUARD_SECONDS, MAILSEAL, Serving, read_to_end, until

KEEPER = Path(__file__).parents[2] / "lab" / "keeper.py"  # holds sockets, as systemd would
RESTARTS = 2


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """Give a running service."""
    service = Serving(tmp_path)
    service.start()
    yield service
    service.stop()


def get(path: Path, target: str) -> tuple[int, bytes]:
    """Make one request; return status and body."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(GUARD_SECONDS)
        client.connect(os.fspath(path))
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def metrics(path: Path) -> dict[tuple[str, tuple[str, ...]], float]:
    """Scrape; return the samples by name and the values of their labels."""
    status, body = get(path, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(value for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def http_of(serving: Serving) -> Path:
    """Return where the service listens for HTTP."""
    return serving.folder / "http"


def as_json(answer: tuple[int, bytes]) -> Any:
    """Return the body as JSON."""
    return json.loads(answer[1])


def test_a_scrape_sees_both_processes(serving: Serving) -> None:
    """What mail servers asked of the one, and what the other made of it."""
    http = http_of(serving)
    for _ in range(3):
        assert serving.ask(b"postfix a..b") == b"NOTFOUND "
    assert serving.ask(b"postfix never-asked.test") == b"OK dane"

    seen = metrics(http)

    assert seen["mailseal_requests_total", ("no-lookup",)] == 3
    assert seen["mailseal_requests_total", ("waited",)] == 1
    assert seen["mailseal_wait_seconds_count", ()] == 1
    assert seen["mailseal_questions_total", ("miss",)] == 1
    assert seen["mailseal_decisions_total", ("dane-opportunistic", "postfix", "postfix")] == 1
    assert seen["mailseal_cold_answer_seconds_count", ()] == 1
    assert seen["mailseal_dns_lookups_total", ("refused", "TXT")] >= 1
    assert seen["mailseal_connection_events_total", ("accepted",)] == 4
    assert seen["mailseal_resolver_starts_total", ()] == 1
    assert seen["mailseal_listeners", ()] == 2
    assert seen["mailseal_answerer_up", ()] == 1
    assert seen["mailseal_process_resident_bytes", ("answerer",)] > 1_000_000
    assert seen["mailseal_process_resident_bytes", ("resolver",)] > 1_000_000


def test_a_policy_and_the_health_of_a_service_without_dns(running: Serving) -> None:
    """It is ready all the same, and says what a sender should do."""
    http = http_of(running)

    assert as_json(get(http, "/health/live")) == {"live": True}
    assert as_json(get(http, "/health/ready"))["ready"] is True
    answer = as_json(get(http, "/v1/policy/never-asked.test"))
    assert answer["decision"]["action"] == "prefer-dane"
    assert answer["exchange"]["state"] == "unknown"


def test_a_scrape_waits_for_the_next_resolver(running: Serving) -> None:
    """Whoever asks while there is none is answered by the next; its start is counted."""
    http = http_of(running)
    before = metrics(http)["mailseal_resolver_starts_total", ()]
    _, resolver = running.pids

    os.kill(resolver, signal.SIGKILL)

    assert metrics(http)["mailseal_resolver_starts_total", ()] == before + 1
    assert get(http, "/health/ready")[0] == 200


def test_a_restart_refuses_no_scrape(tmp_path: Path) -> None:
    """With socket activation whoever asks meanwhile waits for the next service."""
    serving = Serving(tmp_path)
    http, pid_file = http_of(serving), tmp_path / "pid"
    places = [serving.socketmap, serving.line, http]
    command: list[str | Path] = [sys.executable, "-I", KEEPER, pid_file, *places, "--"]
    with (
        serving.log.open("ab") as log,
        subprocess.Popen(
            [*command, MAILSEAL, "serve", "--config", serving.config],
            stdout=log,
            stderr=log,
            start_new_session=True,  # the reason is with Serving.launch
        ) as keeper,
    ):
        try:
            until(pid_file.exists)
            served_by = set()
            for _ in range(RESTARTS):
                before = pid_file.read_text()
                served_by.add(metrics(http)["mailseal_resolver_start_time_seconds", ()])
                keeper.send_signal(signal.SIGHUP)
                while pid_file.read_text() == before:
                    assert get(http, "/metrics")[0] == 200
            served_by.add(metrics(http)["mailseal_resolver_start_time_seconds", ()])
            inode = http.stat().st_ino
        finally:
            keeper.terminate()

    assert len(served_by) == RESTARTS + 1
    assert http.stat().st_ino == inode  # the file belongs to whoever made it


def test_a_reload_can_move_it(running: Serving) -> None:
    """The new place answers, the old one is gone, and mail servers notice nothing; back as well."""
    http, moved = http_of(running), running.folder / "moved"
    with running.connect() as client:
        for old, new in ((http, moved), (moved, http)):
            running.config.write_text(running.config.read_text().replace(str(old), str(new)))
            running.reload()
            assert new.exists()
            assert not old.exists()
            client.sendall(b"12:postfix a..b,")
            assert client.recv(100) == b"9:NOTFOUND ,"
            assert as_json(get(new, "/health/live")) == {"live": True}


def test_a_reload_changes_who_may_open_it(running: Serving) -> None:
    """The socket stays, with other permissions."""
    http = http_of(running)
    before = http.stat()
    text = running.config.read_text()
    running.config.write_text(text.replace("[http]\n", '[http]\nmode = "0600"\n'))

    running.reload()

    assert (before.st_mode & 0o777, http.stat().st_mode & 0o777) == (0o666, 0o600)
    assert http.stat().st_ino == before.st_ino
    assert get(http, "/health/live")[0] == 200


def test_a_place_that_cannot_be_had_keeps_nobody_from_being_answered(tmp_path: Path) -> None:
    """It is told in the log; mail is worth more than its metrics."""
    serving = Serving(tmp_path)
    http = http_of(serving)
    http.write_text("something else\n")
    serving.start()
    try:
        assert serving.ask(b"postfix a..b") == b"NOTFOUND "
        assert "the HTTP listener cannot be opened" in serving.log.read_text()
    finally:
        serving.stop()
    assert http.read_text() == "something else\n"


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    """Then nothing listens, and nothing is loaded for it."""
    serving = Serving(tmp_path)
    text = serving.config.read_text().replace("[http]\n", "[http]\nenabled = false\n")
    serving.config.write_text(text)
    serving.start()
    try:
        assert serving.ask(b"postfix a..b") == b"NOTFOUND "
        assert not http_of(serving).exists()
    finally:
        serving.stop()
