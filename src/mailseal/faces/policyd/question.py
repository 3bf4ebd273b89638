"""A question that the resolver was asked, and the requests that wait for its answer."""

from typing import Protocol

from mailseal.wire import link


class Asker(Protocol):
    """A connection that waits for an answer."""

    def take(self, _slot: "Slot", reply: bytes) -> None:
        """Take the framed reply for a slot; called once."""
        ...


class Slot:
    """A request's place in the order of its connection's answers."""

    __slots__ = ("asker", "question", "reply", "since")

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.question: Question | None = None
        self.reply: bytes | None = None
        self.since = 0.0  # when it began to wait


class Question:
    """What the resolver was asked, and who waits for it."""

    __slots__ = ("deadline", "next_hop", "waiting", "zone")

    def __init__(self, zone: str, next_hop: str, deadline: float) -> None:
        self.zone = zone
        self.next_hop = next_hop
        self.deadline = deadline
        self.waiting: dict[Slot, None] = {}

    def ask(self) -> link.Ask:
        """Return what the resolver is told."""
        return link.Ask(zone=self.zone, next_hop=self.next_hop, until_ms=int(self.deadline * 1000))
