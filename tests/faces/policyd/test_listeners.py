"""The sockets that MTAs connect to: rights, stale files, live neighbours, clear errors."""

import os
import socket
import stat
from pathlib import Path

import pytest

from mailseal.faces.policyd.listeners import ListenError, open_listener, remove_unix
from mailseal.faces.policyd.settings import OpenListener, TcpListener, UnixListener


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_unix_socket_has_its_mode(tmp_path: Path, mode: int) -> None:
    """The mode is the configured one, whatever the umask."""
    listener = UnixListener(path=tmp_path / "s", mode=mode, group=str(os.getgid()))
    [opened] = open_listener(listener)
    with opened:
        assert stat.S_IMODE(listener.path.stat().st_mode) == mode
        assert [path.name for path in tmp_path.iterdir()] == ["s"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(listener.path))


def test_a_stale_socket_is_replaced_and_a_live_one_refused(tmp_path: Path) -> None:
    """A file left by a dead process is no hindrance, a working service is not pushed aside."""
    listener = UnixListener(path=tmp_path / "s")
    [first] = open_listener(listener)
    with pytest.raises(ListenError, match="another process listens there"):
        open_listener(listener)
    first.close()
    [second] = open_listener(listener)
    second.close()
    remove_unix(listener)
    assert list(tmp_path.iterdir()) == []


def test_a_successors_socket_is_not_removed(tmp_path: Path) -> None:
    """Whoever ends takes only its own socket away."""
    listener = UnixListener(path=tmp_path / "s")
    [first] = open_listener(listener)
    listener.path.unlink()
    [second] = open_listener(listener)
    first.close()
    with second:
        remove_unix(listener)
        assert listener.path.is_socket()


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    """A path that holds something else is somebody's mistake, and not repaired by deletion."""
    path = tmp_path / "s"
    path.write_text("mail")
    with pytest.raises(ListenError, match="no socket"):
        open_listener(UnixListener(path=path))
    assert path.read_text() == "mail"


@pytest.mark.parametrize(
    ("listener", "message"),
    [
        (UnixListener(path=Path("/nonexistent/s")), "No such file"),
        (UnixListener(path=Path("/tmp") / ("s" * 120)), "too long"),  # sun_path has 107 bytes
        (TcpListener(host="192.0.2.1", port=1), "192.0.2.1:1"),  # not an address of this machine
    ],
)
def test_what_cannot_be_opened_is_named(listener: UnixListener | TcpListener, message: str) -> None:
    """The error says which listener and why."""
    with pytest.raises(ListenError, match=message):
        open_listener(listener)


@pytest.mark.parametrize(("owner", "group"), [("no-such-name", None), (None, "no-such-name")])
def test_unknown_owners_are_named(tmp_path: Path, owner: str | None, group: str | None) -> None:
    """A user or group that does not exist leaves no socket behind."""
    listener = UnixListener(path=tmp_path / "s", owner=owner, group=group)
    with pytest.raises(ListenError, match="no-such-name"):
        open_listener(listener)
    assert list(tmp_path.iterdir()) == []


def test_ipv4_and_ipv6_side_by_side() -> None:
    """Both families can have the same port, since the IPv6 socket takes no IPv4."""
    [four] = open_listener(TcpListener(host="127.0.0.1", port=0))
    port = four.getsockname()[1]
    with four:
        [six] = open_listener(TcpListener(host="::1", port=port))
        with six:
            assert six.getsockname()[:2] == ("::1", port)


def test_an_open_socket_is_taken_as_it_is() -> None:
    """A service manager may have opened it."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        [taken] = open_listener(OpenListener(socket=opened))
        with taken:
            assert taken.getsockname() == opened.getsockname()
