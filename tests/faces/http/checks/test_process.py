"""The checking process from its parent's side: started, asked, lost, and started again."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailseal.config import Config, from_document, parse
from mailseal.faces.http.checks import process as process_module
from mailseal.faces.http.checks.desk import CheckFailedError, Step
from mailseal.faces.http.checks.process import CheckProcess, command_spawner
from mailseal.names import Domain

CHILD = Path(__file__).with_name("child.py")
NAME = Domain("a.example")


class Parent:
    """A process with a count of its children."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self._spawn = command_spawner([sys.executable, "-I", str(CHILD)])
        self.process = CheckProcess(self.spawn, parse('state_dir = "/state"\n'))

    def spawn(self, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        """Start a child, and remember it."""
        self.children.append(self._spawn(theirs))
        return self.children[-1]

    async def run(self, name: str) -> bytes:
        """Make a check."""
        return await self.process.run(Domain(name), lambda _: None)


@pytest.fixture
async def parent() -> AsyncIterator[Parent]:
    """Give a parent that leaves no child behind."""
    made = Parent()
    yield made
    await made.process.aclose()
    assert [child.returncode is None for child in made.children] == [False] * len(made.children)


async def test_a_check_is_made_in_a_child_that_knows_the_configuration(parent: Parent) -> None:
    """It is started by the first check, and serves the next ones."""
    steps: list[Step] = []
    assert parent.children == []
    answer = json.loads(await parent.process.run(NAME, steps.append))

    assert answer == {"domain": NAME, "state_dir": "/state"}
    assert steps == [Step(part="dns", subject=NAME, done=1, total=2)]
    await asyncio.gather(*(parent.run(f"d{number}.example") for number in range(5)))
    assert len(parent.children) == 1


async def test_a_child_is_told_no_secrets() -> None:
    """It meets strangers: what it does not know nobody gets out of it."""
    config = parse(
        '[store]\nurl = "postgresql://m:SECRET@db.example.com/m"\n'
        '[monitor]\nwebhook_url = "https://alerts.example.com/SECRET"\n'
        '[check]\nname = "check.example.com"\n'
    )
    process = CheckProcess(command_spawner([sys.executable, "-I", str(CHILD)]), config)
    told = json.loads(await process.run(Domain("told.example"), lambda _: None))["hello"]
    await process.aclose()

    assert "SECRET" not in json.dumps(told)
    assert from_document(told).check == config.check


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("dies.example", "has ended"),
        ("nonsense.example", "speaks nonsense"),
        ("endless.example", "speaks nonsense"),
    ],
)
async def test_a_child_that_is_lost_is_told_and_replaced(
    parent: Parent, name: str, why: str
) -> None:
    """All checks under way fail with the reason, and the next one finds a new child."""
    with capture_logs() as logs:
        waiting = asyncio.create_task(parent.run("silent.example"))
        with pytest.raises(CheckFailedError, match=why):
            await parent.run(name)
        with pytest.raises(CheckFailedError, match=why):
            await waiting
        assert json.loads(await parent.run(NAME))["domain"] == NAME
        await parent.process.aclose()  # which waits for the lost one, too

    assert len(parent.children) == 2
    assert [one["event"] for one in logs] == ["the checking process has ended"]


@pytest.mark.parametrize(
    ("name", "why"), [("fails.example", "of its own"), ("unable.example", "no authorities")]
)
async def test_what_a_child_cannot_do_is_told(parent: Parent, name: str, why: str) -> None:
    """In its own words; it lives on."""
    with pytest.raises(CheckFailedError, match=why):
        await parent.run(name)
    await parent.run(NAME)

    assert len(parent.children) == 1


async def test_a_check_that_hangs_ends(parent: Parent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the child does."""
    monkeypatch.setattr(parent.process, "_patience", timedelta(milliseconds=1))

    with pytest.raises(CheckFailedError, match="in time"):
        await parent.run("silent.example")


async def test_a_child_without_work_is_ended(
    parent: Parent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory is not kept for nothing; the next check starts another one."""
    monkeypatch.setattr(process_module, "IDLE_SECONDS", 0.0)
    with capture_logs() as logs:
        await parent.run(NAME)
        await asyncio.to_thread(parent.children[0].wait, 10)
        await parent.run(NAME)

    assert len(parent.children) == 2
    assert logs == []  # nothing is wrong


async def test_a_child_that_has_grown_old_is_replaced(
    parent: Parent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tests its resolvers once, and resolvers change."""
    monkeypatch.setattr(process_module, "MAX_AGE_SECONDS", -1.0)
    await parent.run(NAME)
    await parent.run(NAME)

    assert len(parent.children) == 2


async def test_a_child_that_has_grown_old_is_replaced_however_busy_it_is(
    parent: Parent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finishes its work and takes no more: where somebody always asks it would last for ever."""
    waiting = asyncio.create_task(parent.run("silent.example"))
    await parent.run(NAME)
    assert len(parent.children) == 1
    monkeypatch.setattr(process_module, "MAX_AGE_SECONDS", -1.0)
    await parent.run(NAME)
    assert len(parent.children) == 2
    assert parent.children[0].poll() is None
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.to_thread(parent.children[0].wait, 10)


async def test_the_end_does_not_wait_for_an_old_child_s_work(
    parent: Parent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that would take its two minutes is told the end, and so is its client."""
    waiting = asyncio.create_task(parent.run("silent.example"))
    await parent.run(NAME)
    monkeypatch.setattr(process_module, "MAX_AGE_SECONDS", -1.0)
    await parent.run(NAME)
    async with asyncio.timeout(10):
        await parent.process.aclose()

    with pytest.raises(CheckFailedError, match="was ended"):
        await waiting


async def test_a_child_that_cannot_be_started_is_told() -> None:
    """Such as where processes are out of reach; nothing of mail is touched."""

    def spawn(theirs: socket.socket) -> "subprocess.Popen[bytes]":
        raise OSError(11, "Resource temporarily unavailable")

    process = CheckProcess(spawn, Config.embedded(Path("/state")))
    with pytest.raises(CheckFailedError, match="cannot be started"):
        await process.run(NAME, lambda _: None)
    await process.aclose()
