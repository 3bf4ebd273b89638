"""Listening addresses of the other daemons, as a ``[[listen]]`` of ours."""

import ipaddress
import re
from typing import Any

from mailseal.config.addresses import MAX_SOCKET_PATH_BYTES
from mailseal.config.moving.notes import Draft, show

LOCAL_HOSTS = {"localhost": "127.0.0.1", "localhost.localdomain": "127.0.0.1"}
ANYWHERE = "0.0.0.0"  # noqa: S104 - what the other daemon was told, said plainly in a note
_MODE = re.compile(r"(?:0o?)?([0-7]{3})", re.ASCII)


def listen_tcp(draft: Draft, key: str, host: object, port: object) -> None:
    """Listen where the other daemon listened, or tell why not."""
    name = str(host) if host not in (None, "", "*") else ANYWHERE
    name = LOCAL_HOSTS.get(name.lower(), name)
    number = _port(port)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        draft.lose(key, f"host {show(host)} is no IP address; add [[listen]] with its address")
        return
    if number is None:
        draft.lose(key, f"port {show(port)} is none; add [[listen]] with the address")
        return
    written = f"[{address}]:{number}" if address.version == 6 else f"{address}:{number}"
    listener: dict[str, Any] = {"protocol": "socketmap", "address": written}
    if not address.is_loopback:
        listener["allow_remote"] = True
        draft.differ(
            key,
            f"other machines can reach {written}, so allow_remote is set; the protocol has no "
            "encryption, and whoever is on the way may forge answers",
        )
    draft.document.setdefault("listen", []).append(listener)
    draft.carry(key, f"listens on {written}")


def listen_unix(draft: Draft, key: str, path: object, mode: object) -> None:
    """Listen on the same UNIX socket, or tell why not; without ``mode`` ours decides."""
    if (
        not isinstance(path, str)
        or not path.startswith("/")
        or not path.isprintable()
        or len(path.encode()) > MAX_SOCKET_PATH_BYTES
    ):
        draft.lose(key, f"{show(path)} is no absolute path of a socket; add [[listen]] with one")
        return
    listener = {"protocol": "socketmap", "address": f"unix:{path}"}
    draft.carry(key, f"listens on unix:{path}; its folder must be writable for mailseal")
    if mode is not None:
        if (written := file_mode(mode)) is None:
            draft.lose(key, f"mode {show(mode)} cannot be read; the socket gets 0666")
        else:
            listener["mode"] = written
            draft.carry(key, f"the socket gets mode {written}")
    draft.document.setdefault("listen", []).append(listener)


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
