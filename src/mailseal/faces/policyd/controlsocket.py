"""The control socket: an administrator's requests and the running service's answers as lines.

One JSON object per line each way, over a UNIX socket that only the service's user and root can
open. What can be asked is in ``operations``.

**Security**: the socket file has mode 0600; there is no other lock.
**Limits**: a line has 64 KiB, a connection answers one request after the other, each in the time
that ``patience`` gives.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from mailseal.config import Config
from mailseal.faces.policyd.operations import Document, Operations, Reload, RequestError
from mailseal.faces.policyd.paths import control_path
from mailseal.services.policyservice import PolicyService

log = structlog.stdlib.get_logger("mailseal.control")

MAX_LINE_BYTES = 64 * 1024
LAST_WORDS_SECONDS = 1.0  # for answers that are on their way when the service ends


@contextlib.asynccontextmanager
async def serve_control(
    config: Config, service: PolicyService, *, reload: Reload
) -> AsyncIterator[None]:
    """Keep the control socket open while the block runs, in place of any left by a dead process.

    During a reload there are two services: the new one takes the socket's name over.
    """
    operations = Operations(service, reload)
    path = control_path(config)
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            while line := await reader.readline():
                answering = asyncio.create_task(_answer(operations, line, writer))
                busy.add(answering)
                answering.add_done_callback(busy.discard)
                await answering
        writer.close()

    sock = _bound(path)
    own = path.stat().st_ino
    server = await asyncio.start_unix_server(serve, sock=sock, limit=MAX_LINE_BYTES)
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == own:
                path.unlink()
        if busy:
            await asyncio.wait(busy, timeout=LAST_WORDS_SECONDS)


def _bound(path: Path) -> socket.socket:
    """Bind under another name first, so that nobody can open the socket before its mode is set."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    mask = os.umask(0o177)
    try:
        sock.bind(str(new))
    finally:
        os.umask(mask)
    new.replace(path)
    return sock


async def _answer(operations: Operations, line: bytes, writer: asyncio.StreamWriter) -> None:
    document = await _outcome(operations, line)
    with contextlib.suppress(ConnectionError):
        writer.write(json.dumps(document).encode() + b"\n")
        await writer.drain()


async def _outcome(operations: Operations, line: bytes) -> Document:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise RequestError("a request is a JSON object")
        return {"ok": await operations.carry_out(request)}
    except ValueError as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "a request has no such depth"}
    except Exception as error:
        # A fault of ours: whoever asked is told; it must not end the service.
        log.exception("control request failed")
        return {"error": f"internal error: {type(error).__name__}, see the log"}
