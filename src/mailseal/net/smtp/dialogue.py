"""What is said in one session, in its order, and what each answer means (RFC 5321, RFC 3207 §4)."""

import ssl
from dataclasses import dataclass

from mailseal.checks.evidence import Failure, Stage, Trouble
from mailseal.net.smtp.connection import SmtpConnection
from mailseal.net.smtp.ending import SessionEnded, refusal
from mailseal.net.smtp.reply import Reply

MAX_TEXT_CHARS = 500  # ours, of a banner or one extension; RFC 5321 §4.5.3.1.5 has 512 for a line
_UNKNOWN_COMMAND = frozenset({500, 502})  # RFC 5321 §4.2.4: the server knows no EHLO


@dataclass(slots=True)
class Notes:
    """What a session showed so far; it is right at every moment, however the session ends."""

    stage: Stage = Stage.NOTHING
    failure: Failure | None = None
    banner: str = ""
    extensions: tuple[str, ...] = ()
    offers_starttls: bool | None = None
    starttls_reply: str = ""
    tls: ssl.SSLObject | None = None
    extensions_in_tls: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Patience:
    """Until when a step may take, on the loop's clock: its own time, but never beyond the end."""

    end: float
    step_s: float

    def step(self, now: float) -> float:
        """Return when a step that begins now has to be over."""
        return min(now + self.step_s, self.end)


class Dialogue:
    """One session over an open connection; each step takes down in ``notes`` what it learnt.

    A step that cannot go on raises ``SessionEnded``.
    """

    def __init__(
        self, connection: SmtpConnection, *, ehlo_name: str, patience: Patience, notes: Notes
    ) -> None:
        self._connection = connection
        self._ehlo_name = ehlo_name.encode("ascii")
        self._patience = patience
        self._notes = notes

    async def look(self, context: ssl.SSLContext, server_name: str | None) -> None:
        """Go all the way to the EHLO within TLS, as far as the server comes along."""
        await self.greet()
        if self._notes.offers_starttls:
            await self.shake_hands(context, server_name)
            await self.greet_in_tls()

    async def greet(self) -> None:
        """Read the greeting and say EHLO, or HELO to a server that knows no other."""
        notes = self._notes
        greeting = await self._read("greeting")
        notes.banner = shorten(str(greeting))
        if greeting.code != 220:
            raise refusal(greeting)
        notes.stage = Stage.GREETED
        reply = await self._ask(b"EHLO " + self._ehlo_name, "answer to EHLO")
        if reply.code in _UNKNOWN_COMMAND:
            # Before ESMTP: senders say HELO and deliver in clear, so TLS is truly not offered.
            reply = await self._ask(b"HELO " + self._ehlo_name, "answer to HELO")
            if reply.code != 250:
                raise refusal(reply)
            notes.offers_starttls = False
        elif reply.code != 250:
            raise refusal(reply)
        else:
            notes.extensions = _extensions(reply)
            notes.offers_starttls = _offers_starttls(reply)
        notes.stage = Stage.EHLO

    async def shake_hands(
        self, context: ssl.SSLContext, server_name: str | None, *, smuggled: bytes = b""
    ) -> None:
        """Ask for STARTTLS and begin TLS; ``smuggled`` is said in clear in the same breath."""
        notes = self._notes
        reply = await self._ask(b"STARTTLS", "answer to STARTTLS", smuggled=smuggled)
        notes.starttls_reply = shorten(str(reply))
        if reply.code != 220:
            raise refusal(reply)
        notes.stage = Stage.STARTTLS
        until = self._patience.step(self._connection.now())
        notes.tls = await self._connection.start_tls(context, server_name, until=until)
        notes.stage = Stage.TLS

    async def greet_in_tls(self) -> None:
        """Say EHLO again, as RFC 3207 §4.2 wants it."""
        reply = await self._ask(b"EHLO " + self._ehlo_name, "answer to EHLO within TLS")
        if reply.code != 250:
            raise refusal(reply)
        self._notes.extensions_in_tls = _extensions(reply)
        self._notes.stage = Stage.EHLO_AGAIN

    async def finds_smuggled_command(self) -> bool | None:
        """Tell whether a NOOP that was smuggled before TLS is answered within it.

        Only a server that ran it owes one reply more than there were commands within TLS: then
        what follows EHLO's "reply" is EHLO's reply, and not that to QUIT. None for neither.
        """
        await self._ask(b"EHLO " + self._ehlo_name, "answer to EHLO within TLS")
        last = await self._ask(b"QUIT", "answer to QUIT")
        return {221: False, 250: True}.get(last.code)

    async def _ask(self, command: bytes, due: str, *, smuggled: bytes = b"") -> Reply:
        self._connection.send(command + b"\r\n" + smuggled)
        return await self._read(due)

    async def _read(self, due: str) -> Reply:
        until = self._patience.step(self._connection.now())
        reply = await self._connection.read_reply(due, until=until)
        if reply.code == 421:
            # Whatever was asked: the server hangs up, most often on whoever comes too often.
            raise SessionEnded(Trouble.BUSY, str(reply), code=reply.code)
        return reply


def shorten(text: str) -> str:
    """Return a server's words at a length that evidence can hold thousands of."""
    return text[:MAX_TEXT_CHARS]


def _extensions(reply: Reply) -> tuple[str, ...]:
    return tuple(line[:MAX_TEXT_CHARS].strip() for line in reply.lines[1:] if line.strip())


def _offers_starttls(reply: Reply) -> bool:
    return any(line.split()[:1] == ["STARTTLS"] for line in map(str.upper, reply.lines[1:]))
