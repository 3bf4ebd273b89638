"""What the answerer is told: where to listen, which zones exist, and its bounds."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mailseal.faces.logline import LineLog, Log


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpListener:
    """An address to listen on: socketmap, or the one-line protocol for ``line_zone``."""

    host: str
    port: int
    line_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixListener:
    """A socket in the file system; owner and group are names or numbers, None for our own."""

    path: Path
    mode: int = 0o600
    owner: str | None = None
    group: str | None = None
    line_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenListener:
    """A socket that listens already, as a service manager hands it over."""

    socket: socket.socket
    line_zone: str | None = None


Listener = TcpListener | UnixListener | OpenListener


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What one map name means: a profile, and when its asker must have an answer.

    The resolver answers within the profile's own time; ``deadline`` is a little later, and
    only reached when the resolver is gone or stuck. ``mark`` differs whenever the zone's
    answers may: two equal zones have the same answers.
    """

    profile: str
    deadline: timedelta
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a crowd, a slow client or a hostile one can make the answerer hold.

    connections
        Further ones are closed at once, after idle ones were closed in vain. Lowered to what
        the process may open.
    pending_per_connection
        Requests without an answer on one connection; beyond, it is not read from.
    questions, waiting
        Distinct questions to the resolver, and requests that wait for them; beyond, TEMP.
    table_entries, table_bytes
        Kept answers; beyond, those put longest ago are forgotten and would be asked again.
    idle
        A connection without a request is closed. Postfix closes its own after 10 s.
    slow_reader
        A client that does not take its answers is dropped.
    stop
        How long pending answers are waited for when the service ends.
    renewal
        How long an answer past its freshness is given without asking for it again.
    """

    connections: int = 16_384
    pending_per_connection: int = 64
    questions: int = 10_000
    waiting: int = 65_536
    table_entries: int = 200_000
    table_bytes: int = 256 * 1024 * 1024
    idle: timedelta = timedelta(seconds=60)
    slow_reader: timedelta = timedelta(seconds=30)
    stop: timedelta = timedelta(seconds=5)
    renewal: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswererConfig:
    """All that the answerer works by; ``zones`` is keyed by map name, and by ``line_zone``.

    ``default_zone`` is the one for all map names that are no zone; without it they get PERM.
    ``http`` is opened here and read by the resolver's process; without any there is no HTTP.
    About one in ``sample_hits`` answers from memory is logged, none with 0.
    """

    listeners: tuple[Listener, ...]
    zones: Mapping[str, Zone]
    default_zone: str | None = None
    http: tuple[Listener, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)
    sample_hits: int = 0
    log: Log = field(default_factory=LineLog)
