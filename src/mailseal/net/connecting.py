"""Why there was no TCP connection: the server's doing, the way there, or this machine's."""

import errno
import socket

from mailseal.checks.evidence import Failure, Trouble

# Of the public Internet's address space, never sent anything: only the way there is asked for.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_NO_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})  # a firewall of this machine's own
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})


def judge_no_connection(error: OSError, address: str) -> Failure:
    """Return what a failed connect says, or rather of whom it says something."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    match error.errno:
        case errno.ECONNREFUSED:
            return _failure(Trouble.REFUSED, "nothing listens there")
        case errno.ETIMEDOUT:
            return _failure(Trouble.TIMEOUT, "no connection before the system gave up")
        case errno.ECONNRESET | errno.ECONNABORTED | errno.EPIPE:
            return _failure(Trouble.CLOSED, "the connection was reset at once")
        case number if number in _NO_WAY | _NO_ADDRESS and not has_way_out(family):
            which = "IPv6" if family == socket.AF_INET6 else "IPv4"
            return _failure(Trouble.NO_FAMILY, f"this machine has no {which}")
        case number if number in _NO_WAY:
            return _failure(Trouble.UNREACHABLE, "no way leads there from here")
        case number if number in _FORBIDDEN:
            return _failure(Trouble.BLOCKED, "this machine forbids the connection")
        case number if number in _NO_ADDRESS | _EXHAUSTED:
            return _failure(Trouble.SKIPPED, "this machine can open no more connections")
        case _:
            reason = error.strerror or "the connection failed"
            return _failure(Trouble.UNREACHABLE, reason)


def has_way_out(family: socket.AddressFamily) -> bool:
    """Tell whether this machine has a route to the Internet by a family; sends nothing."""
    return own_address(family) is not None


def own_address(family: socket.AddressFamily) -> str | None:
    """Return the address that this machine asks the Internet from, None without a route there."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_FAR[family], 9))  # of UDP: nothing is sent
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _failure(trouble: Trouble, reason: str) -> Failure:
    return Failure(trouble=trouble, reason=reason)
