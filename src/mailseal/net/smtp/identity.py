"""The name that we say EHLO with (RFC 5321 §4.1.4)."""

import re
import socket

from mailseal.net.smtp.connecting import has_way_out

_NAME = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+", re.ASCII)
_FAR_V4 = "192.0.2.1"


def find_ehlo_name() -> str:
    """Return this machine's own full name, or its address as a literal where it has none.

    May ask DNS, so call it once, before the event loop runs. Servers refuse a bare "localhost".
    """
    name = socket.getfqdn()
    if _NAME.fullmatch(name) and not name.startswith("localhost."):
        return name
    return f"[{_own_address()}]"


def _own_address() -> str:
    if not has_way_out(socket.AF_INET):
        return "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((_FAR_V4, 9))  # of UDP: nothing is sent
        return str(probe.getsockname()[0])
