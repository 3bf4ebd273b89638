"""A deep look asks every server of the zone, and tells a broken one from one that differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailseal.answers import RdType
from mailseal.ports.authority import DirectAnswer
from mailseal.testing.evidence import DOMAIN, MX_HOST
from tests.services.checkworld import World, good_world

STS = f"_mta-sts.{DOMAIN}"
TLSA = f"_25._tcp.{MX_HOST}"
ONE, TWO = "ns1.example.net", "ns2.example.net"


@pytest.fixture
def world() -> World:
    """Give a world in which example.com has two name servers that agree."""
    made = good_world()
    made.dns.ns(DOMAIN, ONE, TWO)
    for number, server in enumerate((ONE, TWO), 1):
        made.dns.a(server, f"192.0.2.{50 + number}")
        made.zones.tell(server, DOMAIN, RdType.SOA, "7")
        made.zones.tell(server, STS, RdType.TXT, "v=STSv1; id=1;")
    return made


async def test_every_server_is_asked_for_the_names_that_matter(world: World) -> None:
    """SOA, the record, and TLSA at hosts of the zone; a shallow look asks none of it."""
    await world.gather()
    assert world.zones.asked == []

    records = (await world.gather(is_deep=True)).records
    asked = [(one.server, one.name, one.rdtype, one.texts) for one in records.authorities]
    for server in (ONE, TWO):
        assert (server, DOMAIN, "SOA", ("7",)) in asked
        assert (server, STS, "TXT", ("v=STSv1; id=1;",)) in asked
        assert (server, TLSA, "TLSA", ()) in asked


async def test_a_broken_server_is_asked_no_more(world: World) -> None:
    """What a lame server says of other names would be compared with the others' in vain."""
    world.zones.fail(ONE, "it does not serve the zone")
    records = (await world.gather(is_deep=True)).records

    (broken,) = [one for one in records.authorities if one.server == ONE]
    assert (broken.rdtype, broken.failure) == ("SOA", "it does not serve the zone")
    assert len([one for one in records.authorities if one.server == TWO]) == 3


async def test_both_families_are_asked_where_there_is_a_way(world: World) -> None:
    """One address of each is enough, and none of a family that this machine does not have."""
    world.dns.aaaa(ONE, "2001:db8::1", "2001:db8::2")
    await world.gather(is_deep=True)
    assert {address for server, address, _, _ in world.zones.asked if server == ONE} == {
        "192.0.2.51",
        "2001:db8::1",
    }

    world.zones.asked.clear()
    world.observer = replace(world.observer, has_ipv6=False)
    await world.gather(is_deep=True)
    assert all(":" not in address for _, address, _, _ in world.zones.asked)


async def test_the_zone_may_begin_above_the_domain(world: World) -> None:
    """A domain without name servers of its own is in its parent's zone."""
    world.dns.mx("a.b.example.com", (10, MX_HOST))
    records = (await world.gather("a.b.example.com", is_deep=True)).records

    names = {one.name for one in records.authorities}
    assert names == {DOMAIN, "_mta-sts.a.b.example.com", TLSA}


async def test_hosts_of_other_zones_are_for_other_servers(world: World) -> None:
    """The provider's names are not in this zone."""
    world.dns.mx(DOMAIN, (10, "mx.provider.example"))
    records = (await world.gather(is_deep=True)).records

    assert {one.rdtype for one in records.authorities} == {"SOA", "TXT"}


async def test_signatures_are_told_by_the_first_that_ends(world: World) -> None:
    """Keys, too, are signed, often by another signature; iterations are NSEC3's own word."""
    soon, late = datetime(2026, 7, 20, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)
    world.zones.sign(DOMAIN, RdType.SOA, late)
    world.zones.sign(DOMAIN, RdType.DNSKEY, soon)
    world.zones.tell(ONE, DOMAIN, RdType.NSEC3PARAM, "1 0 150 aabb")
    signatures = (await world.gather(is_deep=True)).records.signatures

    assert signatures is not None
    assert signatures.first_expiry == soon
    assert signatures.nsec3_iterations == 150


@pytest.mark.parametrize("text", ["alias.example", "00", "1 0 many -"])
async def test_what_is_no_parameter_is_not_counted(world: World, text: str) -> None:
    """A server may answer with an alias, or with bytes that are no record."""
    world.zones.sign(DOMAIN, RdType.SOA, datetime(2026, 8, 1, tzinfo=UTC))
    world.zones.tell(ONE, DOMAIN, RdType.NSEC3PARAM, text)
    signatures = (await world.gather(is_deep=True)).records.signatures

    assert signatures is not None
    assert signatures.nsec3_iterations is None


async def test_an_unsigned_zone_has_no_signatures(world: World) -> None:
    """None is not the same as one that has ended."""
    assert (await world.gather(is_deep=True)).records.signatures is None


async def test_a_zone_whose_servers_cannot_be_found_is_not_asked(world: World) -> None:
    """The resolver fails; nothing becomes an absence."""
    world.dns.fail(DOMAIN, rdtype=RdType.NS)
    evidence = await world.gather(is_deep=True)

    assert evidence.records.authorities == ()
    assert world.zones.asked == []


async def test_servers_are_bounded(world: World) -> None:
    """A zone that names a hundred servers does not make us ask a hundred."""
    world.dns.ns(DOMAIN, *(f"ns{number}.example.net" for number in range(100)))
    for number in range(100):
        world.dns.a(f"ns{number}.example.net", "192.0.2.9")
    await world.gather(is_deep=True)

    assert len({server for server, _, _, _ in world.zones.asked}) == 8


async def test_a_server_that_there_was_no_time_for_is_not_said_to_fail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What we cut short, or did not ask any more, says nothing of the server."""
    ask = world.zones.ask

    async def ask_slowly(*question: Any, timeout: timedelta) -> DirectAnswer:
        answer = await ask(*question, timeout=timeout)
        world.clock.advance(timedelta(hours=1))
        return answer

    monkeypatch.setattr(world.zones, "ask", ask_slowly)
    world.zones.fail(ONE, "no answer in time")
    world.zones.fail(TWO, "no answer in time")
    records = (await world.gather(is_deep=True)).records

    assert records.authorities == ()
