"""One connection of an Exim that asks with a line: one question, one answer, end.

``${readsocket}`` makes an empty string of a connection that ends without a word, which a
careless recipe takes for "no policy". So whoever waits here is told TEMP before the end.
"""

from mailseal.faces.policyd.connections import Connection, Connections
from mailseal.faces.policyd.question import Slot
from mailseal.faces.policyd.switchboard import (
    NOTFOUND,
    OVERLOADED,
    STOPPING,
    Switchboard,
)
from mailseal.wire import line, netstring, socketmap

TOO_LONG = netstring.encode(socketmap.temp("the question is too long for mailseal"))


class LineConnection(Connection):
    """Answers the first line, or what came before a half-close, for its listener's zone."""

    __slots__ = ("_buffer", "_slot", "_zone")

    def __init__(self, board: Switchboard, connections: Connections, zone: str) -> None:
        super().__init__(board, connections)
        self._zone = zone
        self._buffer = bytearray()
        self._slot: Slot | None = None

    def data_received(self, data: bytes) -> None:
        """Gather bytes until there is a line; what follows it is neither looked at nor kept."""
        if not self.requests:
            self._buffer += data
            self._work(is_complete=False)

    def eof_received(self) -> bool:
        """Take a half-close for the end of the line."""
        if not self.requests:
            self._work(is_complete=True)
        return True

    def take(self, _slot: Slot, reply: bytes) -> None:
        """Send the answer and end."""
        payload = reply[reply.index(b":") + 1 : -1]
        self.transport.write(line.from_payload(payload))
        self._slot = None
        self.close()

    def finish(self) -> None:
        """End, unless an answer is on its way."""
        if self._slot is None:
            self._end_with(STOPPING)

    def refuse(self) -> None:
        """Answer TEMP before the question, since nobody will be here to read it."""
        self._end_with(OVERLOADED)

    @property
    def has_pending(self) -> bool:
        """Tell whether the answer is owed."""
        return self._slot is not None

    def release(self) -> None:
        """Give up the place in the question's queue, and read nothing more."""
        self.requests += 1
        if self._slot is not None:
            self.board.leave(self._slot)
            self._slot = None

    def _end_with(self, reply: bytes) -> None:
        """Answer without a question, once, and read nothing more."""
        if not self.requests:
            self.requests += 1
            self.take(Slot(self), reply)

    def _work(self, *, is_complete: bool) -> None:
        try:
            question = line.find_line(self._buffer, is_complete=is_complete)
        except line.LineTooLongError:
            self.board.counters.malformed += 1
            self._end_with(TOO_LONG)
            return
        if question is None:
            return
        self.requests += 1
        slot = self._slot = Slot(self)
        try:
            key = question.decode("utf-8").strip(" ")
        except UnicodeDecodeError:
            self.board.counters.malformed += 1
            self.take(slot, NOTFOUND)
            return
        reply = self.board.answer_key(self._zone, key, slot)
        if reply is not None:
            self.take(slot, reply)
