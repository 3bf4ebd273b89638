"""The control socket: what an administrator may ask of, and tell, the running service.

One JSON object per line each way, over a UNIX socket that only the service's user and root can
open.

**Security**: the socket file has mode 0600; there is no other lock.
**Limits**: a line has 64 KiB, a connection answers one request after the other, each in the time
that ``patience`` gives.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from mailseal.config import Config
from mailseal.faces.policyd.paths import control_path
from mailseal.faces.policyd.patience import answer_seconds
from mailseal.names import Domain, NameSyntaxError, NextHop, parse_next_hop
from mailseal.services.exceptiondocuments import pins_document
from mailseal.services.explainer import policy_document
from mailseal.services.policyservice import PolicyService

log = structlog.stdlib.get_logger("mailseal.control")

MAX_LINE_BYTES = 64 * 1024
PAGE = 1000
LAST_WORDS_SECONDS = 1.0  # for answers that are on their way when the service ends

Document = dict[str, Any]
Operation = Callable[[Document], Awaitable[Document]]
Reload = Callable[[], Awaitable[Document]]


class RequestError(ValueError):
    """A request that cannot be carried out; the text goes back to the one who asked."""


class Controls:
    """The operations, by name."""

    def __init__(self, service: PolicyService, reload: Reload) -> None:
        self._service = service
        self._ask_for_reload = reload
        self._operations: dict[str, Operation] = {
            "explain": self._explain,
            "list": self._list,
            "show": self._show,
            "refresh": self._refresh,
            "purge": self._purge,
            "pins": self._pins,
            "counters": self._counters,
            "reload": self._reload,
        }

    async def carry_out(self, request: Document) -> Document:
        """Do what a request says; raises ``RequestError`` for one that makes no sense."""
        name = str(request.get("op"))
        operation = self._operations.get(name)
        if operation is None:
            raise RequestError(f"unknown operation; known are {', '.join(self._operations)}")
        try:
            async with asyncio.timeout(answer_seconds(name)):
                return await operation(request)
        except TimeoutError:
            raise RequestError(f"{name} takes long; see the log for its outcome") from None

    async def _explain(self, request: Document) -> Document:
        next_hop = parse_next_hop(str(request.get("next_hop", "")))
        if not isinstance(next_hop, NextHop):
            raise RequestError(next_hop.value)
        return await self._service.explainer.explain(next_hop)

    async def _list(self, request: Document) -> Document:
        after = Domain(str(request["after"])) if request.get("after") else None
        policies = await self._service.store.list(after=after, limit=PAGE)
        return {"policies": [policy_document(cached) for cached in policies]}

    async def _show(self, request: Document) -> Document:
        state = await self._service.discoverer.state_of(_domain(request))
        return {"policy": policy_document(state.cached) if state.cached else None}

    async def _refresh(self, request: Document) -> Document:
        domain = _domain(request)
        await self._service.discoverer.refetch(domain, force=True)
        return await self._service.explainer.explain(NextHop(domain=domain))

    async def _purge(self, request: Document) -> Document:
        domain = _domain(request)
        was_known = await self._service.discoverer.forget(domain)
        log.info("policy purged", domain=domain, was_known=was_known)
        return {"domain": domain, "was_known": was_known}

    async def _pins(self, request: Document) -> Document:
        if request.get("refresh"):
            await self._service.pins.refresh()
        return pins_document(self._service.pins)

    async def _counters(self, request: Document) -> Document:
        return dict(self._service.counters())

    async def _reload(self, request: Document) -> Document:
        return await self._ask_for_reload()


def _domain(request: Document) -> Domain:
    try:
        return Domain.parse(str(request.get("domain", "")))
    except NameSyntaxError as error:
        raise RequestError(str(error)) from error


@contextlib.asynccontextmanager
async def serve_control(
    config: Config, service: PolicyService, *, reload: Reload
) -> AsyncIterator[None]:
    """Keep the control socket open while the block runs, in place of any left by a dead process.

    During a reload there are two services: the new one takes the socket's name over.
    """
    controls = Controls(service, reload)
    path = control_path(config)
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            while line := await reader.readline():
                answering = asyncio.create_task(_answer(controls, line, writer))
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


async def _answer(controls: Controls, line: bytes, writer: asyncio.StreamWriter) -> None:
    document = await _outcome(controls, line)
    with contextlib.suppress(ConnectionError):
        writer.write(json.dumps(document).encode() + b"\n")
        await writer.drain()


async def _outcome(controls: Controls, line: bytes) -> Document:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise RequestError("a request is a JSON object")
        return {"ok": await controls.carry_out(request)}
    except ValueError as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "a request has no such depth"}
    except Exception as error:
        log.exception("control request failed")
        return {"error": f"internal error: {type(error).__name__}, see the log"}
