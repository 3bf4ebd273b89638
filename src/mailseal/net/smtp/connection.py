"""One TCP connection to an SMTP server: commands out, replies in, TLS in between (RFC 3207).

TLS runs over memory buffers inside the one protocol object, so that every byte is counted
before it is read, no byte that came in clear can reach what is read within TLS, and no task or
second transport is needed: a scan opens hundreds of these a second.
"""

import asyncio
import ssl
from typing import cast

from mailseal.checks.evidence import Trouble
from mailseal.net.smtp.ending import SessionEnded
from mailseal.net.smtp.reply import Reply, ReplyReader, ReplySyntaxError
from mailseal.net.tls.words import slug

MAX_CLEAR_BYTES = 65_536  # ours, before TLS; a good server sends 500
MAX_TLS_BYTES = 262_144  # ours, from the handshake on: 100 KiB of chain and some EHLO lines
_READ_BYTES = 16_384  # a whole TLS record


class SmtpConnection(asyncio.Protocol):
    """The client's side of one session; the prober says what comes when.

    Every wait is given its end on the loop's clock. Whatever goes wrong is a ``SessionEnded``.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._received_bytes = 0
        self._waiter: asyncio.Future[bool] | None = None  # true: the time is up
        self._ended: SessionEnded | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._is_shaking_hands = False

    # What the prober does.

    def now(self) -> float:
        """Return the time on the loop's clock, which every end of a wait is measured by."""
        return self._loop.time()

    def send(self, data: bytes) -> None:
        """Send a command, within TLS where there is one; a lost connection shows in the reply."""
        if self._transport is None or self._ended is not None:
            return
        if self._tls is None:
            self._transport.write(data)
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self._end(Trouble.TLS, _tls_reason(error))
        self._flush()

    async def read_reply(self, due: str, *, until: float) -> Reply:
        """Return the next reply; ``due`` names it in reasons: "greeting"."""
        while True:
            try:
                reply = self._reader.next_reply()
            except ReplySyntaxError as error:
                raise SessionEnded(Trouble.PROTOCOL, str(error)) from error
            if reply is not None:
                return reply
            if self._ended is not None:
                raise self._said_of(due)
            await self._wait(f"no {due}", until)

    async def start_tls(
        self, context: ssl.SSLContext, server_name: str | None, *, until: float
    ) -> ssl.SSLObject:
        """Shake hands and go on within TLS; what was said in clear and not yet read is an error.

        RFC 3207 §4.2: nothing that came before TLS may be believed after it, and a server has
        nothing to say between its 220 and our first message.
        """
        if self._reader.is_amid_reply:
            count = self._reader.pending_bytes
            reason = f"{count} bytes in clear followed the 220 to STARTTLS"
            raise SessionEnded(Trouble.PROTOCOL, reason)
        self._reader = ReplyReader()
        self._received_bytes = 0
        try:
            self._tls = context.wrap_bio(
                self._incoming, self._outgoing, server_hostname=server_name
            )
        except ValueError:  # a name that cannot be sent as SNI
            self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self._is_shaking_hands = True
        self._step()
        while self._is_shaking_hands:
            if self._ended is not None:
                raise self._said_of("end of the TLS handshake")
            await self._wait("no end of the TLS handshake", until)
        return self._tls

    async def leave(self, *, until: float) -> None:
        """Say QUIT, wait for the answer as RFC 5321 §4.1.1.10 asks for, and hang up.

        Who counts connections then has this one off the list before the next comes.
        """
        self.send(b"QUIT\r\n")
        try:
            await self.read_reply("answer to QUIT", until=until)
        except SessionEnded:
            pass  # it was the last thing to be learnt, and nothing depends on it
        if self._tls is not None and self._ended is None:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # close_notify is out, and theirs is not waited for
            self._flush()
        self.abort(gently=True)

    def abort(self, *, gently: bool = False) -> None:
        """Drop the connection, ``gently`` once what was written is on its way."""
        if self._transport is None:
            return
        if gently and not self._transport.get_write_buffer_size():
            self._transport.close()
        else:
            self._transport.abort()

    # What the event loop does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Count, then read; after the first fault everything is dropped unread."""
        if self._ended is not None:
            return
        self._received_bytes += len(data)
        limit = MAX_CLEAR_BYTES if self._tls is None else MAX_TLS_BYTES
        if self._received_bytes > limit:
            self._end(Trouble.PROTOCOL, f"more than {limit} bytes came in")
        elif self._tls is None:
            self._reader.feed(data)
        else:
            self._incoming.write(data)
            self._step()
        self._wake()

    def eof_received(self) -> None:
        """Take the end of what the server sends as the end of the connection."""
        self._end(Trouble.CLOSED, "")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection."""
        self._end(Trouble.CLOSED, "reset" if isinstance(exc, ConnectionResetError) else "")

    # Inside.

    def _step(self) -> None:
        """Go on with the handshake, or read what is within TLS."""
        tls = self._tls
        assert tls is not None
        try:
            if self._is_shaking_hands:
                tls.do_handshake()
                self._is_shaking_hands = False
            while data := tls.read(_READ_BYTES):
                self._reader.feed(data)
            self._end(Trouble.CLOSED, "")
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._end(Trouble.CLOSED, "")
        except ssl.SSLError as error:
            self._end(Trouble.TLS, _tls_reason(error))
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    async def _wait(self, missing: str, until: float) -> None:
        """Wait until something has come in; ``missing`` is what to say when the time is up."""
        waiter = self._waiter = self._loop.create_future()
        started = self._loop.time()
        timer = self._loop.call_at(until, self._wake, True)
        try:
            is_late = await waiter
        finally:
            timer.cancel()
            self._waiter = None
        # A timer of uvloop may fire a little early; its word counts, or we would wait again.
        if (is_late or self._loop.time() >= until) and self._ended is None:
            waited = until - started
            raise SessionEnded(Trouble.TIMEOUT, f"{missing} within {waited:.3g} s")

    def _wake(self, is_late: bool = False) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(is_late)

    def _end(self, trouble: Trouble, reason: str) -> None:
        if self._ended is None:
            self._ended = SessionEnded(trouble, reason)
        self._wake()

    def _said_of(self, due: str) -> SessionEnded:
        """Return how the connection ended, in words that name what was waited for."""
        assert self._ended is not None
        failure = self._ended.failure
        if failure.trouble is not Trouble.CLOSED:
            return self._ended
        how = failure.reason or "closed"
        return SessionEnded(Trouble.CLOSED, f"the connection was {how} before the {due}")


def _tls_reason(error: ssl.SSLError) -> str:
    return slug(error.reason or "handshake-failed")
