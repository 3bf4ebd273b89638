"""Opens the sockets that MTAs connect to; none is reachable before its rights are set."""

import errno
import grp
import os
import pwd
import socket
import stat
from pathlib import Path

import mailseal
from mailseal.faces.policyd.settings import Listener, OpenListener, TcpListener, UnixListener

BACKLOG = 4096  # the kernel's own default limit, net.core.somaxconn
MAX_PATH_BYTES = 107  # sun_path of unix(7), with its final zero


class ListenError(mailseal.Error):
    """A listener cannot be opened; the message says which and why."""


def open_listener(listener: Listener) -> list[socket.socket]:
    """Open one listener; a host name may stand for several addresses.

    Raises ``ListenError``, and then leaves nothing open.
    """
    match listener:
        case TcpListener(host=host, port=port):
            return _open_tcp(host, port)
        case UnixListener():
            return [_open_unix(listener)]
        case OpenListener(socket=passed):
            # The one that was handed over stays open: a later reload may want it again.
            opened = passed.dup()
            opened.setblocking(False)
            return [opened]


def place_of(listener: Listener) -> object:
    """Return what two listeners cannot have in common."""
    match listener:
        case TcpListener(host=host, port=port):
            return host, port
        case UnixListener(path=path):
            return path
        case OpenListener(socket=passed):
            return passed.fileno()


def set_rights(listener: UnixListener, path: Path) -> None:
    """Give a socket's file its owner and mode; raises ``ListenError``."""
    user, group = _user_id(listener.owner), _group_id(listener.group)
    try:
        if (user, group) != (-1, -1):
            os.chown(path, user, group, follow_symlinks=False)
        path.chmod(listener.mode)
    except OSError as error:
        raise ListenError(
            f"cannot set owner and mode of {listener.path}: {error.strerror or error}"
        ) from error


def remove_unix(listener: UnixListener) -> None:
    """Take a closed socket out of the file system, unless someone else's stands there by now."""
    try:
        probe_state = _state_of(listener.path)
        if probe_state == "stale":
            listener.path.unlink(missing_ok=True)
    except (OSError, ListenError):
        return


def _open_tcp(host: str, port: int) -> list[socket.socket]:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    opened: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            server = socket.socket(family, kind, protocol)
            opened.append(server)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.bind(address)
            server.listen(BACKLOG)
            server.setblocking(False)
    except OSError as error:
        for server in opened:
            server.close()
        raise ListenError(f"cannot listen on {where}: {error.strerror or error}") from error
    return opened


def _open_unix(listener: UnixListener) -> socket.socket:
    path = listener.path
    if _state_of(path) == "live":
        raise ListenError(f"cannot listen on {path}: another process listens there")
    # Made under another name, so that nobody can connect before owner and mode are set, and
    # put in place by a rename, so that there is no moment without a socket.
    made = path.with_name(f".{path.name}.new")
    if len(os.fsencode(made)) > MAX_PATH_BYTES:
        raise ListenError(f"cannot listen on {path}: the path is too long for a UNIX socket")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o177)
    try:
        made.unlink(missing_ok=True)
        server.bind(os.fspath(made))
        set_rights(listener, made)
        server.listen(BACKLOG)
        server.setblocking(False)
        made.rename(path)
    except OSError as error:
        server.close()
        made.unlink(missing_ok=True)
        raise ListenError(f"cannot listen on {path}: {error.strerror or error}") from error
    except ListenError:
        server.close()
        made.unlink(missing_ok=True)
        raise
    finally:
        os.umask(umask)
    return server


def _state_of(path: Path) -> str:
    """Return "free", "stale" (nobody listens any more) or "live"."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "free"
    except OSError as error:
        raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"cannot listen on {path}: something that is no socket stands there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(os.fspath(path))
    # EAGAIN says its queue is full: someone listens, though slowly.
    if code in (0, errno.EAGAIN, errno.EINPROGRESS, errno.EACCES):
        return "live"
    return "stale"


def _user_id(name: str | None) -> int:
    if name is None:
        return -1
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise ListenError(f'the owner "{name}" of a socket is no user here') from error


def _group_id(name: str | None) -> int:
    if name is None:
        return -1
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ListenError(f'the group "{name}" of a socket is no group here') from error
