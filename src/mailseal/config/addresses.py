"""Addresses and URLs as values, and the kinds of keys that hold them."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mailseal.config.kinds import Kind, RefusedValueError

MAX_SOCKET_PATH_BYTES = 107  # Linux: sockaddr_un.sun_path less its final NUL
DNS_PORT = 53  # RFC 1035 §4.2
_ESCAPES = 'a URL in whose password "@", "/" and ":" are written "%40", "%2F" and "%3A"'
_PASSWORD = re.compile(r"(:/{0,2}[^:@/]*:).*@")  # greedy: a password may hold "@" and "/"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TcpAddress:
    """An IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixAddress:
    """The absolute path of a UNIX socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class SecretUrl:
    """A URL that may hold a password: shown without it, given whole only by ``reveal``."""

    _url: str

    def reveal(self) -> str:
        """Return the URL with its password, for the one who connects."""
        return self._url

    def __str__(self) -> str:
        shown = _PASSWORD.sub(r"\1***@", self._url)
        return re.sub(r"([?&]password=)[^&]*", r"\1***", shown)

    def __repr__(self) -> str:
        return f"SecretUrl({str(self)!r})"


def address() -> Kind[TcpAddress | UnixAddress]:
    """Take what a listener binds to."""

    def read(raw: object) -> TcpAddress | UnixAddress:
        if not isinstance(raw, str):
            raise RefusedValueError
        if raw.startswith("unix:"):
            name = raw.removeprefix("unix:")
            if not name.startswith("/") or "\0" in name:
                raise RefusedValueError
            if len(name.encode("utf-8", "surrogatepass")) > MAX_SOCKET_PATH_BYTES:
                raise RefusedValueError(f"a path of at most {MAX_SOCKET_PATH_BYTES} bytes")
            return UnixAddress(path=Path(name))
        return _to_tcp_address(raw, default_port=None)

    return Kind(
        expected='"IP:PORT", "[IPv6]:PORT" or "unix:/PATH"',
        read=read,
        write=str,
    )


def resolver_address() -> Kind[TcpAddress]:
    """Take the address of a DNS resolver; port 53 goes without saying."""

    def read(raw: object) -> TcpAddress:
        if not isinstance(raw, str):
            raise RefusedValueError
        return _to_tcp_address(raw, default_port=DNS_PORT)

    return Kind(expected='"IP", "IP:PORT" or "[IPv6]:PORT"', read=read, write=str)


def _to_tcp_address(text: str, *, default_port: int | None) -> TcpAddress:
    if default_port is not None and (bare := _ip(text)):
        return TcpAddress(host=bare, port=default_port)
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        is_bracketed = True
    else:
        is_bracketed = False
    ip = _ip(host)
    if not colon or ip is None or is_bracketed is not (":" in ip):
        raise RefusedValueError
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise RefusedValueError("a port from 1 to 65535")
    return TcpAddress(host=ip, port=int(port))


def _ip(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def ip_address() -> Kind[str]:
    """Take an IP address, written back in its shortest form."""

    def read(raw: object) -> str:
        if isinstance(raw, str) and (ip := _ip(raw)):
            return ip
        raise RefusedValueError

    return Kind(expected="an IP address", read=read, write=str)


def store_url() -> Kind[SecretUrl]:
    """Take the URL of a store; what else is in it is the driver's to judge."""

    def read(raw: object) -> SecretUrl:
        if isinstance(raw, str) and raw.isprintable():
            if re.fullmatch(r"sqlite:////[^?#]+", raw):
                return SecretUrl(raw)
            if raw.startswith(("postgresql://", "postgres://")):
                # An unescaped "@" or "/" in a password would make its rest the name of a host.
                if raw.count("@") > 1 or _split(raw) is None:
                    raise RefusedValueError(_ESCAPES)
                return SecretUrl(raw)
        raise RefusedValueError

    return Kind(
        expected='"sqlite:////ABSOLUTE/PATH" or "postgresql://USER:PASSWORD@HOST/DATABASE"',
        read=read,
        write=lambda url: url.reveal(),
    )


def proxy_url() -> Kind[str]:
    """Take the URL of an HTTP proxy that speaks CONNECT."""

    def read(raw: object) -> str:
        parts = _split(raw) if isinstance(raw, str) else None
        if parts and parts[0] == "http" and parts[1] and parts[2]:
            return f"http://{parts[1]}:{parts[2]}"
        raise RefusedValueError

    return Kind(expected='"http://HOST:PORT"', read=read, write=str)


def _split(text: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host with brackets where it needs them, and port; None when malformed."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme == "http" and (parts.username or parts.path.strip("/") or parts.query):
        return None
    return parts.scheme, f"[{host}]" if ":" in host else host, port
