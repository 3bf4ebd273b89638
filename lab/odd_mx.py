"""MX hosts that behave oddly, each in its own way, all in one process.

Run as ``python -I odd_mx.py SPEC``: a file with one JSON array of objects with ``address``,
``manner`` (a value of ``lab.model.Manner``), ``chain`` and ``other_chain`` (files in PEM). It
prints ``ready`` when all of them listen, always on port 25.
"""

import asyncio
import contextlib
import json
import ssl
import sys
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 60.0  # of a host that wants to be waited for
DRIP_SECONDS = 0.25
LONG_LINE_BYTES = 65_536
MAX_LINE_BYTES = 4096
EHLO = b"250-odd.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n"
OFFER = EHLO + b"250-STARTTLS\r\n250 8BITMIME\r\n"
EHLO_IN_TLS = EHLO + b"250 8BITMIME\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a host says; by default it is well-behaved."""

    greeting: bytes = b"220 odd.test ESMTP\r\n"
    ehlo: bytes = OFFER
    starttls: bytes = b"220 2.0.0 Ready to start TLS\r\n"


SCRIPTS = {
    "busy-greeting": Script(greeting=b"421 4.7.0 Too many connections from your host\r\n"),
    "busy-ehlo": Script(ehlo=b"421 4.3.2 Too busy, come back later\r\n"),
    "busy-starttls": Script(starttls=b"421 4.7.0 Too many TLS sessions\r\n"),
    "later-starttls": Script(starttls=b"454 4.7.0 TLS not available due to local problem\r\n"),
    "greylisting": Script(ehlo=b"451 4.7.1 Greylisted, try again in 300 seconds\r\n"),
    "rejecting": Script(greeting=b"554 5.7.1 Your address is on our block list\r\n"),
    "web-server": Script(greeting=b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    "no-esmtp": Script(ehlo=b"502 5.5.1 Command not implemented\r\n"),
    "masked": Script(ehlo=EHLO + b"250-XXXXXXXA\r\n250 8BITMIME\r\n"),
    "refusing-starttls": Script(starttls=b"502 5.5.1 Command not implemented\r\n"),
}


class Conversation:
    """One client, and what the host has to say to it."""

    def __init__(
        self,
        manner: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tls: ssl.SSLContext,
    ) -> None:
        self._manner = manner
        self._script = SCRIPTS.get(manner, Script())
        self._reader = reader
        self._writer = writer
        self._tls = tls
        self._is_in_tls = False

    async def hold(self) -> None:
        """Talk until the client leaves, or as long as the host's manner is."""
        match self._manner:
            case "closing":
                return
            case "tarpit":
                await asyncio.sleep(PATIENCE_SECONDS)
            case "endless-greeting":
                await self._say_for_ever(b"220-Greetings never end here\r\n" * 16)
            case "long-lines":
                await self._say_for_ever(b"220-" + b"x" * (LONG_LINE_BYTES - 4))
            case "drip":
                await self._say_for_ever(b"x", every=DRIP_SECONDS)
            case _:
                await self._converse()

    async def _converse(self) -> None:
        await self._say(self._script.greeting)
        if not self._script.greeting.startswith(b"220"):
            return
        while line := await self._reader.readline():
            word = line.strip().upper().partition(b" ")[0]
            if word == b"EHLO":
                await self._say(EHLO_IN_TLS if self._is_in_tls else self._script.ehlo)
            elif word == b"STARTTLS":
                await self._say(self._script.starttls)
                if self._script.starttls.startswith(b"220"):
                    await self._begin_tls()
            elif word == b"QUIT":
                await self._say(b"221 2.0.0 Bye\r\n")
                return
            else:
                await self._say(b"250 2.0.0 Ok\r\n")

    async def _begin_tls(self) -> None:
        if self._manner == "closing-handshake":
            await self._reader.read(MAX_LINE_BYTES)
            raise ConnectionResetError
        if self._manner == "clear-handshake":
            await self._say(b"250 2.0.0 And now for something completely different\r\n" * 4)
            await self._reader.read(MAX_LINE_BYTES)
            raise ConnectionResetError
        if self._manner != "injectable":
            # asyncio reads commands that came before TLS as if they had come within, which is
            # CVE-2011-0411 and what an injectable host is there for.
            self._reader._buffer.clear()  # type: ignore[attr-defined] # noqa: SLF001
        await self._writer.start_tls(self._tls)
        self._is_in_tls = True
        if self._manner == "closing-in-tls":
            raise ConnectionResetError
        if self._manner == "endless-in-tls":
            await self._reader.readline()
            await self._say_for_ever(b"250-X-AND-ON\r\n" * 64)

    async def _say(self, data: bytes) -> None:
        """Send, and hang up behind a 421."""
        self._writer.write(data)
        await self._writer.drain()
        if data.startswith(b"421"):
            raise ConnectionResetError

    async def _say_for_ever(self, data: bytes, *, every: float = 0.0) -> None:
        while True:
            await self._say(data)
            await asyncio.sleep(every)


def tls_of(manner: str, chain: str, other_chain: str) -> ssl.SSLContext:
    """Make the TLS settings of a host."""
    context = _context(chain)
    match manner:
        case "tls-1.0":
            context.maximum_version = ssl.TLSVersion.TLSv1
        case "weak-cipher":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AES128-SHA")  # the key is exchanged by RSA
        case "other-without-sni":
            context = _by_name(context, _context(other_chain))
        case "tls-1.0-too":
            pass
        case _:
            context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _by_name(named: ssl.SSLContext, nameless: ssl.SSLContext) -> ssl.SSLContext:
    """Show the one certificate to whoever names a host, and the other to all else."""

    def choose(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name:
            tls.context = named

    nameless.minimum_version = ssl.TLSVersion.TLSv1_2  # it is decided before the name is read
    nameless.sni_callback = choose
    return nameless


def _context(chain: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Weak keys and TLS 1.0, with its SHA-1, are what some of these hosts are for.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(chain)
    return context


def _serve(
    manner: str, tls: ssl.SSLContext
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Clients leave in the middle: that is what most of these hosts are for.
        with contextlib.suppress(OSError, ValueError, EOFError):
            await Conversation(manner, reader, writer, tls).hold()
        with contextlib.suppress(OSError):
            writer.close()

    return serve


async def main(hosts: list[dict[str, str]]) -> None:
    """Serve until killed."""
    for host in hosts:
        tls = tls_of(host["manner"], host["chain"], host["other_chain"])
        serve = _serve(host["manner"], tls)
        await asyncio.start_server(serve, host["address"], 25, limit=MAX_LINE_BYTES)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
