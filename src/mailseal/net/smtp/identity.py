"""The name that we say EHLO with (RFC 5321 §4.1.4)."""

import re
import socket

from mailseal.net.connecting import own_address

_NAME = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+", re.ASCII)


def find_ehlo_name() -> str:
    """Return this machine's own full name, or its address as a literal where it has none.

    May ask DNS, so call it once, before the event loop runs. Servers refuse a bare "localhost".
    """
    name = socket.getfqdn()
    if _NAME.fullmatch(name) and not name.startswith("localhost."):
        return name
    return f"[{own_address(socket.AF_INET) or '127.0.0.1'}]"
