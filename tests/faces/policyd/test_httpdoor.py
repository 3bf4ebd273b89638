"""The sockets that HTTP is answered at: opened together, kept over a reload, given up together."""

import socket
from contextlib import ExitStack
from pathlib import Path

from mailseal.faces.policyd.httpdoor import HttpDoor
from mailseal.faces.policyd.settings import Listener, OpenListener, UnixListener


class Told:
    """A log that remembers its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, event: str, *, level: str = "warning", **facts: object) -> None:
        """Take a line."""
        self.lines.append(f"{level} {event} {facts}")


def test_http_is_at_every_socket_handed_over_and_at_its_own_address(tmp_path: Path) -> None:
    """A reload that changes nothing keeps all of them; the end leaves what others made."""
    log, path = Told(), tmp_path / "http"
    with ExitStack() as opened:
        passed = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        handed_over: list[Listener] = [OpenListener(socket=one) for one in passed]
        wanted = [*handed_over, UnixListener(path=path)]
        door = HttpDoor(wanted, log)
        assert len(door.sockets) == 3

        assert door.succeed(wanted, log) is door
        assert path.exists()

        moved = [*handed_over, UnixListener(path=tmp_path / "moved")]
        other = door.succeed(moved, log)
        door.close()
        assert not path.exists()
        assert len(other.sockets) == 3
        assert other.succeed([], log).sockets == ()
        other.close()

        assert all(one.fileno() >= 0 for one in passed)
    assert list(tmp_path.iterdir()) == []
    assert log.lines == []


def test_one_address_that_cannot_be_had_costs_no_other(tmp_path: Path) -> None:
    """It is told, and tried again at the next reload."""
    log, path = Told(), tmp_path / "http"
    path.write_text("in the way")
    with socket.create_server(("127.0.0.1", 0)) as passed:
        wanted: list[Listener] = [OpenListener(socket=passed), UnixListener(path=path)]
        door = HttpDoor(wanted, log)
        assert len(door.sockets) == 1
        assert len(log.lines) == 1
        assert "cannot be opened" in log.lines[0]

        path.unlink()
        mended = door.succeed(wanted, log)
        door.close()
        assert len(mended.sockets) == 2
        assert path.exists()
        mended.close()
    assert len(log.lines) == 1
