"""Messages between the two processes of ``serve``: the answerer asks, the resolver puts answers.

Each message is the payload of one netstring: a word, and fields with a blank between them.
Zones and next hops hold no blanks; bytes that may hold anything come last.
"""

import re
from dataclasses import dataclass, field
from typing import assert_never

import mailseal

MAX_MESSAGE_BYTES = 1_000_000  # a reply of 100 000 bytes and much room for configuration
MAX_MILLISECONDS = 10**12  # thirty years: longer than any policy lives

_ZONE = re.compile(r"[!-~]{1,100}", re.ASCII)
_NEXT_HOP = re.compile(r"[!-~]{1,400}", re.ASCII)
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,12}")


class LinkError(mailseal.Error):
    """Bytes on the link are none of its messages, or a message has a form it must not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Answerer to resolver: a zone's question; behind an answer when ``is_revalidation``.

    ``until_ms`` is when the asker gives up, by the machine's monotonic clock, which both
    processes read: a resolver that is only starting has less than the zone's time. Zero says
    nothing. It is no part of what is asked.
    """

    zone: str
    next_hop: str
    is_revalidation: bool = False
    until_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Resolver to answerer: a finished reply payload and how long it may be given.

    Until ``fresh_for_ms`` it is given as it is, from then until ``usable_for_ms`` it is given
    and asked for anew; zero for the latter means: for those who wait now, and not kept.
    """

    zone: str
    next_hop: str
    fresh_for_ms: int
    usable_for_ms: int
    reply: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Resolver to answerer: forget all answers about a policy domain, in every zone and form."""

    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Answerer to resolver, first of all: the configuration to work by, as JSON."""

    config: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsRequest:
    """Either side: tell your counters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The counters, as JSON."""

    counters: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadRequest:
    """Resolver to answerer: an administrator wants the configuration read anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """Answerer to resolver, in return: what came of it, as JSON."""

    outcome: bytes


Message = Ask | Put | Drop | Hello | StatsRequest | Stats | ReloadRequest | Reloaded


def encode(message: Message) -> bytes:
    """Write a message as a payload, not framed yet; raises ``LinkError`` for an impossible one."""
    match message:
        case Put(
            zone=zone, next_hop=next_hop, fresh_for_ms=fresh, usable_for_ms=usable, reply=reply
        ):
            _check(zone, next_hop)
            if not 0 <= fresh <= usable <= MAX_MILLISECONDS:
                raise LinkError(f"fresh for {fresh} ms and usable for {usable} ms is no order")
            payload = f"put {fresh} {usable} {zone} {next_hop} ".encode("ascii") + reply
        case Ask(zone=zone, next_hop=next_hop, is_revalidation=is_revalidation, until_ms=until):
            _check(zone, next_hop)
            if not 0 <= until <= MAX_MILLISECONDS:
                raise LinkError(f"{until} ms is no time")
            word = "renew" if is_revalidation else "ask"
            payload = f"{word} {until} {zone} {next_hop}".encode("ascii")
        case Drop(domain=domain):
            _check("-", domain)
            payload = b"drop " + domain.encode("ascii")
        case Hello(config=config):
            payload = b"hello " + config
        case StatsRequest():
            payload = b"stats?"
        case Stats(counters=counters):
            payload = b"stats " + counters
        case ReloadRequest():
            payload = b"reload?"
        case Reloaded(outcome=outcome):
            payload = b"reloaded " + outcome
        case _:
            assert_never(message)
    if len(payload) > MAX_MESSAGE_BYTES:
        raise LinkError(f"a message has at most {MAX_MESSAGE_BYTES} bytes, got {len(payload)}")
    return payload


def decode(payload: bytes) -> Message:
    """Read a payload; whatever is no message raises ``LinkError``, nothing else."""
    if payload == b"stats?":
        return StatsRequest()
    if payload == b"reload?":
        return ReloadRequest()
    word, blank, rest = payload.partition(b" ")
    match word if blank else b"":
        case b"put":
            return _decode_put(rest)
        case b"ask" | b"renew":
            until, _, question = rest.partition(b" ")
            if not _NUMBER.fullmatch(until) or int(until) > MAX_MILLISECONDS:
                raise LinkError("a time is a number of milliseconds")
            zone, _, next_hop = _text(question).partition(" ")
            _check(zone, next_hop)
            return Ask(
                zone=zone,
                next_hop=next_hop,
                is_revalidation=word == b"renew",
                until_ms=int(until),
            )
        case b"drop":
            domain = _text(rest)
            _check("-", domain)
            return Drop(domain=domain)
        case b"hello":
            return Hello(config=rest)
        case b"stats":
            return Stats(counters=rest)
        case b"reloaded":
            return Reloaded(outcome=rest)
    raise LinkError(f"{payload[:40]!r} is no message")


def _decode_put(rest: bytes) -> Put:
    fields = rest.split(b" ", 4)
    if len(fields) != 5:
        raise LinkError("an answer has five fields")
    fresh, usable, zone, next_hop, reply = fields
    if not _NUMBER.fullmatch(fresh) or not _NUMBER.fullmatch(usable):
        raise LinkError("a time is a number of milliseconds")
    fresh_for_ms, usable_for_ms = int(fresh), int(usable)
    if not fresh_for_ms <= usable_for_ms <= MAX_MILLISECONDS:
        raise LinkError("an answer is not fresh for longer than it is usable")
    put = Put(
        zone=_text(zone),
        next_hop=_text(next_hop),
        fresh_for_ms=fresh_for_ms,
        usable_for_ms=usable_for_ms,
        reply=reply,
    )
    _check(put.zone, put.next_hop)
    return put


def _text(field: bytes) -> str:
    try:
        return field.decode("ascii")
    except UnicodeDecodeError as error:
        raise LinkError("a name on the link is ASCII") from error


def _check(zone: str, next_hop: str) -> None:
    if not _ZONE.fullmatch(zone):
        raise LinkError(f"{zone[:40]!r} is no zone: printable ASCII without blanks")
    if not _NEXT_HOP.fullmatch(next_hop):
        raise LinkError(f"{next_hop[:40]!r} is no next hop: printable ASCII without blanks")
