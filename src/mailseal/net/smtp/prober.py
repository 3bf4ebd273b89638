"""One look at one address of an MX host, told as ``SmtpSession`` whatever the server does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from mailseal.checks.evidence import SMTP_PORT, SmtpSession, Stage, Trouble
from mailseal.names import Domain
from mailseal.net.connecting import judge_no_connection
from mailseal.net.https.addresses import is_public
from mailseal.net.smtp.connection import SmtpConnection
from mailseal.net.smtp.deep import DeepLook
from mailseal.net.smtp.dialogue import Dialogue, Notes, Patience
from mailseal.net.smtp.ending import SessionEnded
from mailseal.net.tls.context import build_observing_context
from mailseal.net.tls.facts import read_tls
from mailseal.net.tls.trust import TrustStore
from mailseal.ports.clock import Clock

CONNECT_TIMEOUT = timedelta(seconds=10)  # ours; Postfix has 30, and a SYN is sent 3 times in 7
# Ours: Postfix waits 300 s for a greeting, but a delay to try spammers' patience is 6 to 20 s.
STEP_TIMEOUT = timedelta(seconds=30)
LEAVE_TIMEOUT_S = 2.0  # ours: the answer to QUIT tells nothing, it is only polite to wait

Talk = Callable[[Dialogue], Awaitable[None]]


class NetSmtpProber:
    """Looks at mail servers (the ``ports.SmtpProber`` protocol).

    ``ehlo_name`` is all that we say about ourselves. ``allow_private`` permits addresses of
    private and reserved networks. How many probes run at one time is the caller's to bound.

    **Security**: DNS decides whom we connect to, so private addresses are refused. Nothing is
    believed that came over these connections, and bytes in clear never pass for TLS.
    **Limits**: 100 lines of 2 KiB and 64 KiB in all before TLS, 256 KiB within; a time for each
    step, so that a slow drip ends, too, and one for everything.
    """

    def __init__(
        self,
        *,
        trust: TrustStore,
        clock: Clock,
        ehlo_name: str,
        allow_private: bool = False,
        connect_timeout: timedelta = CONNECT_TIMEOUT,
        step_timeout: timedelta = STEP_TIMEOUT,
    ) -> None:
        self._trust = trust
        self._clock = clock
        self._ehlo_name = ehlo_name
        self._allow_private = allow_private
        self._connect_timeout_s = connect_timeout.total_seconds()
        self._step_timeout_s = step_timeout.total_seconds()
        self._context = build_observing_context()
        self._deep: DeepLook | None = None

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        port: int = SMTP_PORT,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Connect once, or up to six times where ``is_deep``; ends within ``timeout``."""
        end = asyncio.get_running_loop().time() + timeout.total_seconds()
        started_at, started = self._clock.now(), self._clock.monotonic()

        async def look(dialogue: Dialogue) -> None:
            await dialogue.look(self._context, host)

        notes = await self._talk(address, port, end, look)
        session = SmtpSession(
            host=host,
            address=address,
            port=port,
            started_at=started_at,
            duration=timedelta(seconds=self._clock.monotonic() - started),
            stage=notes.stage,
            failure=notes.failure,
            banner=notes.banner,
            extensions=notes.extensions,
            offers_starttls=notes.offers_starttls,
            starttls_reply=notes.starttls_reply,
            tls=read_tls(notes.tls, self._trust) if notes.tls else None,
            extensions_in_tls=notes.extensions_in_tls,
        )
        if not is_deep or session.failure or session.tls is None:
            return session
        if self._deep is None:
            self._deep = DeepLook()

        async def talk(more: Talk) -> Notes:
            return await self._talk(address, port, end, more)

        return await self._deep.complete(session, talk)

    async def _talk(self, address: str, port: int, end: float, talk: Talk) -> Notes:
        """Hold one session as ``talk`` leads it, and return what was taken down."""
        notes = Notes()
        if not self._allow_private and not is_public(address):
            reason = "the address is private or reserved"
            notes.failure = SessionEnded(Trouble.SKIPPED, reason).failure
            return notes
        try:
            connection = await self._connect(address, port, end)
        except SessionEnded as ended:
            notes.failure = ended.failure
            return notes
        notes.stage = Stage.CONNECTED
        patience = Patience(end=end, step_s=self._step_timeout_s)
        dialogue = Dialogue(connection, ehlo_name=self._ehlo_name, patience=patience, notes=notes)
        try:
            await talk(dialogue)
            await connection.leave(until=min(connection.now() + LEAVE_TIMEOUT_S, end))
        except SessionEnded as ended:
            notes.failure = ended.failure
            connection.abort(gently=True)
        except BaseException:
            connection.abort()
            raise
        return notes

    async def _connect(self, address: str, port: int, end: float) -> SmtpConnection:
        loop = asyncio.get_running_loop()
        patience = min(self._connect_timeout_s, end - loop.time())
        try:
            async with asyncio.timeout(patience):
                _, connection = await loop.create_connection(SmtpConnection, address, port)
                return connection
        except TimeoutError as error:
            if error.errno is not None:  # the system's own
                raise _not_connected(error, address) from error
            reason = f"no connection within {max(patience, 0):.3g} s"
            raise SessionEnded(Trouble.TIMEOUT, reason) from error
        except OSError as error:
            raise _not_connected(error, address) from error


def _not_connected(error: OSError, address: str) -> SessionEnded:
    failure = judge_no_connection(error, address)
    return SessionEnded(failure.trouble, failure.reason)
