"""The answerer as a process of its own, with a resolver that is a real child."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.serving import GUARD_SECONDS, until

# A resolver as short as can be: it answers every question with its own process id.
RESOLVER = """
import os, socket, sys
from mailseal.wire import link, netstring
way = socket.socket(fileno=int(sys.argv[-1]))
reader = netstring.Reader(link.MAX_MESSAGE_BYTES)
while data := way.recv(65536):
    reader.feed(data)
    while (payload := reader.next_payload()) is not None:
        message = link.decode(payload)
        if isinstance(message, link.StatsRequest):
            way.sendall(netstring.encode(link.encode(link.Stats(counters=b"{}"))))
        if isinstance(message, link.Ask) and message.next_hop != "silent.example":
            put = link.Put(zone=message.zone, next_hop=message.next_hop, fresh_for_ms=60000,
                           usable_for_ms=60000, reply=b"OK %d" % os.getpid())
            way.sendall(netstring.encode(link.encode(put)))
"""
SERVE = """
import sys
from datetime import timedelta
from pathlib import Path
from mailseal.faces.policyd.answerer import AnswererConfig, UnixListener, Zone
from mailseal.faces.policyd.process import run
config = AnswererConfig(
    listeners=(UnixListener(path=Path(sys.argv[1])),),
    zones={"postfix": Zone(profile="postfix", deadline=timedelta(seconds=11))},
)
sys.exit(run(config, (sys.executable, "-c", sys.argv[2]), b"{}"))
"""
# Nothing of these may be loaded: they cost the start, and a hit needs none of them.
HEAVY = ("dns", "sqlalchemy", "structlog", "click", "cryptography", "mailseal.mtasts", "h11")


class Service:
    """A running answerer process and what it wrote to standard error."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "s"
        self.log = folder / "log"
        self.clients: list[socket.socket] = []
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(self.path), RESOLVER],
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
            )

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.clients.append(client)
        client.settimeout(GUARD_SECONDS)

        def is_connected() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                client.connect(os.fspath(self.path))
                return True
            return False

        until(is_connected)
        return client

    def end(self) -> int:
        """End it as a service manager would; return its status."""
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(GUARD_SECONDS)

    def ask(self, client: socket.socket, key: str) -> str:
        payload = f"postfix {key}".encode()
        client.sendall(b"%d:%b," % (len(payload), payload))
        return client.recv(4096).decode()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path)
    yield running
    running.end()


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_killed_resolver_is_replaced_and_a_signal_ends_everything(service: Service) -> None:
    """Known names are answered all the time; SIGTERM ends both processes with status 0."""
    client = service.connect()
    first = service.ask(client, "a.example")
    pid = int(first.split()[1].rstrip(","))
    os.kill(pid, signal.SIGKILL)
    assert service.ask(client, "a.example") == first
    second = service.ask(client, "b.example")
    other = int(second.split()[1].rstrip(","))
    assert other != pid
    assert service.ask(client, "a.example") == first
    service.process.send_signal(signal.SIGHUP)  # reserved: nothing happens
    assert service.ask(client, "b.example") == second
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(GUARD_SECONDS) == 0
    assert not is_alive(other)
    assert not service.path.exists()
    assert "the resolver has ended" in service.log.read_text()


def test_a_killed_answerer_takes_its_resolver_along(service: Service) -> None:
    """The child sees the end of the link and ends; a new service takes the stale socket."""
    client = service.connect()
    pid = int(service.ask(client, "a.example").split()[1].rstrip(","))
    service.process.kill()
    service.process.wait()
    until(lambda: not is_alive(pid))
    again = Service(service.path.parent)
    try:
        assert ":OK " in service.ask(again.connect(), "a.example")
    finally:
        assert again.end() == 0


def test_a_second_service_on_the_same_socket_is_refused(service: Service) -> None:
    """It ends with status 1 and says why; the first goes on."""
    client = service.connect()
    before = service.ask(client, "a.example")
    second = Service(service.path.parent)
    assert second.process.wait(GUARD_SECONDS) == 1
    assert "another process listens there" in second.log.read_text()
    assert service.ask(client, "a.example") == before


def test_the_answerer_loads_nothing_heavy() -> None:
    """Starting must not wait for libraries that only the resolver needs."""
    code = (
        "import sys, mailseal.faces.policyd.answerer;"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
    )
    assert done.stdout.strip() == "[]"
