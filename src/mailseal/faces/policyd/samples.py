"""A sample of the answers that came from memory, for the log of whoever asks for one.

A hit has no time for a log, so nothing here is on its way unless a sample is wanted; and then a
hit that is picked is only put aside, and the next tick writes the line.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from mailseal.faces.logline import Log
from mailseal.faces.policyd.table import raw_request
from mailseal.names import NextHop, parse_next_hop

S = TypeVar("S")

MAX_KEPT = 100  # ours: lines for one tick; what is picked beyond is counted

Pick = Callable[[int, int], int]


class Samples:
    """Picks about one hit in ``every``, none with 0, and keeps it until ``tell``.

    The gaps are drawn at random: with a fixed one, two clients that ask in turn would make a
    sample of one of them.
    """

    __slots__ = ("_kept", "_left", "_left_out", "_pick", "every")

    def __init__(self, every: int = 0, *, pick: Pick = random.randint) -> None:
        self._pick = pick
        self._kept: list[tuple[bytes, bytes]] = []
        self._left_out = 0
        self.reconfigure(every)

    def reconfigure(self, every: int) -> None:
        """Pick more or fewer from now on."""
        self.every = every
        self._left = self._gap() if every else 0

    def is_next(self) -> bool:
        """Count a hit, and tell whether it is to be kept."""
        self._left -= 1  # without a sample it never is zero again
        if self._left:
            return False
        self._left = self._gap()
        return True

    def keep(self, request: bytes, reply: bytes) -> None:
        """Put a framed request and its framed reply aside."""
        if len(self._kept) < MAX_KEPT:
            self._kept.append((request, reply))
        else:
            self._left_out += 1

    def tell(self, log: Log) -> None:
        """Write what was kept since the last time."""
        if not self._kept:
            return
        kept, self._kept = self._kept, []
        for request, reply in kept:
            zone, _, next_hop = _payload(request).partition(" ")
            log(
                "answered from memory",
                level="info",
                zone=zone,
                next_hop=next_hop,
                reply=_payload(reply).rstrip(),
                one_in=self.every,
            )
        if self._left_out:
            log("samples are left out", level="info", count=self._left_out, written=len(kept))
            self._left_out = 0

    def watch(
        self, answer_key: Callable[[str, str, S], bytes | None], hits: Callable[[], int]
    ) -> Callable[[str, str, S], bytes | None]:
        """Return what answers as ``answer_key`` does, and counts what ``hits`` says was one."""

        def watched(zone: str, key: str, slot: S) -> bytes | None:
            before = hits()
            reply = answer_key(zone, key, slot)
            if reply is not None and hits() != before and self.is_next():
                hop = parse_next_hop(key)
                assert isinstance(hop, NextHop)  # or there would be nothing to hit
                self.keep(raw_request(zone, str(hop)), reply)
            return reply

        return watched

    def _gap(self) -> int:
        return self._pick(1, 2 * self.every - 1)  # on average as many as asked for


def _payload(frame: bytes) -> str:
    return frame[frame.index(b":") + 1 : -1].decode("ascii", "replace")
