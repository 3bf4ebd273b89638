"""Which resolver is blamed for silence: the next look-up begins with the others."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from mailseal.answers import DnsFailure, Found, LookupFailed, RdType
from mailseal.net.dns import ResolverAddress
from mailseal.net.dns.exchange import Exchange
from mailseal.net.dns.question import Question, make_question, render_query
from mailseal.net.dns.reply import Final
from mailseal.net.dns.transport import DatagramPool
from mailseal.net.dns.upstream import SICK_AFTER_FAILURES, Upstream

LONG = timedelta(seconds=20)
AT_ONCE = timedelta(0)  # nobody waits for one resolver before the next is asked

Deliver = Callable[[bytes | OSError], None]
Script = Callable[["StubPool", bytes], None]


@dataclass
class StubPending:
    """A query to a stub: sending it is what the script makes of it."""

    pool: "StubPool"
    wire: bytes
    is_forgotten: bool = False

    def send(self) -> None:
        """Let the script act."""
        self.pool.sent.append(self.wire)
        self.pool.script(self.pool, self.wire)

    def forget(self) -> None:
        """Note that nobody waits any more."""
        self.is_forgotten = True


@dataclass
class StubPool:
    """A resolver without a socket, which answers when and as the test says."""

    script: Script
    sent: list[bytes] = field(default_factory=list)
    pending: list[StubPending] = field(default_factory=list)
    deliver: Deliver = print  # of the latest query

    async def register(
        self,
        question: Question,
        deliver: Deliver,
        *,
        has_edns: bool = True,
        is_checking_disabled: bool = False,
    ) -> StubPending:
        """Take a query."""
        self.deliver = deliver
        wire = render_query(
            question, 1, has_edns=has_edns, is_checking_disabled=is_checking_disabled
        )
        self.pending.append(StubPending(self, wire))
        return self.pending[-1]

    def answer(
        self, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, *, ede: dns.edns.EDECode | None = None
    ) -> None:
        """Answer the latest query."""
        query = dns.message.from_wire((self.pending[-1]).wire)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        response.set_rcode(rcode)
        if rcode == dns.rcode.NOERROR:
            response.answer = [dns.rrset.from_text("a.example.", 60, "IN", "A", "192.0.2.1")]
        if ede is not None:
            response.use_edns(0, options=[dns.edns.EDEOption(ede)])
        self.deliver(response.to_wire())


def silent(_: StubPool, __: bytes) -> None:
    """Say nothing."""


def good(pool: StubPool, _: bytes) -> None:
    """Answer."""
    pool.answer()


def refusing(pool: StubPool, _: bytes) -> None:
    """Refuse to serve us."""
    pool.answer(dns.rcode.REFUSED)


def failing(pool: StubPool, _: bytes) -> None:
    """Find the zone broken, checked or not."""
    pool.answer(dns.rcode.SERVFAIL)


def unreachable(pool: StubPool, _: bytes) -> None:
    """Let the kernel say that nothing listens there."""
    pool.deliver(ConnectionRefusedError())


def bogus(pool: StubPool, _: bytes) -> None:
    """Say that the data are forged."""
    pool.answer(dns.rcode.SERVFAIL, ede=dns.edns.EDECode.DNSSEC_BOGUS)


def unable(pool: StubPool, _: bytes) -> None:
    """Understand no question, in whichever form."""
    pool.answer(dns.rcode.FORMERR)


def broken_and_silent(pool: StubPool, _: bytes) -> None:
    """Find the zone broken, and say nothing to the question without checking."""
    if len(pool.pending) == 1:
        pool.answer(dns.rcode.SERVFAIL)


def resolver(number: int, script: Script) -> Upstream:
    """Make a resolver of a script."""
    upstream = Upstream(ResolverAddress(host=f"127.0.0.{number}", port=53))
    upstream.pool = cast("DatagramPool", StubPool(script))
    return upstream


def pool_of(upstream: Upstream) -> StubPool:
    """Return what it was asked."""
    return cast("StubPool", cast("object", upstream.pool))


async def ask(*upstreams: Upstream, timeout: timedelta = LONG) -> Final:
    """Ask once; each resolver has its turn at once."""
    question = make_question("a.example", RdType.A)
    assert isinstance(question, Question)
    deadline = asyncio.get_running_loop().time() + timeout.total_seconds()
    return await Exchange(question, upstreams, deadline=deadline, retransmit_after=AT_ONCE).run()


async def is_blamed(script: Script, *others: Script, timeout: timedelta = LONG) -> bool:
    """Tell whether a resolver is asked last behind as many questions as make one sick."""
    first = resolver(1, script)
    for _ in range(SICK_AFTER_FAILURES):
        pool_of(first).pending.clear()
        await ask(first, *(resolver(2 + n, one) for n, one in enumerate(others)), timeout=timeout)
    return first.is_sick(asyncio.get_running_loop().time())


@pytest.mark.parametrize(
    ("script", "is_at_fault"),
    [
        (silent, True),
        (refusing, True),
        (unreachable, True),
        (unable, True),
        (failing, False),  # the zone is broken, the resolver works
        (broken_and_silent, False),  # what it said before was an answer, too
    ],
)
async def test_who_leaves_the_answer_to_another_is_at_fault_or_not(
    script: Script, *, is_at_fault: bool
) -> None:
    """One failure says nothing; two in a row put it behind the others."""
    assert await is_blamed(script, good) is is_at_fault


async def test_who_answers_is_not_blamed_for_being_second() -> None:
    """Both answers are there, and only the first is read."""
    both: list[StubPool] = []

    def together(pool: StubPool, _: bytes) -> None:
        both.append(pool)
        if len(both) == 2:
            for one in both:
                one.answer()
            both.clear()

    first, second = resolver(1, together), resolver(2, together)
    for _ in range(SICK_AFTER_FAILURES):
        assert isinstance(await ask(first, second), Found)

    now = asyncio.get_running_loop().time()
    assert not first.is_sick(now)
    assert not second.is_sick(now)


async def test_who_was_not_asked_is_not_blamed() -> None:
    """The first one answered before the second had its turn."""
    second = resolver(2, silent)
    for _ in range(SICK_AFTER_FAILURES):
        assert isinstance(await ask(resolver(1, good), second), Found)

    assert pool_of(second).sent == []
    assert not second.is_sick(asyncio.get_running_loop().time())


async def test_a_failure_is_blamed_once_for_each_question() -> None:
    """A refusal ends a resolver's part; the answer of another one does not blame it again."""
    first = resolver(1, refusing)
    assert isinstance(await ask(first, resolver(2, good)), Found)

    assert not first.is_sick(asyncio.get_running_loop().time())


@pytest.mark.parametrize("script", [good, bogus, failing])
async def test_an_answer_clears_what_was_before(script: Script) -> None:
    """Health is about now; that data are forged, or a zone is broken, is an answer."""
    first = resolver(1, silent)
    await ask(first, resolver(2, good))
    pool_of(first).script = script
    await ask(first)
    pool_of(first).script = silent
    await ask(first, resolver(2, good))

    assert not first.is_sick(asyncio.get_running_loop().time())


async def test_at_the_deadline_the_silent_ones_are_named_and_blamed() -> None:
    """Those that have said something are named with that, and are not blamed for silence."""
    timeout = timedelta(milliseconds=20)
    quiet, broken = resolver(1, silent), resolver(2, broken_and_silent)
    for _ in range(SICK_AFTER_FAILURES):
        pool_of(broken).pending.clear()
        answer = await ask(quiet, broken, timeout=timeout)
        assert isinstance(answer, LookupFailed)
        assert answer.failure is DnsFailure.SERVFAIL
        assert "127.0.0.1: no answer in time" in answer.reason.replace(":53", "")
        assert answer.reason.count("127.0.0.2") == 1

    now = asyncio.get_running_loop().time()
    assert quiet.is_sick(now)
    assert not broken.is_sick(now)


async def test_without_any_time_nobody_is_asked_or_blamed() -> None:
    """The caller's time was over before."""
    first = resolver(1, silent)
    for _ in range(SICK_AFTER_FAILURES):
        answer = await ask(first, timeout=AT_ONCE)
        assert isinstance(answer, LookupFailed)
        assert (answer.failure, answer.reason) == (DnsFailure.TIMEOUT, "no time left to ask")

    assert pool_of(first).sent == []
    assert not first.is_sick(asyncio.get_running_loop().time())


async def test_nothing_is_waited_for_behind_the_end() -> None:
    """Every query's place at its socket is given back, whoever answered."""
    upstreams = [resolver(1, silent), resolver(2, failing), resolver(3, good)]
    await ask(*upstreams)

    queries = [one for upstream in upstreams for one in pool_of(upstream).pending]
    assert len(queries) == 4  # the broken zone is asked for once more without checking
    assert all(one.is_forgotten for one in queries)
