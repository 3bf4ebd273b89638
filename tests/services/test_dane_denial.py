"""What is concluded where a host's addresses are denied, or its TLSA name cannot exist."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure, RdType
from tests.services.world import GOOD, SenderWorld

LONGEST = f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 49}.com"  # 245 bytes: "_25._tcp." has no room


@pytest.fixture
async def world() -> AsyncIterator[SenderWorld]:
    """Give a signed domain; what is below example.net is not signed."""
    made = SenderWorld()
    made.dns.secure()
    made.dns.insecure("example.net")
    yield made
    await made.aclose()


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [("none", "OK dane-only", "OK dane"), ("enforce", "OK dane-only", "OK dane-only")],
)
async def test_a_forged_denial_behind_a_signed_alias_takes_no_dane_away(
    world: SenderWorld, mode: str, before: str, after: str
) -> None:
    """The MTA may well have addresses, and would go there without asking for TLSA."""
    world.publish(mode)
    world.dns.cname("mx.example.com", "shared.example.net")
    world.dns.remove("mx.example.com", RdType.A)
    world.dns.a("shared.example.net", "192.0.2.77")
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    assert await world.reply() == before

    world.dns.remove("shared.example.net")  # as an attacker lets it seem
    world.clock.advance(timedelta(minutes=6))
    assert await world.reply() == after

    world.dns.fail("mx.example.com", DnsFailure.TIMEOUT, rdtype=RdType.CNAME)
    world.clock.advance(timedelta(minutes=6))
    assert await world.reply() == after


async def test_a_host_without_address_whose_name_is_no_alias_is_no_host(world: SenderWorld) -> None:
    """Its zone is not signed, so that there was no DANE to lose."""
    world.dns.mx("example.com", (10, "mx.example.net"))

    assert await world.reply() == "NOTFOUND "
    assert world.dns.count("_25._tcp.mx.example.net") == 0


async def test_a_signed_denial_needs_no_second_question(world: SenderWorld) -> None:
    """Nobody can have forged it."""
    world.dns.remove("mx.example.com")

    assert await world.reply() == "NOTFOUND "
    assert world.dns.count("mx.example.com", RdType.CNAME) == 0


async def test_a_host_whose_tlsa_name_would_be_too_long_has_no_records(world: SenderWorld) -> None:
    """What cannot exist is no failure: mail would wait for ever (RFC 7672 §2.2.3)."""
    assert len(LONGEST) == 245
    world.enforce(LONGEST)
    world.dns.mx("example.com", (10, LONGEST))
    world.dns.a(LONGEST, "192.0.2.45")

    assert await world.reply() == f"OK secure match={LONGEST} servername=hostname"
    assert world.dns.count(f"_25._tcp.{LONGEST}") == 0
