"""An HTTP proxy on loopback that answers CONNECT as a test wants, and then hands bytes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.net.conversations import serving

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy:
    """What the proxy was asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[bytes] = []


@asynccontextmanager
async def running_proxy(
    reply: bytes = ESTABLISHED, *, to: str | None = None
) -> AsyncIterator[Proxy]:
    """Answer CONNECT with a reply, then pass bytes on in both directions.

    ``to`` is the address that it connects to, whatever host it is asked for.
    """
    proxy = Proxy()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        proxy.heads.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        writer.write(reply)
        inner, upstream = await asyncio.open_connection(to or host, int(port))
        try:
            await asyncio.gather(copy(reader, upstream), copy(inner, writer))
        finally:
            upstream.transport.abort()

    async with serving(converse) as port:
        proxy.url = f"http://127.0.0.1:{port}"
        yield proxy
