"""Brings requests and answers together: the table first, else one question for all who ask.

Everything here is plain calls; the time comes from a clock that is handed in, and ``tick``
does what is due. Connections bring requests, the link to the resolver brings answers.
"""

import json
from collections.abc import Callable
from typing import Protocol

from mailseal.faces.logline import Log
from mailseal.faces.policyd.counters import Counters
from mailseal.faces.policyd.question import Question, Slot
from mailseal.faces.policyd.samples import Samples
from mailseal.faces.policyd.seldom import Seldom
from mailseal.faces.policyd.settings import AnswererConfig
from mailseal.faces.policyd.table import Table, raw_request
from mailseal.names import NextHop, parse_next_hop
from mailseal.services.tallies import Durations
from mailseal.wire import link, netstring, socketmap

NOTFOUND = netstring.encode(socketmap.notfound())
TOO_LATE = netstring.encode(socketmap.temp("mailseal has no answer yet, see its log"))
OVERLOADED = netstring.encode(socketmap.temp("mailseal is overloaded, see its log"))
UNUSABLE = netstring.encode(socketmap.temp("mailseal made no usable answer, see its log"))
STOPPING = netstring.encode(socketmap.temp("mailseal is stopping"))

MAX_EARLY_DROPS = 1_000_000
MAX_UNSENT_BYTES = 1024 * 1024  # ours: a resolver that does not read is not told more


class Link(Protocol):
    """The way to the resolver while there is one."""

    def send(self, message: link.Message) -> None:
        """Send a message; it may be lost if the resolver dies."""
        ...

    def unsent_bytes(self) -> int:
        """How much the resolver has not read yet."""
        ...


class Switchboard:
    """Knows the zones, the table, the open questions and the way to the resolver.

    Raises ``LinkError`` for a zone's name that is not printable ASCII without blanks.
    """

    def __init__(self, config: AnswererConfig, *, clock: Callable[[], float], log: Log) -> None:
        bounds = config.bounds
        check_zones(config)
        self.clock = clock
        self.log = log
        self.seldom = Seldom()
        self.bounds = bounds
        self.counters = Counters()
        self.waits = Durations()
        self.table = Table(
            zones=tuple(config.zones),
            max_entries=bounds.table_entries,
            max_bytes=bounds.table_bytes,
        )
        self._zones = config.zones
        self._default_zone = config.default_zone
        self._deadlines = _deadlines(config)
        self._renewal_seconds = bounds.renewal.total_seconds()
        self._questions: dict[tuple[str, str], Question] = {}
        self._waiting = 0
        self._link: Link | None = None
        self._early_drops: list[str] = []  # told by a resolver that was not in use yet
        self._stats: list[Callable[[], dict[str, int]]] = []
        self.samples = Samples()
        self._sample(config.sample_hits)

    # -- requests ---------------------------------------------------------------------------

    def answer(self, payload: bytes, slot: Slot) -> bytes | None:
        """Return the framed reply to a request's payload, or None: then ``slot`` gets it later."""
        try:
            request = socketmap.parse_request(payload)
        except socketmap.RequestSyntaxError:
            self.counters.malformed += 1
            return NOTFOUND
        zone: str | None = request.map_name
        if zone not in self._deadlines:
            zone = self._default_zone
        if zone is None:
            return self._answer_unknown_map(request.map_name)
        return self.answer_key(zone, request.key, slot)

    def _answer_key(self, zone: str, key: str, slot: Slot) -> bytes | None:
        hop = parse_next_hop(key)
        if not isinstance(hop, NextHop):
            self.counters.no_lookup += 1
            return NOTFOUND
        next_hop = str(hop)
        raw = raw_request(zone, next_hop)
        now = self.clock()
        entry = self.table.entries.get(raw)
        if entry is None or now >= entry[2]:
            return self._wait(zone, next_hop, slot, now)
        if now >= entry[1]:
            self._renew(zone, next_hop, raw, now)
        self.counters.slow_hits += 1
        return entry[0]

    def _sample(self, every: int) -> None:
        self.samples.reconfigure(every)
        # As ``answer``, for a zone that exists and a key of any form.
        self.answer_key: Callable[[str, str, Slot], bytes | None] = self._answer_key
        if every:
            self.answer_key = self.samples.watch(self._answer_key, lambda: self.counters.slow_hits)

    def leave(self, slot: Slot) -> None:
        """Forget a slot whose connection is gone; its question stays open and fills the table."""
        if slot.question is not None:
            del slot.question.waiting[slot]
            slot.question = None
            self._waiting -= 1

    def _wait(self, zone: str, next_hop: str, slot: Slot, now: float) -> bytes | None:
        question = self._questions.get((zone, next_hop))
        bounds = self.bounds
        if self._waiting >= bounds.waiting or (
            question is None and len(self._questions) >= bounds.questions
        ):
            self.counters.overloaded += 1
            if self.seldom.allows("overloaded", now):
                self.log(
                    "too many questions are open",
                    questions=len(self._questions),
                    waiting=self._waiting,
                    action="answer-temp",
                )
            return OVERLOADED
        if question is None:
            question = Question(zone, next_hop, now + self._deadlines[zone])
            self._questions[zone, next_hop] = question
            self._send(question.ask())
            self.counters.asked += 1
        question.waiting[slot] = None
        slot.question = question
        slot.since = now
        self._waiting += 1
        self.counters.waited += 1
        return None

    def _renew(self, zone: str, next_hop: str, raw: bytes, now: float) -> None:
        self.table.renew_later(raw, fresh_until=now + self._renewal_seconds)
        if self._link is not None and self._link.unsent_bytes() < MAX_UNSENT_BYTES:
            self._send(link.Ask(zone=zone, next_hop=next_hop, is_revalidation=True))
            self.counters.renewed += 1

    def _answer_unknown_map(self, map_name: str) -> bytes:
        self.counters.unknown_map += 1
        known = ", ".join(self._deadlines)
        if self.seldom.allows("map " + map_name[:100], self.clock()):
            self.log("a client asks for a map that is not configured", map=map_name, known=known)
        return netstring.encode(
            socketmap.perm(f'no map "{map_name[:60]}" in mailseal, there are: {known}')
        )

    # -- answers ----------------------------------------------------------------------------

    def connect(self, way: Link) -> None:
        """Use a link, and no other from now on; what is still open is asked on it."""
        self._link = way
        for domain in self._early_drops:
            self.table.drop(domain)
        self._early_drops.clear()
        for question in self._questions.values():
            way.send(question.ask())

    def disconnect(self, way: Link) -> None:
        """Do without this link until the next ``connect``; the table goes on."""
        if self._link is way:
            self._link = None

    def receive(self, message: link.Message, way: Link) -> None:
        """Do what the resolver says; nothing, when it is no longer or not yet in use."""
        if way is not self._link:
            if isinstance(message, link.Drop) and len(self._early_drops) < MAX_EARLY_DROPS:
                self._early_drops.append(message.domain)
            return
        match message:
            case link.Put():
                self._put(message)
            case link.Drop(domain=domain):
                self.table.drop(domain)
            case link.StatsRequest():
                counters = json.dumps(self.stats()).encode("ascii")
                self._send(link.Stats(counters=counters))
            case _:
                raise link.LinkError(f"{type(message).__name__} is not for the answerer")

    def _put(self, put: link.Put) -> None:
        if put.zone not in self._deadlines:
            raise link.LinkError(f"an answer for zone {put.zone}, which does not exist")
        reply = netstring.encode(put.reply)
        if len(put.reply) > socketmap.MAX_REPLY_BYTES or not put.reply:
            self.log("an answer is no reply", next_hop=put.next_hop, bytes=len(put.reply))
            reply = UNUSABLE
        elif put.usable_for_ms:
            now = self.clock()
            self.table.put(
                put.zone,
                put.next_hop,
                reply=reply,
                fresh_until=now + put.fresh_for_ms / 1000,
                usable_until=now + put.usable_for_ms / 1000,
            )
        # An answer for the moment, such as TEMP, replaces nothing that is still usable.
        question = self._questions.pop((put.zone, put.next_hop), None)
        if question is not None:
            self._deliver(question, reply)

    def _deliver(self, question: Question, reply: bytes) -> None:
        waiting = question.waiting
        self._waiting -= len(waiting)
        question.waiting = {}
        now = self.clock()
        for slot in waiting:
            slot.question = None
            self.waits.add(now - slot.since)
        for slot in waiting:
            slot.asker.take(slot, reply)

    def _send(self, message: link.Message) -> None:
        if self._link is not None:
            self._link.send(message)

    # -- another configuration --------------------------------------------------------------

    def reconfigure(self, config: AnswererConfig, log: Log) -> None:
        """Work by another configuration, whose zones were checked; nobody who waits is lost.

        Answers of zones that are no longer the same are forgotten.
        """
        changed = {name for name, zone in self._zones.items() if config.zones.get(name) != zone}
        self.log = log
        self.bounds = config.bounds
        self._zones = config.zones
        self._default_zone = config.default_zone
        self._deadlines = _deadlines(config)
        self._renewal_seconds = config.bounds.renewal.total_seconds()
        self._sample(config.sample_hits)
        self.table.reconfigure(
            zones=tuple(config.zones),
            max_entries=config.bounds.table_entries,
            max_bytes=config.bounds.table_bytes,
            forget=changed,
        )
        for key in [key for key in self._questions if key[0] not in config.zones]:
            self._deliver(self._questions.pop(key), self._answer_unknown_map(key[0]))

    # -- time and numbers -------------------------------------------------------------------

    def tick(self, now: float) -> bool:
        """Answer TEMP to those whose deadline has come, and tell whether there were any.

        Their question may be asked anew.
        """
        late = [key for key, question in self._questions.items() if now >= question.deadline]
        for key in late:
            question = self._questions.pop(key)
            self.counters.late += len(question.waiting)
            if self.seldom.allows("late", now):
                self.log(
                    "the resolver gave no answer in time",
                    next_hop=question.next_hop,
                    zone=question.zone,
                    waiting=len(question.waiting),
                    late=len(late),
                    action="answer-temp",
                )
            self._deliver(question, TOO_LATE)
        return bool(late)

    def give_up(self) -> None:
        """Answer TEMP to all who still wait, since the service ends."""
        for key in list(self._questions):
            self._deliver(self._questions.pop(key), STOPPING)

    def add_stats(self, more: Callable[[], dict[str, int]]) -> None:
        """Let someone else's numbers be told with ours."""
        self._stats.append(more)

    def stats(self) -> dict[str, int]:
        """Return every counter and gauge by name."""
        stats: dict[str, int] = {name: getattr(self.counters, name) for name in Counters.__slots__}
        stats |= {
            "questions_open": len(self._questions),
            "requests_waiting": self._waiting,
            "table_entries": len(self.table.entries),
            "table_bytes": self.table.used_bytes,
            "table_evictions": self.table.evictions,
            "wait_total_ms": self.waits.total_ms,
            **{f"wait_bucket_{bits}": count for bits, count in enumerate(self.waits.buckets)},
        }
        for more in self._stats:
            stats |= more()
        return stats


def check_zones(config: AnswererConfig) -> None:
    """Raise ``LinkError`` for a zone whose name could not be asked about."""
    for name in config.zones:
        link.encode(link.Ask(zone=name, next_hop="-"))


def _deadlines(config: AnswererConfig) -> dict[str, float]:
    return {name: zone.deadline.total_seconds() for name, zone in config.zones.items()}
