"""From the configuration to what the answerer works by, sockets of a service manager included."""

import hashlib
import ipaddress
import json
import os
import socket
from collections.abc import Sequence
from datetime import timedelta

from mailseal.config import (
    Config,
    LogFormat,
    PassedSocket,
    Protocol,
    TcpAddress,
    UnixAddress,
    to_document,
)
from mailseal.faces.logline import LineLog
from mailseal.faces.policyd import settings
from mailseal.faces.policyd.answerer import Plan
from mailseal.faces.policyd.listeners import ListenError

ANSWERER_MARGIN = timedelta(seconds=1)  # over the zone's deadline, by which the resolver answers
LINE_ZONE = "exim"
HTTP_NAME = "http"  # of a socket that is no [[listen]]'s

Passed = tuple[str, socket.socket]

# Tables on which no answer depends; all others are in the mark of every zone.
_NO_ANSWER = ("state_dir", "listen", "zones", "store", "http", "log", "process")


def adopt(passed: Sequence[PassedSocket]) -> list[Passed]:
    """Return the sockets that a service manager opened, by name; raises ``ListenError``."""
    adopted: list[Passed] = []
    for one in passed:
        os.set_inheritable(one.descriptor, False)
        try:
            opened = socket.socket(fileno=one.descriptor)
            listens = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise ListenError(f'the socket "{one.name}" that was handed over is none') from error
        if not listens or opened.type is not socket.SOCK_STREAM:
            opened.close()
            raise ListenError(
                f'the socket "{one.name}" that was handed over does not listen; '
                "use ListenStream= with Accept=no"
            )
        adopted.append((one.name, opened))
    return adopted


def make_plan(config: Config, passed: Sequence[Passed] = ()) -> Plan:
    """Return what both processes are told; raises ``ListenError`` for a socket without a use."""
    document = to_document(config, reveal=True)
    common = {name: value for name, value in document.items() if name not in _NO_ANSWER}
    left = list(passed)
    listeners = _listeners(config, left)
    http = _http(config, left)
    named = [
        settings.OpenListener(socket=opened, line_zone=_named(name, config))
        for name, opened in left
    ]
    return Plan(
        config=settings.AnswererConfig(
            listeners=(*listeners, *named),
            zones={
                name: settings.Zone(
                    profile=zone.profile.value,
                    deadline=zone.answer_within + ANSWERER_MARGIN,
                    mark=_digest([common, document["zones"][name]]),
                )
                for name, zone in config.zones.items()
            },
            default_zone=config.default_zone,
            http=http,
            bounds=settings.Bounds(
                connections=config.limits.connections,
                waiting=config.limits.waiting_questions,
                table_entries=config.limits.cached_answers,
            ),
            sample_hits=config.log.sample_hits,
            log=LineLog(level=config.log.level, is_json=config.log.format is LogFormat.JSON),
        ),
        hello=json.dumps(document).encode(),
    )


def _listeners(config: Config, left: list[Passed]) -> list[settings.Listener]:
    """Return the listeners of the configuration; their sockets are taken from ``left``."""
    listeners: list[settings.Listener] = []
    for one in config.listen:
        line_zone = one.zone if one.protocol is Protocol.LINE else None
        taken = _take_at(left, one.address)
        if taken is not None:
            listeners.append(settings.OpenListener(socket=taken, line_zone=line_zone))
        elif isinstance(one.address, TcpAddress):
            listeners.append(
                settings.TcpListener(
                    host=one.address.host, port=one.address.port, line_zone=line_zone
                )
            )
        else:
            listeners.append(
                settings.UnixListener(
                    path=one.address.path,
                    mode=one.mode,
                    owner=one.owner or config.process.user,
                    group=one.group or config.process.group,
                    line_zone=line_zone,
                )
            )
    return listeners


def _http(config: Config, left: list[Passed]) -> tuple[settings.Listener, ...]:
    """Return the listeners for HTTP, taking their sockets from ``left`` whether it is on or off.

    A socket unit that has other ones than the configuration must not keep mail servers from being
    answered: HTTP is at both.
    """
    http = config.http
    taken = []
    for name, opened in tuple(left):
        if name == HTTP_NAME or _is_at(opened, http.address):
            left.remove((name, opened))
            taken.append(opened)
    if not http.enabled:
        return ()
    listeners: list[settings.Listener] = [settings.OpenListener(socket=one) for one in taken]
    if any(_includes(one, http.address) for one in taken):
        return tuple(listeners)
    if isinstance(http.address, TcpAddress):
        listeners.append(settings.TcpListener(host=http.address.host, port=http.address.port))
    else:
        listeners.append(
            settings.UnixListener(
                path=http.address.path,
                mode=http.mode,
                owner=config.process.user,
                group=config.process.group,
            )
        )
    return tuple(listeners)


def _take_at(left: list[Passed], address: TcpAddress | UnixAddress) -> socket.socket | None:
    """Take the socket at an address out of ``left``."""
    for pair in left:
        if _is_at(pair[1], address):
            left.remove(pair)
            return pair[1]
    return None


def _is_at(opened: socket.socket, address: TcpAddress | UnixAddress) -> bool:
    """Tell whether a socket listens where a table says."""
    place = opened.getsockname()
    if isinstance(address, TcpAddress):
        return (
            opened.family in (socket.AF_INET, socket.AF_INET6)
            and ipaddress.ip_address(place[0]) == ipaddress.ip_address(address.host)
            and place[1] == address.port
        )
    return opened.family == socket.AF_UNIX and place == os.fspath(address.path)


def _includes(opened: socket.socket, address: TcpAddress | UnixAddress) -> bool:
    """Tell whether who connects to an address arrives at this socket."""
    if _is_at(opened, address):
        return True
    if opened.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    host, port = opened.getsockname()[:2]
    return (
        isinstance(address, TcpAddress)
        and port == address.port
        and ipaddress.ip_address(host).is_unspecified
    )


def _named(name: str, config: Config) -> str | None:
    """Return what is spoken at a socket that no table has: the zone of the one-line protocol."""
    if name == "socketmap":
        return None
    word, _, zone = name.partition("-")
    zone = zone or LINE_ZONE
    if word != "line" or zone not in config.zones:
        raise ListenError(
            f'the socket "{name}" that was handed over has neither the address of a [[listen]] '
            "or of [http] nor the name socketmap, line, line-ZONE or http"
        )
    return zone


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
