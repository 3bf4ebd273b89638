"""The answerer's end of the link to a resolver, and whether there is life at the other.

A resolver works when it has answered the ``StatsRequest`` that follows its ``Hello``: it has
opened its store by then. It is asked again now and then; one that says nothing is stuck.
Time is counted in ticks here, since a stop of the whole machine makes nobody stuck.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from mailseal.faces.policyd.switchboard import Switchboard
from mailseal.wire import link, netstring

TICK_SECONDS = 0.5  # the answerer's
PING_TICKS = 60  # ours: half a minute; without a ping a stuck one would be found out by misses
STUCK_TICKS = 40  # ours: 20 s; at low priority on a busy machine some seconds mean nothing
START_TICKS = 600  # ours: 5 minutes, in which a migration of a large store has room


class ResolverLink(asyncio.Protocol):
    """Our end of the socket pair; ``lost`` is done when the other end is gone.

    Only the link that the board uses brings answers; what another says is dropped.
    ``works`` is done when the resolver has shown that it does.
    """

    def __init__(
        self, board: Switchboard, hello: bytes, on_reload: Callable[["ResolverLink"], None]
    ) -> None:
        self._board = board
        self._hello = hello
        self._on_reload = on_reload
        self._reader = netstring.Reader(link.MAX_MESSAGE_BYTES)
        self._transport: asyncio.Transport
        self._silent_ticks = 0  # since it was asked for a sign of life
        self._is_asked = True
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.works: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves, and ask for a sign of life."""
        self._transport = cast("asyncio.Transport", transport)
        self.send(link.Hello(config=self._hello))
        self.send(link.StatsRequest())

    def data_received(self, data: bytes) -> None:
        """Hand on whole messages; at the first broken one the link ends."""
        self._is_asked = False
        self._silent_ticks = 0
        self._reader.feed(data)
        try:
            while (payload := self._reader.next_payload()) is not None:
                self._receive(link.decode(payload))
        except (netstring.NetstringError, link.LinkError) as error:
            self._board.log("the resolver speaks nonsense", reason=error, action="restart-it")
            self._transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Tell that the resolver is gone."""
        self._board.disconnect(self)
        if not self.lost.done():
            self.lost.set_result(None)

    def send(self, message: link.Message) -> None:
        """Send a message."""
        self._transport.write(netstring.encode(link.encode(message)))

    def unsent_bytes(self) -> int:
        """How much the resolver has not read yet."""
        return self._transport.get_write_buffer_size()

    def close(self) -> None:
        """End the link, which tells the resolver to end."""
        self._transport.close()

    def abort(self) -> None:
        """End the link though the other end reads nothing."""
        self._transport.abort()

    def tick(self) -> bool:
        """Count the time; tell whether the resolver is stuck."""
        self._silent_ticks += 1
        if self._is_asked:
            return self._silent_ticks >= (STUCK_TICKS if self.works.done() else START_TICKS)
        if self._silent_ticks >= PING_TICKS:
            self.ping()
        return False

    def ping(self) -> None:
        """Ask for a sign of life, unless that is done already."""
        if not self._is_asked:
            self._is_asked = True
            self._silent_ticks = 0
            self.send(link.StatsRequest())

    def _receive(self, message: link.Message) -> None:
        match message:
            case link.Stats():
                if not self.works.done():
                    self.works.set_result(None)
            case link.ReloadRequest():
                self._on_reload(self)
            case _:
                self._board.receive(message, self)
