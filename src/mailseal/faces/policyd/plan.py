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
    ListenSettings,
    LogFormat,
    PassedSocket,
    Protocol,
    TcpAddress,
    to_document,
)
from mailseal.faces.logline import LineLog
from mailseal.faces.policyd import settings
from mailseal.faces.policyd.answerer import Plan
from mailseal.faces.policyd.listeners import ListenError

ANSWERER_MARGIN = timedelta(seconds=1)  # over the zone's deadline, by which the resolver answers
LINE_ZONE = "exim"

# Tables on which no answer depends; all others are in the mark of every zone.
_NO_ANSWER = ("state_dir", "listen", "zones", "store", "http", "log", "process")


def adopt(passed: Sequence[PassedSocket]) -> list[tuple[str, socket.socket]]:
    """Return the sockets that a service manager opened, by name; raises ``ListenError``."""
    adopted: list[tuple[str, socket.socket]] = []
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


def make_plan(config: Config, passed: Sequence[tuple[str, socket.socket]] = ()) -> Plan:
    """Return what both processes are told; raises ``ListenError`` for a socket without a use."""
    document = to_document(config, reveal=True)
    common = {name: value for name, value in document.items() if name not in _NO_ANSWER}
    return Plan(
        config=settings.AnswererConfig(
            listeners=_listeners(config, passed),
            zones={
                name: settings.Zone(
                    profile=zone.profile.value,
                    deadline=zone.answer_within + ANSWERER_MARGIN,
                    mark=_digest([common, document["zones"][name]]),
                )
                for name, zone in config.zones.items()
            },
            default_zone=config.default_zone,
            http=_http(config),
            bounds=settings.Bounds(
                connections=config.limits.connections,
                waiting=config.limits.waiting_questions,
                table_entries=config.limits.cached_answers,
            ),
            log=LineLog(level=config.log.level, is_json=config.log.format is LogFormat.JSON),
        ),
        hello=json.dumps(document).encode(),
    )


def _listeners(
    config: Config, passed: Sequence[tuple[str, socket.socket]]
) -> tuple[settings.Listener, ...]:
    left = list(passed)
    listeners: list[settings.Listener] = []
    for one in config.listen:
        line_zone = one.zone if one.protocol is Protocol.LINE else None
        taken = next((pair for pair in left if _is_at(pair[1], one)), None)
        if taken is not None:
            left.remove(taken)
            listeners.append(settings.OpenListener(socket=taken[1], line_zone=line_zone))
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
    for name, opened in left:
        listeners.append(settings.OpenListener(socket=opened, line_zone=_named(name, config)))
    return tuple(listeners)


def _http(config: Config) -> settings.Listener | None:
    http = config.http
    if not http.enabled:
        return None
    if isinstance(http.address, TcpAddress):
        return settings.TcpListener(host=http.address.host, port=http.address.port)
    return settings.UnixListener(
        path=http.address.path,
        mode=http.mode,
        owner=config.process.user,
        group=config.process.group,
    )


def _is_at(opened: socket.socket, one: ListenSettings) -> bool:
    """Tell whether a socket listens where a table says."""
    place = opened.getsockname()
    if isinstance(one.address, TcpAddress):
        return (
            opened.family in (socket.AF_INET, socket.AF_INET6)
            and ipaddress.ip_address(place[0]) == ipaddress.ip_address(one.address.host)
            and place[1] == one.address.port
        )
    return opened.family == socket.AF_UNIX and place == os.fspath(one.address.path)


def _named(name: str, config: Config) -> str | None:
    """Return what is spoken at a socket that no table has: the zone of the one-line protocol."""
    if name == "socketmap":
        return None
    word, _, zone = name.partition("-")
    zone = zone or LINE_ZONE
    if word != "line" or zone not in config.zones:
        raise ListenError(
            f'the socket "{name}" that was handed over has neither the address of a [[listen]] '
            "nor the name socketmap, line or line-ZONE"
        )
    return zone


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
