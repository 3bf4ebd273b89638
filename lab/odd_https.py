"""Policy hosts that break HTTPS itself, each in its own way, all in one process.

Run as ``python -I odd_https.py SPEC``: a file with one JSON array of objects with ``address``,
``answer`` (a value of ``lab.model.Answer``), ``chain`` (a file in PEM) and ``body``. It prints
``ready`` when all of them listen, always on port 443.
"""

import asyncio
import contextlib
import json
import ssl
import sys
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

CHUNK_BYTES = 16_384
MAX_REQUEST_BYTES = 16_384
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
NO_TLS = frozenset({"closing", "clear"})  # answers without any TLS

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _answer(answer: str, body: bytes, writer: asyncio.StreamWriter) -> None:
    match answer:
        case "closing":
            pass
        case "clear" | "not-http":
            await _say(writer, b"SSH-2.0-OpenSSH_9.2\r\n")
        case "endless-head":
            await _say(writer, HEAD)
            while True:
                await _say(writer, b"X-And-On: and on\r\n" * 512)
        case "long-header":
            await _say(writer, HEAD + b"X-Long: ")
            while True:
                await _say(writer, b"x" * CHUNK_BYTES)
        case "endless-body":
            await _say(writer, HEAD + b"Connection: close\r\n\r\n" + body)
            while True:
                await _say(writer, b"x" * CHUNK_BYTES)
        case "cut":
            await _say(writer, HEAD + b"Content-Length: 4000\r\n\r\n" + body)
        case _:
            await _say(writer, HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


async def _say(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def _serve(answer: str, body: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Clients leave in the middle: that is what these hosts are for.
        with contextlib.suppress(OSError, ValueError, EOFError):
            if answer == "clear":
                await reader.read(MAX_REQUEST_BYTES)  # a handshake's beginning
            elif answer != "closing":
                await reader.readuntil(b"\r\n\r\n")
            await _answer(answer, body, writer)
        with contextlib.suppress(OSError):
            writer.close()

    return serve


def _tls(answer: str, chain: str) -> ssl.SSLContext | None:
    if answer in NO_TLS:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if answer == "tls-1.0":
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # SHA-1 is beneath any other level
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(chain)
    return context


async def main(hosts: list[dict[str, str]]) -> None:
    """Serve until killed."""
    for host in hosts:
        await asyncio.start_server(
            _serve(host["answer"], host["body"].encode()),
            host["address"],
            443,
            limit=MAX_REQUEST_BYTES,
            ssl=_tls(host["answer"], host["chain"]),
        )
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
