"""The shipped fakes behave as the doors they stand for."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mailseal.answers import Absent, DnsFailure, Found, LookupFailed, MxRecord, RdType
from mailseal.checks.evidence import Stage, Trouble
from mailseal.dane.exchange import DaneSummary
from mailseal.dane.tlsa import TlsaRecord
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import parse_policy
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.dns import ZoneDns
from mailseal.ports.policyhost import PolicyFetched, PolicyFetcher, PolicyFetchFailed, PolicyProber
from mailseal.ports.policystore import LastVerdict, PolicyStore
from mailseal.ports.smtp import SmtpProber
from mailseal.results import ResultType
from mailseal.testing import (
    FakeDns,
    FakePolicyHosts,
    FakePolicyProber,
    FakeSmtp,
    ManualClock,
    MemoryStore,
)

SECOND = timedelta(seconds=1)
START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
EXAMPLE = Domain("example.com")


def test_fakes_fit_the_doors() -> None:
    """mypy checks the protocols here; at run time there is nothing to see."""
    clock: Clock = ManualClock()
    dns: ZoneDns = FakeDns()
    hosts: PolicyFetcher = FakePolicyHosts()
    store: PolicyStore = MemoryStore()
    smtp: SmtpProber = FakeSmtp()
    prober: PolicyProber = FakePolicyProber()
    assert all((clock, dns, hosts, store, smtp, prober))


def cached(
    domain: str, *, refetch: timedelta = SECOND, expires: timedelta = SECOND
) -> CachedPolicy:
    """Make a stored policy with given dates."""
    body = b"version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"
    return CachedPolicy(
        domain=Domain(domain),
        id="1",
        policy=parse_policy(body),
        body=body,
        fetched_at=START,
        expires_at=START + expires,
        id_checked_at=START,
        id_ttl=SECOND,
        refetch_at=START + refetch,
    )


def verdict(next_hop: str) -> LastVerdict:
    """Make a verdict learnt at the start."""
    return LastVerdict(next_hop=next_hop, state=DaneSummary.NONE, learnt_at=START)


async def test_the_clock_moves_by_hand_only() -> None:
    """Sleepers wake when the test says so, in the order of their times."""
    clock, woken = ManualClock(), []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds * SECOND)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (2, 1, 0)]
    await asyncio.sleep(0)
    assert woken == [0]
    clock.advance(SECOND)
    await tasks[1]
    assert woken == [0, 1]
    clock.advance(SECOND)
    await tasks[0]
    assert (clock.now(), clock.monotonic()) == (START + 2 * SECOND, 2.0)


def test_the_wall_clock_can_be_set_back() -> None:
    """An administrator may do so; monotonic time takes no notice and never goes back."""
    clock = ManualClock()
    clock.step(-SECOND)
    assert (clock.now(), clock.monotonic()) == (START - SECOND, 0.0)
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-SECOND)


async def test_dns_knows_what_it_was_told() -> None:
    """Every type comes back as the value a real look-up gives."""
    dns, record = FakeDns(), TlsaRecord(usage=3, selector=1, matching_type=1, data=b"x" * 32)
    dns.txt("A.example.", "one", ("tw", b"o"), ttl=SECOND)
    dns.mx("a.example", (20, "B.example."), (10, "c.example"))
    dns.a("a.example", "192.0.2.1")
    dns.aaaa("a.example", "2001:db8::1")
    dns.tlsa("_25._tcp.a.example", record)

    txt = await dns.look_up_txt("a.example", timeout=SECOND)
    assert txt == Found(
        records=((b"one",), (b"tw", b"o")), ttl=SECOND, is_secure=False, canonical="a.example"
    )
    mx = await dns.look_up_mx("a.example", timeout=SECOND)
    assert isinstance(mx, Found)
    assert mx.records == (
        MxRecord(preference=10, host="c.example"), MxRecord(preference=20, host="b.example"),
    )  # fmt: skip
    a = await dns.look_up_a("a.example", timeout=SECOND)
    aaaa = await dns.look_up_aaaa("a.example", timeout=SECOND)
    tlsa = await dns.look_up_tlsa("_25._tcp.a.example", timeout=SECOND)
    for answer, expected in ((a, "192.0.2.1"), (aaaa, "2001:db8::1"), (tlsa, record)):
        assert isinstance(answer, Found)
        assert answer.records == (expected,)
    assert dns.count("a.example") == 4
    assert dns.count("a.example", RdType.TXT) == 1


async def test_dns_tells_no_name_from_no_record() -> None:
    """A name exists when anything is at or below it."""
    dns = FakeDns()
    dns.a("mx.a.example", "192.0.2.1")
    known = await dns.look_up_mx("a.example", timeout=SECOND)
    unknown = await dns.look_up_mx("b.example", timeout=SECOND)
    assert isinstance(known, Absent)
    assert known.is_name_known
    assert isinstance(unknown, Absent)
    assert not unknown.is_name_known


async def test_dns_follows_aliases() -> None:
    """The answer is secure only if every step is; a look-up of the alias itself stays there."""
    dns = FakeDns()
    dns.cname("a.example", "b.test")
    dns.a("b.test", "192.0.2.1", ttl=SECOND)
    dns.secure()
    found = await dns.look_up_a("a.example", timeout=SECOND)
    assert found == Found(records=("192.0.2.1",), ttl=SECOND, is_secure=True, canonical="b.test")
    dns.insecure("test")
    found = await dns.look_up_a("a.example", timeout=SECOND)
    assert isinstance(found, Found)
    assert not found.is_secure
    alias = await dns.look_up_cname("a.example", timeout=SECOND)
    assert isinstance(alias, Found)
    assert alias.records == ("b.test",)
    assert alias.is_secure
    dns.cname("b.test", "a.example")
    dns.remove("b.test", RdType.A)
    assert isinstance(await dns.look_up_a("a.example", timeout=SECOND), LookupFailed)


async def test_dns_fails_until_it_recovers() -> None:
    """One type or all of a name; what it was told before is still there after."""
    dns = FakeDns()
    dns.a("a.example", "192.0.2.1")
    dns.fail("a.example", DnsFailure.BOGUS, rdtype=RdType.MX, reason="expired signature")
    mx = await dns.look_up_mx("a.example", timeout=SECOND)
    assert mx == LookupFailed(failure=DnsFailure.BOGUS, reason="expired signature")
    assert isinstance(await dns.look_up_a("a.example", timeout=SECOND), Found)
    dns.fail("a.example")
    assert isinstance(await dns.look_up_a("a.example", timeout=SECOND), LookupFailed)
    dns.recover("a.example")
    assert isinstance(await dns.look_up_a("a.example", timeout=SECOND), Found)


async def test_a_held_look_up_waits_for_its_gate_or_its_deadline() -> None:
    """Concurrency and time-outs are tested without a real clock."""
    clock = ManualClock()
    dns = FakeDns(clock=clock)
    dns.a("a.example", "192.0.2.1")
    gate = dns.hold("a.example")
    patient = asyncio.create_task(dns.look_up_a("a.example", timeout=2 * SECOND))
    hasty = asyncio.create_task(dns.look_up_a("a.example", timeout=SECOND))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.advance(SECOND)
    assert await hasty == LookupFailed(failure=DnsFailure.TIMEOUT, reason="fake resolver: timeout")
    gate.set()
    assert isinstance(await patient, Found)


async def test_policy_hosts_serve_and_fail() -> None:
    """A host that nothing was said about has no address."""
    hosts = FakePolicyHosts()
    assert isinstance(await hosts.fetch(EXAMPLE, timeout=SECOND), PolicyFetchFailed)
    hosts.serve(EXAMPLE, "version: STSv1")
    served = await hosts.fetch(EXAMPLE, timeout=SECOND)
    assert isinstance(served, PolicyFetched)
    assert (served.body, served.content_type) == (b"version: STSv1", "text/plain")
    hosts.fail(EXAMPLE, ResultType.STS_WEBPKI_INVALID, "wrong-name")
    assert await hosts.fetch(EXAMPLE, timeout=SECOND) == PolicyFetchFailed(
        result=ResultType.STS_WEBPKI_INVALID, reason="wrong-name"
    )
    assert hosts.count(EXAMPLE) == 3


async def test_held_fetches_are_counted() -> None:
    """How many ran at one time shows whether look-ups were shared."""
    clock = ManualClock()
    hosts = FakePolicyHosts(clock=clock)
    hosts.serve(EXAMPLE, b"x")
    gate = hosts.hold(EXAMPLE)
    fetches = [asyncio.create_task(hosts.fetch(EXAMPLE, timeout=SECOND)) for _ in range(3)]
    await asyncio.sleep(0)
    assert (hosts.in_flight, hosts.most_in_flight) == (3, 3)
    gate.set()
    outcomes = await asyncio.gather(*fetches)
    assert all(isinstance(outcome, PolicyFetched) for outcome in outcomes)
    assert hosts.in_flight == 0


async def test_the_store_keeps_replaces_and_removes() -> None:
    """A domain's verdicts go with its policy, whatever port or form they were learnt for."""
    store = MemoryStore()
    await store.save(cached("example.com"))
    await store.save(cached("example.com", expires=2 * SECOND))
    for next_hop in ("example.com", "[example.com]:25", "other.example"):
        await store.save_verdict(verdict(next_hop))
    stored = await store.load(EXAMPLE)
    assert stored is not None
    assert stored.expires_at == START + 2 * SECOND
    assert await store.count() == 1
    assert await store.remove(EXAMPLE)
    assert not await store.remove(EXAMPLE)
    assert await store.load(EXAMPLE) is None
    assert await store.load_verdict("[example.com]:25") is None
    assert await store.load_verdict("other.example") is not None


async def test_the_store_lists_pages_in_the_order_of_names() -> None:
    """``after`` is not among what follows."""
    store = MemoryStore()
    for name in ("b.example", "a.example", "c.example"):
        await store.save(cached(name))
    first = await store.list(limit=2)
    rest = await store.list(after=first[-1].domain)
    assert [p.domain for p in first + rest] == ["a.example", "b.example", "c.example"]


async def test_the_store_knows_what_is_due_and_what_is_over() -> None:
    """The longest due comes first; an instant itself is due, and not yet over."""
    store = MemoryStore()
    await store.save(cached("late.example", refetch=2 * SECOND, expires=9 * SECOND))
    await store.save(cached("early.example", refetch=SECOND, expires=3 * SECOND))
    await store.save(cached("later.example", refetch=3 * SECOND, expires=9 * SECOND))
    now = START + 2 * SECOND
    due = await store.claim_due(now, until=now + SECOND, limit=10)
    assert [policy.domain for policy in due] == ["early.example", "late.example"]
    assert not await store.claim_due(now, until=now + SECOND, limit=10)
    assert not await store.claim(due[0].domain, now, until=now + SECOND)
    assert await store.remove_expired(START + 3 * SECOND) == 0
    await store.save_verdict(verdict("example.com"))
    assert await store.remove_expired(START + 4 * SECOND) == 2
    assert await store.count() == 2


async def test_the_store_fails_when_told_so() -> None:
    """A full disk is a line of test code; what was stored is still there after."""
    store = MemoryStore()
    await store.save(cached("example.com"))
    store.error = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await store.save(cached("example.net"))
    with pytest.raises(OSError, match="disk full"):
        await store.load(EXAMPLE)
    store.error = None
    assert await store.count() == 1


async def settle() -> None:
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_mx_host_answers_as_told_and_counts_its_connections() -> None:
    """Each address by itself; where nothing was told, nothing listens."""
    clock = ManualClock()
    smtp, mx = FakeSmtp(clock=clock), Domain("mx1.example.com")
    smtp.serve(mx, "192.0.2.1")
    smtp.fail(mx, "192.0.2.2", Trouble.BUSY, "421 too many", code=421, stage=Stage.CONNECTED)
    gate = smtp.hold("192.0.2.1")

    waiting = [asyncio.create_task(smtp.probe(mx, "192.0.2.1", timeout=SECOND)) for _ in "ab"]
    await settle()
    busy = await smtp.probe(mx, "192.0.2.2", timeout=SECOND)
    nothing = await smtp.probe(mx, "192.0.2.3", timeout=SECOND)
    gate.set()
    good, _ = await asyncio.gather(*waiting)

    assert (good.stage, good.offers_starttls) == (Stage.EHLO_AGAIN, True)
    assert good.started_at == clock.now()
    assert busy.failure is not None
    assert (busy.failure.code, busy.offers_starttls) == (421, None)
    assert nothing.failure is not None
    assert nothing.failure.trouble is Trouble.REFUSED
    assert (smtp.count(mx), smtp.count(mx, "192.0.2.1")) == (4, 2)
    assert (smtp.most_in_flight, smtp.most_at_one_address) == (3, 2)


async def test_an_mx_host_can_be_slower_than_the_deadline() -> None:
    """The clock is the test's."""
    clock = ManualClock()
    smtp = FakeSmtp(clock=clock)
    smtp.serve("mx1.example.com")
    smtp.hold("192.0.2.1")

    probe = asyncio.create_task(smtp.probe(Domain("mx1.example.com"), "192.0.2.1", timeout=SECOND))
    await settle()
    clock.advance(SECOND)

    failure = (await probe).failure
    assert failure is not None
    assert failure.trouble is Trouble.TIMEOUT
