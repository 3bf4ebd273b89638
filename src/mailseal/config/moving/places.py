"""Listening addresses of the other daemons, as a ``[[listen]]`` of ours."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from mailseal.config.addresses import MAX_SOCKET_PATH_BYTES
from mailseal.config.moving.notes import Draft, show

LOCAL_HOSTS = {"localhost": "127.0.0.1", "localhost.localdomain": "127.0.0.1"}
ANYWHERE = "0.0.0.0"  # noqa: S104 - what the other daemon was told, said plainly in a note
_MODE = re.compile(r"(?:0o?)?([0-7]{3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address in our own writing."""

    written: str
    is_unix: bool = False
    is_remote: bool = False  # other machines can reach it


def tcp_place(host: object, port: object) -> Place | None:
    """Read a host and a port as the other daemons take them; None for what is no address."""
    name = str(host) if host not in (None, "", "*") else ANYWHERE
    number = _port(port)
    try:
        address = ipaddress.ip_address(LOCAL_HOSTS.get(name.lower(), name))
    except ValueError:
        return None
    if number is None or "%" in str(address):
        return None
    written = f"[{address}]:{number}" if address.version == 6 else f"{address}:{number}"
    return Place(written=written, is_remote=not address.is_loopback)


def unix_place(path: object) -> Place | None:
    """Read the path of a UNIX socket; None for what cannot be one."""
    if (
        not isinstance(path, str)
        or not path.startswith("/")
        or not path.isprintable()
        or len(path.encode("utf-8", "replace")) > MAX_SOCKET_PATH_BYTES
    ):
        return None
    return Place(written=f"unix:{path}", is_unix=True)


def tcp_or_unix(text: str) -> Place | None:
    """Read ``HOST:PORT`` or ``unix:/PATH``."""
    if text.strip().startswith("unix:"):
        return unix_place(text.strip().removeprefix("unix:"))
    parts = split_address(text)
    return tcp_place(*parts) if parts else None


def listen(draft: Draft, key: str, place: Place, mode: object) -> None:
    """Listen where the other daemon listened; without ``mode`` a UNIX socket gets ours."""
    listener: dict[str, Any] = {"protocol": "socketmap", "address": place.written}
    draft.document.setdefault("listen", []).append(listener)
    if not place.is_unix:
        draft.carry(key, f"listens on {place.written}")
        if place.is_remote:
            listener["allow_remote"] = True
            draft.differ(
                key,
                f"other machines can reach {place.written}, so allow_remote is set; the protocol "
                "has no encryption, and whoever is on the way may forge answers",
            )
        return
    draft.carry(key, f"listens on {place.written}; its folder must be writable for mailseal")
    if mode is None:
        draft.differ(key, "no mode is set: the socket gets 0666, not what the umask leaves")
    elif (written := file_mode(mode)) is None:
        draft.lose(key, f"mode {show(mode)} cannot be read; the socket gets 0666")
    else:
        listener["mode"] = written
        draft.carry(key, f"the socket gets mode {written}")


def file_mode(raw: object) -> str | None:
    """Read permissions as YAML gives them: a number, which was octal, or text."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= 0o777:
        return f"{raw:04o}"
    if isinstance(raw, str) and (match := _MODE.fullmatch(raw)):
        return f"0{match[1]}"
    return None


def split_address(text: str) -> tuple[str, str] | None:
    """Split ``HOST:PORT``, ``[IPv6]:PORT`` or ``:PORT``."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or (":" in host) is not (host.startswith("[") and host.endswith("]")):
        return None
    return host.removeprefix("[").removesuffix("]"), port


def _port(raw: object) -> int | None:
    text = str(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else ""
    if text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536:
        return int(text)
    return None
