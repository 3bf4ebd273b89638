"""How answers are got: fail-over, retransmission, TCP, and what is not believed (RFC 5452)."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta

import dns.flags
import dns.message
import dns.rcode
import pytest

from mailseal.answers import Answer, DnsFailure, Found, LookupFailed
from mailseal.net.dns import NoResolverError, Resolver, ResolverAddress, ResolverAddressError
from tests.net.nameserver import Asked, NameServer, Script, name_server

LONG = timedelta(seconds=20)  # never reached: a failing test ends all the same
SHORT = timedelta(milliseconds=500)
SOON = timedelta(milliseconds=10)  # between one query and the next, where one goes unanswered

GOOD = "a.example 60 A 192.0.2.1"
FORGED = "a.example 60 A 203.0.113.66"


def good(asked: Asked) -> bytes:
    """Script the true answer."""
    return asked.answer(GOOD)


def silent(_: Asked) -> None:
    """Script no answer."""


def with_rcode(rcode: dns.rcode.Rcode) -> Script:
    """Script a failure."""
    return lambda asked: asked.answer(rcode=rcode)


def garbage(asked: Asked) -> bytes:
    """Script an answer that cannot be read, with the right id and question."""
    return asked.answer(GOOD)[:-3]


@pytest.fixture
def unused() -> Iterator[ResolverAddress]:
    """Give an address where nothing listens, and nobody else will."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        holder.bind(("127.0.0.9", 0))
        host, port = holder.getsockname()
        yield ResolverAddress(host=host, port=port)


async def look_up(
    *addresses: ResolverAddress,
    timeout: timedelta = LONG,
    retransmit_after: timedelta = LONG,
    times: int = 1,
) -> Answer[str]:
    """Look up the same address record, several times over, and give the last answer.

    Unless told, only what a resolver says leads to the next query, never the time it takes.
    """
    resolver = Resolver(addresses, retransmit_after=retransmit_after)
    try:
        for _ in range(times - 1):
            await resolver.look_up_a("a.example", timeout=timeout)
        return await resolver.look_up_a("a.example", timeout=timeout)
    finally:
        await resolver.close()


@pytest.mark.parametrize(
    "bad",
    [
        silent,
        garbage,
        with_rcode(dns.rcode.SERVFAIL),
        with_rcode(dns.rcode.REFUSED),
        with_rcode(dns.rcode.FORMERR),
        with_rcode(dns.rcode.NOTIMP),
        lambda asked: asked.answer(authority=["example 60 NS ns.example."], flags=0),
    ],
    ids=["silent", "garbage", "servfail", "refused", "formerr", "notimp", "referral"],
)
async def test_a_failing_resolver_is_followed_by_the_next(bad: Script) -> None:
    """One bad resolver of two costs time, not the answer."""
    async with name_server(bad) as first, name_server(good) as second:
        patience = SOON if bad is silent else LONG
        answer = await look_up(first.address, second.address, retransmit_after=patience)
    assert isinstance(answer, Found), answer
    assert first.asked


async def test_an_address_where_nothing_listens_is_passed_over(unused: ResolverAddress) -> None:
    """The kernel says so at once; nobody waits for a time-out."""
    async with name_server(good) as second:
        answer = await look_up(unused, second.address)
    assert isinstance(answer, Found), answer


@pytest.mark.parametrize("code", [6, None])
async def test_bogus_data_are_not_asked_for_elsewhere(code: int | None) -> None:
    """A resolver that does not validate would believe what a validating one has refused."""

    def bogus(asked: Asked) -> bytes:
        if asked.is_checking_disabled:
            return asked.answer(FORGED)
        return asked.answer(rcode=dns.rcode.SERVFAIL, ede=code)

    async with name_server(bogus) as first, name_server(good) as second:
        answer = await look_up(first.address, second.address)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.BOGUS
    assert second.asked == []


async def test_all_failures_are_told_under_the_most_telling_one(unused: ResolverAddress) -> None:
    """The reason names each resolver with what it did, in printable ASCII."""
    async with name_server(with_rcode(dns.rcode.SERVFAIL)) as server:
        answer = await look_up(unused, server.address)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.SERVFAIL
    assert answer.reason == f"{unused}: nothing listens there; {server.address}: SERVFAIL"


async def test_silence_everywhere_ends_at_the_deadline() -> None:
    """Every resolver had its turn, and more than one query."""
    async with name_server(silent) as first, name_server(silent) as second:
        answer = await look_up(first.address, second.address, timeout=SHORT)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.TIMEOUT
    assert str(first.address) in answer.reason
    assert str(second.address) in answer.reason
    assert first.asked
    assert second.asked


async def test_a_lost_query_is_sent_again() -> None:
    """The same query, same id, same port: any answer to either will do."""

    def lossy(asked: Asked) -> bytes | None:
        return asked.answer(GOOD) if len(server.asked) > 1 else None

    async with name_server(lossy) as server:
        answer = await look_up(server.address, retransmit_after=SOON)
    assert isinstance(answer, Found)
    first, second, *_ = server.asked
    assert (first.query.id, first.port) == (second.query.id, second.port)


async def test_a_late_answer_still_counts() -> None:
    """A resolver with a cold cache is slow; the next one being asked does not end its chance."""
    waiting: list[bytes] = []
    first: NameServer

    def slow(asked: Asked) -> None:
        waiting.append(asked.answer(GOOD))
        first_client.append(("127.0.0.1", asked.port))

    def nudge(_: Asked) -> None:
        first.transport.sendto(waiting[0], first_client[0])

    first_client: list[tuple[str, int]] = []
    async with name_server(slow) as first, name_server(nudge) as second:
        answer = await look_up(first.address, second.address, retransmit_after=SOON)
    assert isinstance(answer, Found)
    assert second.asked


async def test_a_dead_resolver_is_asked_last_from_then_on() -> None:
    """Every look-up waiting for the dead one first would be a slow service."""
    async with name_server(silent) as dead, name_server(good) as alive:
        answer = await look_up(dead.address, alive.address, retransmit_after=SOON, times=5)
    assert isinstance(answer, Found)
    # A query that is sent again on a slow machine keeps its id.
    assert len({asked.query.id for asked in dead.asked}) == 2
    assert len({asked.query.id for asked in alive.asked}) == 5


async def test_a_broken_zone_is_not_held_against_a_resolver() -> None:
    """SERVFAIL is about the name; the resolver stays the first to be asked."""
    async with name_server(with_rcode(dns.rcode.SERVFAIL)) as first, name_server(good) as second:
        await look_up(first.address, second.address, times=5)
    assert len([asked for asked in first.asked if not asked.is_checking_disabled]) == 5


async def test_a_truncated_answer_is_fetched_over_tcp() -> None:
    """What does not fit into a datagram comes over a connection (RFC 7766 §5)."""
    many = "\n".join(f"a.example 60 A 10.0.0.{n}" for n in range(250))

    def script(asked: Asked) -> bytes:
        return asked.answer(many) if asked.is_tcp else asked.answer(flags=dns.flags.TC)

    async with name_server(script) as server:
        answer = await look_up(server.address)
    assert isinstance(answer, Found)
    assert len(answer.records) == 250


@pytest.mark.parametrize(
    ("over_tcp", "failure"),
    [
        (dns.rcode.NOERROR, DnsFailure.BOGUS),  # there are data, which did not validate
        (dns.rcode.SERVFAIL, DnsFailure.SERVFAIL),  # the zone is broken, checked or not
    ],
)
async def test_a_truncated_answer_without_checking_is_read_before_it_is_judged(
    over_tcp: dns.rcode.Rcode, failure: DnsFailure
) -> None:
    """That there would be more says nothing of what there is."""

    def script(asked: Asked) -> bytes:
        if not asked.is_checking_disabled:
            return asked.answer(rcode=dns.rcode.SERVFAIL)
        if not asked.is_tcp:
            return asked.answer(flags=dns.flags.TC)
        records = (FORGED,) if over_tcp == dns.rcode.NOERROR else ()
        return asked.answer(*records, rcode=over_tcp)

    async with name_server(script) as server:
        answer = await look_up(server.address)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is failure
    assert [asked.is_tcp for asked in server.asked] == [False, False, True]


@pytest.mark.parametrize(
    "over_tcp",
    [
        lambda asked: None,  # closed without a word
        lambda asked: b"",
        lambda asked: asked.answer(flags=dns.flags.TC),  # truncated where nothing need be
        lambda asked: _with_id(asked.answer(GOOD), asked.query.id ^ 1),
        garbage,
    ],
    ids=["nothing", "empty", "truncated", "wrong-id", "garbage"],
)
async def test_a_bad_answer_over_tcp_goes_on_to_the_next_resolver(over_tcp: Script) -> None:
    """A resolver whose TCP is broken has failed."""

    def script(asked: Asked) -> object:
        return over_tcp(asked) if asked.is_tcp else asked.answer(flags=dns.flags.TC)

    async with name_server(script) as first, name_server(good) as second:  # type: ignore[arg-type]
        answer = await look_up(first.address, second.address)
    assert isinstance(answer, Found), answer
    assert len(first.asked) == 2


def _with_id(wire: bytes, query_id: int) -> bytes:
    return query_id.to_bytes(2, "big") + wire[2:]


def _about(asked: Asked, name: str, rdtype: str = "A", rdclass: str = "IN") -> bytes:
    query = dns.message.make_query(name, rdtype, rdclass, id=asked.query.id)
    return Asked(query, 0, is_tcp=False).answer(FORGED)


@pytest.mark.parametrize(
    "forge",
    [
        lambda asked: _with_id(asked.answer(FORGED), asked.query.id ^ 1),
        lambda asked: _about(asked, "b.example"),  # another name
        lambda asked: _about(asked, "a.example", "AAAA"),  # another type
        lambda asked: _about(asked, "a.example", "A", "CH"),  # another class
        lambda asked: asked.query.to_wire(),  # a query, not an answer
        lambda asked: asked.answer(FORGED)[:10],  # shorter than a header
        lambda asked: b"",
    ],
    ids=["id", "name", "type", "class", "query", "short", "empty"],
)
async def test_answers_to_other_questions_are_dropped(forge: Script) -> None:
    """A forger's wrong guess neither wins nor ends the wait for the true answer."""

    def forged_first(asked: Asked) -> list[bytes]:
        forged = forge(asked)
        assert isinstance(forged, bytes)
        return [forged, asked.answer(GOOD)]

    async with name_server(forged_first) as server:
        answer = await look_up(server.address)
    assert isinstance(answer, Found), answer
    assert answer.records == ("192.0.2.1",)


async def test_answers_from_elsewhere_are_dropped() -> None:
    """The right id and question from another address or port count for nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))

        def script(asked: Asked) -> bytes:
            stranger.sendto(asked.answer(FORGED), ("127.0.0.1", asked.port))
            return asked.answer(GOOD)

        async with name_server(script) as server:
            answer = await look_up(server.address)
    assert isinstance(answer, Found)
    assert answer.records == ("192.0.2.1",)


async def test_ids_and_ports_change() -> None:
    """A forger has to guess both anew all the time (RFC 5452)."""
    async with name_server(good) as server:
        await look_up(server.address, times=300)
    ports = [asked.port for asked in server.asked]
    ids = {asked.query.id for asked in server.asked}
    assert len(ids) > 290
    assert len(set(ports[:20])) == 4  # several open at a time
    assert len(set(ports)) > 4  # each for a while only
    assert set(ports[-20:]) != set(ports[:20])


async def test_only_trusted_resolvers_make_an_answer_secure() -> None:
    """The AD flag of a loopback resolver is believed."""
    ad = dns.flags.RA | dns.flags.AD
    async with name_server(lambda asked: asked.answer(GOOD, flags=ad)) as server:
        answer = await look_up(server.address)
    assert isinstance(answer, Found)
    assert answer.is_secure


async def test_closing_ends_what_is_under_way() -> None:
    """A look-up does not outlive the resolver's sockets."""
    heard = asyncio.Event()
    async with name_server(lambda _: heard.set()) as server:
        resolver = Resolver([server.address])
        task = asyncio.create_task(resolver.look_up_a("a.example", timeout=LONG))
        await heard.wait()
        await resolver.close()
        assert isinstance(await task, LookupFailed)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("localhost", 53),  # a resolver's name would need a resolver
        ("127.0.0.1:53", 53),
        ("", 53),
        ("127.0.0.1", 0),
        ("127.0.0.1", 65_536),
    ],
)
def test_a_resolver_is_an_address_and_a_port(host: str, port: int) -> None:
    """Anything else is told when the configuration is read."""
    with pytest.raises(ResolverAddressError):
        ResolverAddress(host=host, port=port)


def test_a_resolver_is_needed() -> None:
    """An empty list is an error of configuration."""
    with pytest.raises(NoResolverError):
        Resolver([])
