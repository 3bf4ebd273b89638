"""What a service manager hands over by the environment: sd_listen_fds(3), sd_notify(3)."""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
MAX_DESCRIPTORS = 256  # ours: four times as many listeners as a configuration may have
_VARIABLES = (
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedSocket:
    """A descriptor of a listening socket, and the name that the unit gives it."""

    descriptor: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """All that was handed over; nothing, where no service manager is."""

    sockets: tuple[PassedSocket, ...] = ()
    notify_socket: str | None = None
    watchdog_seconds: float | None = None


def take_handover(environment: MutableMapping[str, str] | None = None) -> Handover:
    """Read what is meant for this process, and take it out of the environment.

    Else a child would take it for its own.
    """
    source = os.environ if environment is None else environment
    values = {name: source.pop(name, "") for name in _VARIABLES}
    own = str(os.getpid())
    sockets: tuple[PassedSocket, ...] = ()
    if values["LISTEN_PID"] == own:
        number = min(_number(values["LISTEN_FDS"]), MAX_DESCRIPTORS)
        names = values["LISTEN_FDNAMES"].split(":")
        sockets = tuple(
            PassedSocket(
                descriptor=FIRST_DESCRIPTOR + place,
                name=names[place] if place < len(names) else "",
            )
            for place in range(number)
        )
    microseconds = _number(values["WATCHDOG_USEC"])
    is_watched = microseconds > 0 and values["WATCHDOG_PID"] in ("", own)
    return Handover(
        sockets=sockets,
        notify_socket=values["NOTIFY_SOCKET"] or None,
        watchdog_seconds=microseconds / 1_000_000 if is_watched else None,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
