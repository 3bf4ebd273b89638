"""The checking process from within: lines in, judgements out, in a world of fakes."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

import mailseal
from mailseal.config import Config, to_document
from mailseal.faces.check.document import CheckAnswer
from mailseal.faces.http.checks import link, worker
from mailseal.services.checker import Checker
from mailseal.testing.evidence import DOMAIN
from tests.services.checkworld import good_world

GUARD_SECONDS = 10.0


class Link:
    """The parent's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def ask(self, domain: str, number: int = 1) -> None:
        """Ask for a check."""
        self.writer.write(link.encode(link.Ask(number=number, domain=domain)))

    async def read(self) -> link.FromChild:
        """Read what is said, steps passed over."""
        async with asyncio.timeout(GUARD_SECONDS):
            while True:
                message = link.read_child(await self._reader.readline())
                if not isinstance(message, link.Stepped):
                    return message


@contextlib.asynccontextmanager
async def working(open_checker: worker.OpenChecker) -> AsyncIterator[Link]:
    """Run the worker at the other end of a socket pair."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    task = asyncio.create_task(worker.work(theirs, open_checker))
    reader, writer = await asyncio.open_connection(sock=ours, limit=link.MAX_LINE_BYTES)
    config = Config.embedded(Path("/state"))
    writer.write(json.dumps(to_document(config, reveal=True)).encode() + b"\n")
    yield Link(reader, writer)
    writer.close()
    async with asyncio.timeout(GUARD_SECONDS):
        await task


def opener(checker: object) -> worker.OpenChecker:
    """Return what opens a checker of fakes."""

    @contextlib.asynccontextmanager
    async def open_checker(config: Config) -> AsyncIterator[Checker]:
        assert config.check.keep_sessions <= worker.KEEP_SESSIONS
        yield cast("Checker", checker)

    return open_checker


async def test_a_domain_is_checked_and_judged() -> None:
    """The answer is the object that the command writes."""
    async with working(opener(good_world().checker)) as parent:
        parent.ask(DOMAIN)
        message = await parent.read()

    assert isinstance(message, link.Answered)
    answer = msgspec.json.decode(message.answer, type=CheckAnswer)
    assert answer.domain == DOMAIN
    assert answer.verdict == "enforcing-and-healthy"


async def test_a_fault_in_one_check_ends_no_other() -> None:
    """It is told, logged, and the next one is made."""
    good = good_world().checker

    async def gather(domain: Any, **options: Any) -> Any:
        if domain == "bad.example":
            raise ZeroDivisionError
        return await good.gather(domain, **options)

    async with working(opener(SimpleNamespace(gather=gather))) as parent:
        parent.ask("bad.example", 1)
        first = await parent.read()
        parent.ask(DOMAIN, 2)
        second = await parent.read()

    assert isinstance(first, link.Failed)
    assert first.number == 1
    assert isinstance(second, link.Answered)
    assert second.number == 2


async def test_an_answer_that_is_too_long_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A domain with a thousand faults does not end the checks of others."""
    monkeypatch.setattr(link, "MAX_ANSWER_BYTES", 100)
    async with working(opener(good_world().checker)) as parent:
        parent.ask(DOMAIN, 1)
        first = await parent.read()
        monkeypatch.undo()
        parent.ask(DOMAIN, 2)
        second = await parent.read()

    assert isinstance(first, link.Failed)
    assert first.number == 1
    assert "expected at most 100" in first.reason
    assert isinstance(second, link.Answered)


async def test_a_machine_that_cannot_look_says_so() -> None:
    """Such as one without certificate authorities; the process then ends."""

    @contextlib.asynccontextmanager
    async def open_checker(config: Config) -> AsyncIterator[Checker]:
        raise mailseal.Error("no authorities in /etc/ssl")
        yield good_world().checker

    async with working(open_checker) as parent:
        message = await parent.read()

    assert message == link.Failed(reason="no authorities in /etc/ssl")


async def test_the_end_of_the_link_ends_checks_under_way() -> None:
    """Nobody is left who would want to know."""
    begun = asyncio.Event()

    async def gather(domain: Any, **options: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    async with working(opener(SimpleNamespace(gather=gather))) as parent:
        parent.ask(DOMAIN)
        await begun.wait()


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"type":"ask"}', b"\xff\n"])
def test_only_lines_of_ours_are_read(text: bytes) -> None:
    """Anything else is the end of the link, for either side."""
    for read in (link.read_child, link.read_parent):
        with pytest.raises(ValueError, match=r"."):
            read(text)
