"""Which addresses of a policy host are tried, in which order, and for how long."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailseal.answers import Answer, DnsFailure, RdType
from mailseal.names import Domain
from mailseal.net.https import HttpsPolicyFetcher
from mailseal.net.https.addresses import is_public
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.results import ResultType
from mailseal.testing import FakeDns, ManualClock
from tests.net.pki import Authority
from tests.net.policyhost import Visit, policy_host, response

DOMAIN = Domain("example.com")
HOST = "mta-sts.example.com"
LONG = timedelta(seconds=20)
SHORT = timedelta(milliseconds=150)


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """Give an address whose connections are never completed: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        address: tuple[str, int] = listener.getsockname()
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        yield address
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f::1", True),
        ("64:ff9b::5db8:d70e", True),  # NAT64 of 93.184.215.14
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),  # carrier-grade NAT
        ("169.254.169.254", False),  # where clouds serve credentials
        ("172.31.255.255", False),
        ("192.168.0.1", False),
        ("198.51.100.7", False),  # documentation
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:93.184.215.14", False),  # IPv4 in disguise has no place in an AAAA record
        ("64:ff9b::a00:1", False),  # NAT64 of 10.0.0.1
        ("64:ff9b:1::1", False),  # NAT64 of a local choice
        ("2001::1", False),  # Teredo
        ("2001:db8::1", False),  # documentation
        ("2002:a00:1::1", False),  # 6to4 of 10.0.0.1
        ("fc00::1", False),
        ("fe80::1", False),
        ("ff02::1", False),
        ("2606:2800::1%eth0", False),  # a scope has no place here
        ("example.com", False),
    ],
)
def test_only_the_public_internet_is_public(address: str, expected: bool) -> None:
    """DNS must not lead us into our own network, in whatever disguise."""
    assert is_public(address) is expected


async def test_private_addresses_are_refused(ca_file: str) -> None:
    """Nothing is sent to them unless the operator allows it."""
    dns = FakeDns()
    dns.a(HOST, "169.254.169.254", "10.0.0.1")
    outcome = await HttpsPolicyFetcher(dns, ca_file=ca_file).fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_POLICY_FETCH_ERROR
    assert outcome.reason == "private-address-169.254.169.254"


async def test_the_next_address_is_tried_at_once_after_a_refusal(
    authority: Authority, ca_file: str
) -> None:
    """A dead address costs nothing but its refusal."""
    dns = FakeDns()
    dns.aaaa(HOST, "::1")  # nothing listens there
    dns.a(HOST, "127.0.0.2", "127.0.0.1")  # nor on the first of these
    async with policy_host(authority.issue(HOST), response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=host.port)
        outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetched), outcome
    assert outcome.address == "127.0.0.1"


async def test_a_black_hole_costs_little(
    authority: Authority, ca_file: str, black_hole: tuple[str, int]
) -> None:
    """The next address has its turn while the first is still silent."""
    dns = FakeDns()
    dns.a(HOST, black_hole[0], "127.0.0.1")
    async with policy_host(authority.issue(HOST), response(), port=black_hole[1]):
        fetcher = HttpsPolicyFetcher(
            dns,
            ca_file=ca_file,
            allow_private=True,
            port=black_hole[1],
            next_address_after=timedelta(milliseconds=20),
        )
        outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetched), outcome
    assert outcome.address == "127.0.0.1"


async def test_a_black_hole_alone_is_a_time_out(ca_file: str, black_hole: tuple[str, int]) -> None:
    """The reason says that it was the connection that did not come."""
    dns = FakeDns()
    dns.a(HOST, black_hole[0])
    fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=black_hole[1])
    outcome = await fetcher.fetch(DOMAIN, timeout=SHORT)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "timeout-connect"


async def test_a_bad_certificate_at_one_address_leaves_the_others(
    authority: Authority, stranger: Authority, ca_file: str
) -> None:
    """One misconfigured node of several, or one attacker on one way, stops nothing."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.2", "127.0.0.1")
    async with policy_host(stranger.issue(HOST), response(), address="127.0.0.2") as bad:
        async with policy_host(authority.issue(HOST), response(), port=bad.port):
            fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=bad.port)
            outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetched), outcome
    assert outcome.address == "127.0.0.1"


async def test_of_several_failures_the_certificate_is_told(
    stranger: Authority, ca_file: str
) -> None:
    """It says more than a refused connection."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.2", "127.0.0.1", "127.0.0.3")
    async with policy_host(stranger.issue(HOST), response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=host.port)
        outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "unknown-ca"


async def test_a_host_that_has_spoken_is_not_asked_again(
    authority: Authority, ca_file: str
) -> None:
    """A 404 over a good certificate is the host's answer, at whichever address."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1", "127.0.0.2")
    context = authority.issue(HOST)
    async with policy_host(context, b"HTTP/1.1 404 Not Found\r\n\r\n") as first:
        async with policy_host(context, response(), address="127.0.0.2", port=first.port) as other:
            fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=first.port)
            outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "http-404"
    assert other.connections == 0


async def test_nothing_listens_anywhere(ca_file: str) -> None:
    """A refused connection is told as such."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.2")
    with socket.socket() as unused:
        unused.bind(("127.0.0.2", 0))
        port = unused.getsockname()[1]
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=port)
        outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "connection-refused"


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        ((), "no-address"),
        ((RdType.A, RdType.AAAA), "dns-servfail: fake resolver: servfail"),
        ((RdType.AAAA,), "dns-servfail: fake resolver: servfail"),  # no A is no proof for both
    ],
)
async def test_a_host_without_an_address_is_told_from_a_failed_look_up(
    ca_file: str, failing: tuple[RdType, ...], reason: str
) -> None:
    """ "There is none" and "could not find out" have different cures."""
    dns = FakeDns()
    for rdtype in failing:
        dns.fail(HOST, DnsFailure.SERVFAIL, rdtype=rdtype)
    outcome = await HttpsPolicyFetcher(dns, ca_file=ca_file).fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_POLICY_FETCH_ERROR
    assert outcome.reason == reason


async def test_a_broken_aaaa_look_up_does_not_stop_ipv4(authority: Authority, ca_file: str) -> None:
    """Some name servers fail for every type they do not know."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")
    dns.fail(HOST, DnsFailure.SERVFAIL, rdtype=RdType.AAAA)
    async with policy_host(authority.issue(HOST), response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=host.port)
        outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetched), outcome


class SlowAaaa(FakeDns):
    """A resolver whose AAAA answers come a moment behind all others."""

    async def look_up_aaaa(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Answer when the loop has turned a few times."""
        for _ in range(20):
            await asyncio.sleep(0)
        return await super().look_up_aaaa(name, timeout=timeout)


@pytest.mark.parametrize("has_a", [True, False])
async def test_addresses_of_ipv6_that_come_a_moment_later_count(
    ca_file: str, *, has_a: bool
) -> None:
    """Which family answers first is chance."""
    dns = SlowAaaa()
    dns.aaaa(HOST, "fd00::1")
    if has_a:
        dns.a(HOST, "10.0.0.1")
    outcome = await HttpsPolicyFetcher(dns, ca_file=ca_file).fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "private-address-fd00::1"


async def test_a_bad_certificate_is_told_though_another_address_was_waited_for_in_vain(
    stranger: Authority, ca_file: str, black_hole: tuple[str, int]
) -> None:
    """It says more than that the time was up."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1", black_hole[0])
    async with policy_host(stranger.issue(HOST), response(), port=black_hole[1]):
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=black_hole[1])
        outcome = await fetcher.fetch(DOMAIN, timeout=timedelta(seconds=1))
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_WEBPKI_INVALID
    assert outcome.reason == "unknown-ca"


async def test_the_longest_host_name_is_looked_up(ca_file: str) -> None:
    """253 bytes, the prefix among them."""
    dns = FakeDns()
    domain = Domain.parse(".".join(["a" * 60] * 4) + ".a")
    assert len(f"mta-sts.{domain}") == 253
    outcome = await HttpsPolicyFetcher(dns, ca_file=ca_file).fetch(domain, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "no-address"
    assert len(dns.queries) == 2


async def test_silent_dns_ends_with_the_fetch(ca_file: str) -> None:
    """The deadline holds for the look-up too."""
    dns = FakeDns(clock=ManualClock())
    dns.hold(HOST)
    outcome = await HttpsPolicyFetcher(dns, ca_file=ca_file).fetch(DOMAIN, timeout=SHORT)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "timeout-dns"


async def test_an_overlong_host_name_is_not_looked_up(ca_file: str) -> None:
    """253 bytes are a name's limit, with the prefix."""
    dns = FakeDns()
    domain = Domain.parse(".".join(["a" * 60] * 4) + ".abcd")
    outcome = await HttpsPolicyFetcher(dns, ca_file=ca_file).fetch(domain, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "name-too-long"
    assert dns.queries == []


async def test_fetches_beyond_the_limit_wait(authority: Authority, ca_file: str) -> None:
    """No more than so many connections are open at a time; the deadline counts the wait."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")
    arrived = asyncio.Event()

    async def stay(visit: Visit) -> None:
        arrived.set()
        await visit.reader.read()

    async with policy_host(authority.issue(HOST), stay) as host:
        fetcher = HttpsPolicyFetcher(
            dns, ca_file=ca_file, allow_private=True, port=host.port, max_fetches=1
        )
        first = asyncio.create_task(fetcher.fetch(DOMAIN, timeout=LONG))
        await arrived.wait()
        second = await fetcher.fetch(DOMAIN, timeout=timedelta(milliseconds=30))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert isinstance(second, PolicyFetchFailed)
    assert second.reason == "timeout-queue"
    assert host.connections == 1
