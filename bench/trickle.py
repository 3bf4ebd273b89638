"""Mail to domains that nothing is known of, fifty a second, while it is told to go on.

``trickle.py SOCKET FIRST`` asks mailseal about one new domain after the other, from the first on.
It starts at a line ``go``. At a line ``stop`` it asks no more, and when all is answered it prints
how many domains it has asked about since it went. A wrong answer ends it.
"""

import os
import select
import socket
import sys
import time

from bench.questions import framed_reply, framed_request
from mailseal.wire import netstring

RATE = 50  # a second
LONGEST_REPLY_BYTES = 1000
ANSWER_SECONDS = 20.0


class Trickle:
    """One connection, with the number of the domain that is asked about next."""

    def __init__(self, way: socket.socket, first: int) -> None:
        self._way = way
        self._reader = netstring.Reader(LONGEST_REPLY_BYTES)
        self._following = first
        self._answered = first  # all before this one are

    def ask(self) -> None:
        """Ask about the next domain."""
        self._way.sendall(framed_request(self._following))
        self._following += 1

    def take_answers(self) -> None:
        """Read the answers that are there, which come in the order of the questions."""
        self._reader.feed(self._way.recv(65_536))
        while (payload := self._reader.next_payload()) is not None:
            if netstring.encode(payload) != framed_reply(self._answered):
                raise SystemExit(f"a wrong answer about a new domain: {payload!r}")
            self._answered += 1

    def go(self, stop: int) -> int:
        """Ask until there is something to read at ``stop``; return how many were asked about."""
        first, began = self._following, time.monotonic()
        while True:
            due = began + (self._following - first) / RATE
            pause = max(0.0, due - time.monotonic())
            ready, _, _ = select.select([self._way.fileno(), stop], [], [], pause)
            if self._way.fileno() in ready:
                self.take_answers()
            if stop in ready:
                break
            if time.monotonic() >= due:
                self.ask()
        while self._answered < self._following:
            if not select.select([self._way], [], [], ANSWER_SECONDS)[0]:
                raise SystemExit("no answer about a new domain")
            self.take_answers()
        return self._following - first


def main() -> None:
    way = socket.socket(socket.AF_UNIX)
    way.connect(sys.argv[1])
    trickle = Trickle(way, int(sys.argv[2]))
    # Without a buffer, or select would not see what is in it.
    with os.fdopen(0, "rb", buffering=0) as lines:
        while lines.readline() == b"go\n":
            asked = trickle.go(lines.fileno())
            lines.readline()
            print(asked, flush=True)


if __name__ == "__main__":
    main()
