"""Where a webhook is: the one reading of its URL (RFC 3986 §3), for configuration and sender."""

import ipaddress
import re
from dataclasses import dataclass, field

import mailseal
from mailseal.names import Domain, NameSyntaxError

_HERE = {"localhost", "127.0.0.1", "::1"}
_DEFAULT_PORTS = {"http": 80, "https": 443}  # RFC 9110 §4.2
# Printable ASCII without a user's name and without a fragment, which is for browsers.
_URL = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?:\[(?P<ip6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,254}))"
    r"(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<target>[/?][!-\"$-~]*)?",
    re.ASCII,
)


class WebhookSyntaxError(mailseal.Error):
    """A text is no URL that a webhook can have; it is not repeated, since it may hold a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPlace:
    """A server and what is asked of it; ``target`` is often a secret and is not shown."""

    is_secure: bool
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def is_here(self) -> bool:
        """Tell whether it is on this machine, as far as that can be told without a look-up."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host in _HERE

    @property
    def authority(self) -> str:
        """Return host and port as the ``Host`` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == _DEFAULT_PORTS["https" if self.is_secure else "http"]
        return host if is_usual else f"{host}:{self.port}"


def parse_webhook(url: str) -> WebhookPlace:
    """Read a URL of https, or of http on this machine; raise ``WebhookSyntaxError``."""
    match = _URL.fullmatch(url)
    if match is None:
        raise WebhookSyntaxError("this is no URL of https with a host and a path")
    scheme = match["scheme"].lower()
    host = _read_address(match["ip6"]) if match["ip6"] else _read_host(match["name"])
    if scheme == "http" and host not in _HERE:
        raise WebhookSyntaxError("http is for this machine only")
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise WebhookSyntaxError("a port is a number from 1 to 65535")
    target = match["target"] or "/"
    return WebhookPlace(
        is_secure=scheme == "https",
        host=host,
        port=port,
        target=target if target.startswith("/") else f"/{target}",
    )


def _read_address(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise WebhookSyntaxError("what is in brackets is no IPv6 address") from None


def _read_host(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        pass
    try:
        return str(Domain.parse(text))
    except NameSyntaxError:
        raise WebhookSyntaxError("its host is neither a name nor an address") from None
