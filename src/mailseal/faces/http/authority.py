"""By which names this service may be asked: what keeps web pages from reading it (DNS rebinding).

A page of evil.example may give its own name our address, and its scripts then ask us as if we
were evil.example: same origin, so that the browser lets them read the answer. Such a request
names evil.example in its Host header, and is refused.
"""

import ipaddress
import re

_WITH_PORT = re.compile(r"(\[[^]]*\]|[^:]*)(?::[0-9]*)?", re.ASCII)
LOCALHOST = "localhost"  # never looked up in DNS by a browser (RFC 6761 §6.3)


def is_ours(host: str, names: frozenset[str]) -> bool:
    """Tell whether a Host header names this service: an IP address, localhost, or one of names.

    No page can be loaded under an IP address but from that address, so any will do.
    ``names`` are in lower case, without a final dot.
    """
    match = _WITH_PORT.fullmatch(host)
    if match is None:
        return False
    name = match[1].lower().removesuffix(".")
    if name.startswith("["):
        return _is_address(name[1:-1], 6)
    return name == LOCALHOST or (name != "" and name in names) or _is_address(name, 4)


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False
