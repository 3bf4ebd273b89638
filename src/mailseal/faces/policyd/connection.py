"""One connection of an MTA that speaks socketmap; the first lines of it are the hot path.

A hit is one dictionary look-up from the whole received bytes to the whole reply, one look at
the clock and one write. Whatever else comes, several requests at once, fragments, another
spelling, garbage, takes the long way round through the netstring reader.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from mailseal.faces.policyd.connections import Connection, Connections
from mailseal.faces.policyd.question import Slot
from mailseal.faces.policyd.switchboard import Switchboard
from mailseal.faces.policyd.table import Entry
from mailseal.wire import netstring, socketmap

MAX_AT_ONCE = 200  # ours: some 2 ms of work, then everybody else has a turn

Find = Callable[[bytes], Entry | None]


class SocketmapConnection(Connection):
    """Answers requests in their order, however they arrive; bounded in what it holds."""

    __slots__ = (
        "_find",
        "_has_ended",
        "_is_ending",
        "_is_reading",
        "_is_resting",
        "_most_pending",
        "_now",
        "_pending",
        "_reader",
        "_write",
    )

    def __init__(self, board: Switchboard, connections: Connections) -> None:
        super().__init__(board, connections)
        self._now = board.clock
        self._find: Find = board.table.entries.get
        self._most_pending = board.bounds.pending_per_connection
        self._reader: netstring.Reader | None = None
        self._pending: deque[Slot] = deque()
        self._is_reading = True
        self._is_resting = False  # in the middle of many requests, others have their turn
        self._has_ended = False  # the client's side: no more will come
        self._is_ending = False  # ours: nothing more is read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write at hand."""
        self._write = cast("asyncio.Transport", transport).write
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Answer a hit here and now; leave everything else to ``_work``."""
        entry = self._find(data)
        if entry is not None and self._now() < entry[1]:
            self._write(entry[0])
            self.hits += 1
            return
        if self._is_ending or self._has_ended:
            return  # read and thrown away, since only reading shows that the client is gone
        if self._reader is None:
            self._reader = netstring.Reader(socketmap.MAX_REQUEST_BYTES)
        self._reader.feed(data)
        self._work()

    def eof_received(self) -> bool:
        """Answer what was asked before the half-close, then end."""
        self._has_ended = True
        self._work()
        return True

    def pause_writing(self) -> None:
        """Read and answer nothing more until the client reads."""
        super().pause_writing()
        self._settle()

    def resume_writing(self) -> None:
        """Go on with what was received meanwhile."""
        super().resume_writing()
        self._work()

    def take(self, _slot: Slot, reply: bytes) -> None:
        """Take an answer; it is sent when all before it are."""
        _slot.reply = reply
        pending = self._pending
        ready = []
        while pending and (head := pending[0].reply) is not None:
            ready.append(head)
            pending.popleft()
        if ready:
            self._write(b"".join(ready))
            self._work()

    def finish(self) -> None:
        """Answer what was received whole and what is pending, then end."""
        self._has_ended = True
        self._work()

    @property
    def has_pending(self) -> bool:
        """Tell whether an answer is owed."""
        return bool(self._pending)

    def release(self) -> None:
        """Give up the places in the queues of questions."""
        self._find = _find_nothing
        self._is_ending = True
        for slot in self._pending:
            self.board.leave(slot)
        self._pending.clear()

    def _work(self) -> None:
        """Take requests from what was received, as many as the bounds allow."""
        if self._is_resting:
            return
        reader, pending = self._reader, self._pending
        is_drained = reader is None
        last = self.requests + MAX_AT_ONCE
        while reader is not None and not self._is_ending:
            if self.stalled_since is not None or len(pending) >= self._most_pending:
                break
            if self.requests >= last:
                self._is_resting = True
                asyncio.get_running_loop().call_soon(self._go_on)
                break
            try:
                payload = reader.next_payload()
            except netstring.NetstringError:
                # Where the next request would begin is anybody's guess.
                self.board.counters.malformed += 1
                self._is_ending = True
                break
            if payload is None:
                is_drained = True
                break
            self.requests += 1
            slot = Slot(self)
            reply = self.board.answer(payload, slot)
            if reply is not None and not pending:
                self._write(reply)
            else:
                slot.reply = reply
                pending.append(slot)
        if self._has_ended and is_drained:
            self._is_ending = True
        self._settle()

    def _go_on(self) -> None:
        self._is_resting = False
        self._work()

    def _settle(self) -> None:
        """Fit reading, and the short way for hits, to what is going on."""
        is_full = (
            self._is_resting
            or self.stalled_since is not None
            or len(self._pending) >= self._most_pending
        )
        is_busy = (
            is_full
            or self._is_ending
            or bool(self._pending)
            or (self._reader is not None and self._reader.buffered_bytes > 0)
        )
        self._find = _find_nothing if is_busy else self.board.table.entries.get
        if self._is_ending and not self._pending:
            self.close()
        elif self._is_ending:
            return
        elif is_full:
            self._pause_reading()
        elif not self._is_reading and not self._has_ended:
            self._is_reading = True
            self.transport.resume_reading()

    def _pause_reading(self) -> None:
        if self._is_reading and not self.transport.is_closing():
            self._is_reading = False
            self.transport.pause_reading()


class SampledConnection(SocketmapConnection):
    """A connection whose hits are counted into the sample for the log.

    A class of its own, chosen when a client comes: where no sample is wanted, not even a
    comparison is made for it.
    """

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Answer as ever, then see whether that was a hit to be kept."""
        hits = self.hits
        super().data_received(data)
        if self.hits != hits and self.board.samples.is_next():
            entry = self.board.table.entries.get(data)
            if entry is not None:
                self.board.samples.keep(data, entry[0])


def _find_nothing(_raw: bytes) -> Entry | None:
    """Stand in for the table while requests must queue up behind others."""
    return None
