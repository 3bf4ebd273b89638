"""The checking process: domains in, answers out, and the network in between.

**Security**: it parses what strangers wrote, apart from all that answers mail servers.
**Limits**: whoever asks bounds how many checks there are at a time.
**Bugs**: none known.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import structlog

import mailseal
from mailseal import config as configuration
from mailseal.checks.judge import judge
from mailseal.faces.check.document import to_answer
from mailseal.faces.http.checks import link
from mailseal.faces.http.checks.desk import Step
from mailseal.names import Domain
from mailseal.services.judging import judge_aside

if TYPE_CHECKING:
    from mailseal.services.checker import Checker, Progress

log = structlog.stdlib.get_logger("mailseal.http")

NICENESS = 19
STEP_SECONDS = 0.1  # ours: nobody sees more steps than that
KEEP_SESSIONS = timedelta(seconds=60)  # ours: whoever mends a server asks again soon

OpenChecker = Callable[[configuration.Config], contextlib.AbstractAsyncContextManager["Checker"]]


class Telling:
    """Sends lines to the parent; after its end they go nowhere."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def send(self, message: link.FromChild) -> None:
        """Send a line."""
        if not self._writer.is_closing():
            self._writer.write(link.encode(message))


async def work(sock: socket.socket, open_checker: OpenChecker) -> None:
    """Serve the parent at the other end until it goes away."""
    reader, writer = await asyncio.open_connection(sock=sock, limit=link.MAX_LINE_BYTES)
    telling = Telling(writer)
    config = configuration.from_document(json.loads(await reader.readline()), source="mailseal")
    keep = min(config.check.keep_sessions, KEEP_SESSIONS)
    config = replace(config, check=replace(config.check, keep_sessions=keep))
    try:
        async with open_checker(config) as checker, asyncio.TaskGroup() as tasks:
            checks: set[asyncio.Task[None]] = set()
            while line := await reader.readline():
                ask = link.read_parent(line)
                task = tasks.create_task(answer(ask, checker, telling))
                checks.add(task)
                task.add_done_callback(checks.discard)
            for task in checks:
                task.cancel()
    except mailseal.Error as error:  # no authorities, no resolver: nothing can be looked at
        log.error("domains cannot be checked", reason=str(error))
        telling.send(link.Failed(reason=str(error)))
        with contextlib.suppress(OSError):
            await writer.drain()
    finally:
        writer.close()


async def answer(ask: link.Ask, checker: "Checker", telling: Telling) -> None:
    """Check a domain and say what it came to; a fault of ours ends no other check."""
    loop = asyncio.get_running_loop()
    told_at = float("-inf")

    def tell(progress: "Progress") -> None:
        nonlocal told_at
        if loop.time() - told_at < STEP_SECONDS:
            return
        told_at = loop.time()
        step = Step(
            part=progress.part.value,
            subject=str(progress.subject),
            done=progress.done,
            total=progress.total,
        )
        telling.send(link.Stepped(number=ask.number, step=step))

    try:
        evidence = await checker.gather(Domain.parse(ask.domain), on_progress=tell)
        text = msgspec.json.encode(to_answer(await judge_aside(evidence, judge)))
    except Exception:
        # A fault of ours: this check has failed, and others are under way in this process.
        log.exception("domain could not be checked", domain=ask.domain)
        reason = "a fault in mailseal, see its log"
        telling.send(link.Failed(number=ask.number, reason=reason))
        return
    if len(text) > link.MAX_ANSWER_BYTES:
        # A domain that makes it so long fails alone: a line beyond its bound would end all checks.
        reason = f"its answer has {len(text)} bytes, expected at most {link.MAX_ANSWER_BYTES}"
        telling.send(link.Failed(number=ask.number, reason=reason))
        return
    telling.send(link.Answered(number=ask.number, answer=msgspec.Raw(text)))


def run(arguments: Sequence[str], open_checker: OpenChecker) -> int:
    """Run as the resolver's child; the last argument is the number of our end of the link."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the link is the end
    sock = socket.socket(fileno=int(arguments[-1]))
    sock.setblocking(False)
    asyncio.run(work(sock, open_checker))
    return 0
