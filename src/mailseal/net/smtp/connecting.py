"""Why there was no TCP connection: the server's doing, the way there, or this machine's."""

import errno
import socket

from mailseal.checks.evidence import Trouble
from mailseal.net.smtp.ending import SessionEnded

# Of the public Internet's address space, never sent anything: only the way there is asked for.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_NO_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})  # a firewall of this machine's own
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})


def explain_no_connection(error: OSError, address: str) -> SessionEnded:
    """Return what a failed connect says, or rather of whom it says something."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    match error.errno:
        case errno.ECONNREFUSED:
            return SessionEnded(Trouble.REFUSED, "the connection was refused")
        case errno.ETIMEDOUT:
            return SessionEnded(Trouble.TIMEOUT, "no connection before the system gave up")
        case errno.ECONNRESET | errno.ECONNABORTED | errno.EPIPE:
            return SessionEnded(Trouble.CLOSED, "the connection was reset at once")
        case number if number in _NO_WAY | _NO_ADDRESS and not has_way_out(family):
            which = "IPv6" if family == socket.AF_INET6 else "IPv4"
            return SessionEnded(Trouble.NO_FAMILY, f"this machine has no {which}")
        case number if number in _NO_WAY:
            return SessionEnded(Trouble.UNREACHABLE, "no way leads there from here")
        case number if number in _FORBIDDEN:
            return SessionEnded(Trouble.BLOCKED, "this machine forbids the connection")
        case number if number in _NO_ADDRESS | _EXHAUSTED:
            return SessionEnded(Trouble.SKIPPED, "this machine can open no more connections")
        case _:
            reason = error.strerror or "the connection failed"
            return SessionEnded(Trouble.UNREACHABLE, reason)


def has_way_out(family: socket.AddressFamily) -> bool:
    """Tell whether this machine has a route to the Internet by a family; sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_FAR[family], 9))
    except OSError:
        return False
    return True
