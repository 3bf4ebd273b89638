"""Answers are remembered as long as they say, and never longer than somebody mends a record."""

from datetime import timedelta

import pytest

from mailseal.answers import LookupFailed, RdType
from mailseal.services.dnsmemory import RememberingDns, is_of_mail_hosts
from mailseal.testing import FakeDns, ManualClock

NAME = "example.com"
LONG = timedelta(seconds=20)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    "kind", ["txt", "mx", "a", "aaaa", "cname", "tlsa", "caa", "ds", "dnskey", "ns"]
)
async def test_each_type_is_asked_once(kind: str) -> None:
    """The second question is answered from memory, with the same answer."""
    dns = FakeDns()
    memory = RememberingDns(dns, clock=ManualClock())
    look_up = getattr(memory, f"look_up_{kind}")

    assert await look_up(NAME, timeout=LONG) == await look_up(NAME, timeout=LONG)
    assert dns.queries == [(NAME, RdType[kind.upper()])]


@pytest.mark.parametrize(
    ("ttl", "asked_after"),
    [
        (MINUTE, MINUTE),
        (timedelta(days=1), timedelta(minutes=5)),  # whoever mends a record checks it again
    ],
)
async def test_an_answer_is_used_for_its_ttl_and_no_longer(
    ttl: timedelta, asked_after: timedelta
) -> None:
    """A second before it is remembered, then it is asked for anew."""
    clock = ManualClock()
    dns = FakeDns()
    dns.a(NAME, "192.0.2.1", ttl=ttl)
    memory = RememberingDns(dns, clock=clock)
    await memory.look_up_a(NAME, timeout=LONG)
    clock.advance(asked_after - timedelta(seconds=1))
    await memory.look_up_a(NAME, timeout=LONG)
    assert dns.count(NAME) == 1

    clock.advance(timedelta(seconds=1))
    await memory.look_up_a(NAME, timeout=LONG)
    assert dns.count(NAME) == 2


async def test_an_answer_without_a_ttl_is_not_remembered() -> None:
    """Zero means zero (RFC 1035 §3.2.1)."""
    dns = FakeDns()
    dns.a(NAME, "192.0.2.1", ttl=timedelta(0))
    memory = RememberingDns(dns, clock=ManualClock())
    await memory.look_up_a(NAME, timeout=LONG)

    assert len(memory) == 0


async def test_a_failure_is_tried_again_soon() -> None:
    """A broken server is behind many names, and comes back."""
    clock = ManualClock()
    dns = FakeDns()
    dns.fail(NAME)
    memory = RememberingDns(dns, clock=clock)
    for _ in range(3):
        assert isinstance(await memory.look_up_txt(NAME, timeout=LONG), LookupFailed)
    assert dns.count(NAME) == 1

    clock.advance(timedelta(seconds=30))
    dns.recover(NAME)
    assert not isinstance(await memory.look_up_txt(NAME, timeout=LONG), LookupFailed)


async def test_the_least_used_is_forgotten_first() -> None:
    """The hosts of large providers stay, the names that are asked for once go."""
    dns = FakeDns()
    memory = RememberingDns(dns, clock=ManualClock(), max_answers=3)
    await memory.look_up_a("often", timeout=LONG)
    for number in range(10):
        await memory.look_up_a(f"once{number}", timeout=LONG)
        await memory.look_up_a("often", timeout=LONG)

    assert len(memory) == 3
    assert dns.count("often") == 1


async def test_a_scan_remembers_what_its_domains_share() -> None:
    """Addresses and TLSA of mail hosts; the domains' own answers would only drive those out."""
    dns = FakeDns()
    memory = RememberingDns(dns, clock=ManualClock(), is_kept=is_of_mail_hosts)
    for _ in range(2):
        await memory.look_up_a(NAME, timeout=LONG)
        await memory.look_up_tlsa(f"_25._tcp.{NAME}", timeout=LONG)
        await memory.look_up_txt("_mta-sts.example.com", timeout=LONG)
        await memory.look_up_a("mta-sts.example.com", timeout=LONG)

    assert len(memory) == 2
    assert (dns.count(NAME), dns.count("mta-sts.example.com")) == (1, 2)
