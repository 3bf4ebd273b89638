"""A second process for policy hosts: the same evidence, and nothing lost with the process."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest

from mailseal.checks.evidence import Failure, PolicyFetch, Trouble
from mailseal.names import Domain
from mailseal.net.https.apart import child, link
from mailseal.net.https.apart.prober import ApartPolicyProber
from mailseal.ports.policyhost import PolicyProber
from mailseal.testing import FakePolicyProber, ManualClock
from mailseal.testing.clock import DEFAULT_START
from mailseal.testing.evidence import POLICY, tls

HOST = Domain("mta-sts.example.com")
ADDRESS = "192.0.2.10"
LONG = timedelta(seconds=20)
SETTINGS = link.Settings(
    ca_file=None, user_agent="mailseal/test", allow_private=True, proxy=None, max_probes=10
)
FULL = PolicyFetch(
    address=ADDRESS,
    started_at=DEFAULT_START,
    duration=timedelta(microseconds=50_001),
    failure=Failure(trouble=Trouble.BUSY, reason="as told", again_in=timedelta(minutes=1)),
    tls=tls(HOST),
    status=200,
    headers=(("content-type", "text/plain"), ("x-odd", "")),
    body=POLICY + b"\0\xff",
    is_whole=True,
    user_agent="mailseal/test",
)


class Told:
    """A prober whose looks come to what a test says."""

    def __init__(self, outcome: PolicyFetch | Exception | None) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, str, timedelta, str, str]] = []
        self.was_asked = asyncio.Event()

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        path: str = "",
        user_agent: str = "",
    ) -> PolicyFetch:
        """Give it, or wait for ever where there is none."""
        self.asked.append((host, address, timeout, path, user_agent))
        self.was_asked.set()
        if self.outcome is None:
            await asyncio.Event().wait()
            raise AssertionError
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Process:
    """What stands for a child process: its end of the link, and how it works at it."""

    def __init__(self, work: Callable[[socket.socket], asyncio.Task[None]]) -> None:
        self._work = work
        self.task: asyncio.Task[None] | None = None
        self.is_killed = False

    def spawn(self, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        """Begin to work."""
        own = theirs.dup()
        own.setblocking(False)
        self.task = self._work(own)
        return cast("subprocess.Popen[bytes]", self)

    def kill(self) -> None:
        """End at once, as by kill -9."""
        self.is_killed = True
        if self.task is not None:
            self.task.cancel()

    def wait(self) -> int:
        """Return as if it had ended."""
        return -9


def serving(far: PolicyProber) -> Process:
    """Return a child that looks at policy hosts by ``far``."""

    async def work(own: socket.socket) -> None:
        with own:
            await child.serve(own, lambda _settings: far, ManualClock())

    return Process(lambda own: asyncio.create_task(work(own)))


def saying(*answers: bytes) -> Process:
    """Return a child that gives so many pieces, one for each message, and then nothing."""

    async def work(own: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with own:
            for answer in answers:
                await loop.sock_recv(own, 65_536)
                await loop.sock_sendall(own, answer)
            while await loop.sock_recv(own, 65_536):
                pass

    return Process(lambda own: asyncio.create_task(work(own)))


@asynccontextmanager
async def apart(
    near: PolicyProber,
    process: Process,
    *,
    near_looks: int = 0,
    coming_up: timedelta = LONG,
    grace: timedelta = LONG,
) -> AsyncIterator[ApartPolicyProber]:
    """Open a prober whose child comes up after so many looks, and end both."""
    prober = ApartPolicyProber(
        near,
        spawn=process.spawn,
        settings=SETTINGS,
        clock=ManualClock(),
        near_looks=near_looks,
        coming_up=coming_up,
        grace=grace,
    )
    try:
        yield prober
    finally:
        await prober.aclose()
        if process.task is not None:
            process.task.cancel()
            await asyncio.gather(process.task, return_exceptions=True)


async def test_what_the_child_saw_is_what_is_there() -> None:
    """Nothing of the evidence is lost on the way, and all of the question arrives."""
    near, far = Told(FULL), Told(FULL)
    async with apart(near, serving(far)) as prober:
        fetch = await prober.probe(HOST, ADDRESS, timeout=LONG, path="/x", user_agent="one")

    assert fetch == FULL
    assert far.asked == [(HOST, ADDRESS, LONG, "/x", "one")]
    assert near.asked == []


async def test_answers_find_those_who_asked() -> None:
    """Looks are under way together, and end in any order."""
    far = FakePolicyProber()
    addresses = [f"192.0.2.{number}" for number in range(100)]
    for address in addresses:
        far.serve(HOST, address, address)
    async with apart(Told(FULL), serving(far)) as prober:
        looks = (prober.probe(HOST, address, timeout=LONG) for address in addresses)
        fetches = await asyncio.gather(*looks)

    assert [fetch.body.decode() for fetch in fetches] == addresses


async def test_a_short_list_starts_no_process() -> None:
    """Coming up takes longer than a few looks."""
    near, process = Told(FULL), serving(Told(FULL))
    async with apart(near, process, near_looks=3) as prober:
        for _ in range(3):
            await prober.probe(HOST, ADDRESS, timeout=LONG)

    assert process.task is None


async def test_looks_one_after_the_other_wait_for_no_process() -> None:
    """Where few publish, this one has the time for them while the other comes up."""
    near, process = Told(FULL), saying()  # it never says that it is ready
    async with apart(near, process, near_looks=2) as prober:
        for _ in range(4):
            await prober.probe(HOST, ADDRESS, timeout=LONG)
        await asyncio.sleep(0)  # its turn
        has_begun = process.task is not None

    assert has_begun
    assert len(near.asked) == 4


async def test_a_child_that_does_not_come_up_is_not_waited_for() -> None:
    """A moment for all together, then looks are made here."""
    near, process = Told(FULL), saying()  # it never says that it is ready
    async with apart(near, process, coming_up=timedelta(milliseconds=20)) as prober:
        for _ in range(4):
            assert await prober.probe(HOST, ADDRESS, timeout=LONG) == FULL

    assert len(near.asked) == 4
    assert process.is_killed


async def test_looks_wait_for_a_child_that_comes_up() -> None:
    """A crowd that comes at the start would else keep this process busy for nothing."""
    near, far = Told(FULL), Told(FULL)
    async with apart(near, serving(far)) as prober:
        looks = (prober.probe(HOST, ADDRESS, timeout=LONG) for _ in range(10))
        await asyncio.gather(*looks)

    assert (len(near.asked), len(far.asked)) == (0, 10)


async def test_a_child_that_cannot_be_started_costs_nothing_else() -> None:
    """No process, no memory, no right: the scan goes on by itself."""

    def refuse(own: socket.socket) -> asyncio.Task[None]:
        own.close()
        raise OSError(11, "Resource temporarily unavailable")

    near = Told(FULL)
    async with apart(near, Process(refuse)) as prober:
        assert await prober.probe(HOST, ADDRESS, timeout=LONG) == FULL

    assert len(near.asked) == 1


async def test_what_a_child_loses_is_looked_at_here() -> None:
    """It dies in the middle of a look: nobody sees anything of that."""
    near, far = Told(FULL), Told(None)
    process = serving(far)
    async with apart(near, process) as prober:
        look = asyncio.create_task(prober.probe(HOST, ADDRESS, timeout=LONG))
        await far.was_asked.wait()
        process.kill()

        assert await look == FULL
        assert await prober.probe(HOST, ADDRESS, timeout=LONG) == FULL
    assert (len(near.asked), len(far.asked)) == (2, 1)


async def test_a_mistake_in_the_child_is_met_here() -> None:
    """What a look raises there, it raises here, where it is written into the log."""
    near, far = Told(FULL), Told(ValueError("a mistake"))
    async with apart(near, serving(far)) as prober:
        assert await prober.probe(HOST, ADDRESS, timeout=LONG) == FULL
        near.outcome = ValueError("the same")
        with pytest.raises(ValueError, match="the same"):
            await prober.probe(HOST, ADDRESS, timeout=LONG)


READY = b"\0\0\0\x0c\x81\xa4type\xa5ready"


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\0\0\0\x01\xc1",  # no MessagePack
        b"\0\0\0\x0c\x81\xa4type\xa5other",  # no message of ours
        b"\0\x08\0\x01",  # longer than any: it is not waited for
    ],
)
async def test_a_child_that_speaks_nonsense_is_given_up(nonsense: bytes) -> None:
    """Whoever broke it has no way to put words into the evidence."""
    near = Told(FULL)
    async with apart(near, saying(READY, nonsense)) as prober:
        for _ in range(2):
            assert await prober.probe(HOST, ADDRESS, timeout=LONG) == FULL

    assert len(near.asked) == 2


async def test_a_child_that_has_stopped_is_not_waited_for() -> None:
    """The time of the look and a little more, then it counts as lost for all."""
    near, process = Told(FULL), saying(READY)
    async with apart(near, process, grace=timedelta(0)) as prober:
        await prober.probe(HOST, ADDRESS, timeout=timedelta(milliseconds=10))
        await prober.probe(HOST, ADDRESS, timeout=LONG)

    assert near.asked[-1][2] == LONG


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_messages_are_whole_however_they_are_cut_up(step: int) -> None:
    """A stream has no borders."""
    taken: list[bytes] = []
    end = link.Link(taken.append, lambda: None)
    stream = READY * 3
    for at in range(0, len(stream), step):
        end.data_received(stream[at : at + step])

    assert taken == [READY[4:]] * 3
