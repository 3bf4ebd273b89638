"""What a next hop is answered, from what DNS and policy hosts say."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure, RdType
from mailseal.dane.tlsa import TlsaRecord
from mailseal.names import Domain, NextHop
from mailseal.services.surveyor import SurveyLimits, Surveyor
from mailseal.wire import postfix, sendmail
from tests.services.world import GOOD, SECURE, SenderWorld

BAD = TlsaRecord(usage=1, selector=1, matching_type=1, data=bytes(32))


@pytest.fixture
async def world() -> AsyncIterator[SenderWorld]:
    """Give a world whose tasks are ended behind the test."""
    made = SenderWorld(survey_limits=SurveyLimits(max_mx_hosts=4))
    yield made
    await made.aclose()


async def test_an_enforce_policy_is_answered_secure(world: SenderWorld) -> None:
    """The main job."""
    world.enforce()

    assert await world.reply() == SECURE


async def test_a_signed_domain_with_tlsa_goes_by_dane_beside_an_enforce_policy(
    world: SenderWorld,
) -> None:
    """MTA-STS must not override DANE (RFC 8461 §2)."""
    world.enforce()
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)

    assert await world.reply() == "OK dane-only"
    resolution = await world.resolve()
    # Sendmail and Exim do DANE themselves and must not see the word.
    assert sendmail.render(resolution.delivery).decode() == SECURE


async def test_one_host_whose_tlsa_cannot_be_looked_up_spoils_no_other(world: SenderWorld) -> None:
    """A domain with one broken name server is still delivered to (per host, not TEMP)."""
    world.dns.mx("example.com", (10, "mx.example.com"), (20, "mx2.example.com"))
    world.dns.a("mx2.example.com", "192.0.2.26")
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    world.dns.fail("_25._tcp.mx2.example.com", DnsFailure.SERVFAIL)

    assert await world.reply() == "OK dane"
    world.enforce("*.example.com")
    world.start()
    assert await world.reply() == "OK dane-only"


async def test_tlsa_is_looked_up_at_the_cname_expanded_name_first(world: SenderWorld) -> None:
    """An MX host that is an alias has its records at the target (RFC 7672 §2.2.2)."""
    world.dns.cname("mx.example.com", "shared.example.net")
    world.dns.a("shared.example.net", "192.0.2.77")
    world.dns.remove("mx.example.com", RdType.A)
    world.dns.secure()
    world.dns.tlsa("_25._tcp.shared.example.net", GOOD)

    assert await world.reply() == "OK dane-only"
    assert world.dns.count("_25._tcp.mx.example.com") == 0


async def test_a_secure_alias_into_an_unsigned_zone_leaves_its_own_name(world: SenderWorld) -> None:
    """Then TLSA stands at the original name or nowhere."""
    world.dns.cname("mx.example.com", "shared.example.net")
    world.dns.a("shared.example.net", "192.0.2.77")
    world.dns.remove("mx.example.com", RdType.A)
    world.dns.secure()
    world.dns.insecure("example.net")
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)

    assert await world.reply() == "OK dane-only"


async def test_an_unsigned_zone_gets_no_tlsa_question(world: SenderWorld) -> None:
    """Name servers that choke on TLSA hurt nobody (RFC 7672 §2.2.2)."""
    assert await world.reply() == "NOTFOUND "
    assert world.dns.count("_25._tcp.mx.example.com") == 0


async def test_an_enforce_policy_on_an_unsigned_mx_set_needs_no_host_look_up(
    world: SenderWorld,
) -> None:
    """Nothing that the hosts could say would change the answer."""
    world.enforce()

    assert await world.reply() == SECURE
    assert world.dns.count("mx.example.com") == 0


async def test_unusable_tlsa_beside_an_enforce_policy_is_secure(world: SenderWorld) -> None:
    """Usages 0 and 1 authenticate nobody; the policy does."""
    world.enforce()
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", BAD)

    assert await world.reply() == SECURE


@pytest.mark.parametrize(
    ("key", "tlsa"),
    [
        ("[mx.example.com]", "_25._tcp.mx.example.com"),
        ("[mx.example.com]:587", "_587._tcp.mx.example.com"),
        ("[mx.example.com]:submission", "_587._tcp.mx.example.com"),
    ],
)
async def test_a_bracketed_relay_is_its_own_host_and_policy_domain(
    world: SenderWorld, key: str, tlsa: str
) -> None:
    """Its policy counts, its MX records do not, its port names the TLSA records (§3.4)."""
    world.enforce(domain="mx.example.com")
    world.dns.mx("mx.example.com", (10, "elsewhere.example.net"))

    assert await world.reply(key) == SECURE
    assert world.dns.count("mx.example.com", RdType.MX) == 0

    world.dns.secure()
    world.dns.tlsa(tlsa, GOOD)
    world.start()
    assert await world.reply(key) == "OK dane-only"


@pytest.mark.parametrize(("service", "is_enforced", "reply"), [
    ("urd", True, "OK dane-only"),          # the machine knows it: port 465, which has records
    ("urd", False, "OK dane-only"),
    ("nosuch", True, "OK dane-only"),       # nobody can say that there are none
    ("nosuch", False, "OK dane"),           # not NOTFOUND
])  # fmt: skip
async def test_a_service_name_is_a_number_or_not_known(
    world: SenderWorld, service: str, is_enforced: bool, reply: str
) -> None:
    """A name in a TLSA question would find nothing, and pass for proof that there is nothing."""
    if is_enforced:
        world.enforce(domain="mx.example.com")
    world.dns.secure()
    world.dns.tlsa("_465._tcp.mx.example.com", GOOD)
    world.surveyor = Surveyor(world.dns, world.clock, world.survey_limits, port_of={"urd": 465}.get)
    world.start_resolver()

    assert await world.reply(f"[mx.example.com]:{service}") == reply
    assert all("nosuch" not in name and "urd" not in name for name, _ in world.dns.queries)


async def test_a_port_without_brackets_keeps_the_mx_look_up(world: SenderWorld) -> None:
    """``example.com:2525`` means the MX hosts of example.com, at that port."""
    world.enforce()
    world.dns.secure()
    world.dns.tlsa("_2525._tcp.mx.example.com", GOOD)

    assert await world.reply("example.com:2525") == "OK dane-only"
    assert await world.reply("example.com") == SECURE


async def test_a_domain_without_mx_records_is_its_own_host(world: SenderWorld) -> None:
    """Implicit MX: the policy has to cover the domain's own name (RFC 8461 §4.1)."""
    world.dns.a("example.net", "192.0.2.80")
    world.enforce("example.net", domain="example.net")
    assert await world.reply("example.net") == ("OK secure match=example.net servername=hostname")

    world.enforce("*.example.net", domain="example.net", record_id="2")
    world.clock.advance(timedelta(hours=1))
    assert (await world.reply("example.net")).startswith("TEMP ")


async def test_null_mx_has_no_policy(world: SenderWorld) -> None:
    """A domain that takes no mail is left to the MTA (RFC 7505)."""
    world.enforce()
    world.dns.mx("example.com", (0, ""))

    assert await world.reply() == "NOTFOUND "


async def test_forged_mx_records_are_answered_temp_after_a_look_at_the_id(
    world: SenderWorld,
) -> None:
    """Postfix must not get to bounce; a policy that was changed meanwhile heals it (§5)."""
    world.enforce()
    await world.reply()
    world.dns.mx("example.com", (10, "mx.attacker.example"))
    world.clock.advance(timedelta(minutes=6))
    asked = world.dns.count("_mta-sts.example.com")

    reply = await world.reply()
    while "allows none" not in reply:  # the stale MX set is looked up behind the answer
        reply = await world.reply()

    assert reply.startswith("TEMP ")
    assert "mx.attacker.example" in reply
    assert world.dns.count("_mta-sts.example.com") > asked

    world.enforce("mx.attacker.example", record_id="2")
    world.clock.advance(timedelta(minutes=2))
    assert await world.reply() == ("OK secure match=mx.attacker.example servername=hostname")


@pytest.mark.parametrize(
    ("signed", "answer"),
    [(True, "OK dane-only"), (False, SECURE)],
)
async def test_with_dns_gone_the_last_verdict_counts_also_after_a_restart(
    world: SenderWorld, signed: bool, answer: str
) -> None:
    """What DANE proved is kept beside an enforce policy for the day DNS proves nothing."""
    world.enforce()
    if signed:
        world.dns.secure()
        world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    assert await world.reply() == answer
    for name in ("example.com", "mx.example.com", "_mta-sts.example.com"):
        world.dns.fail(name, DnsFailure.TIMEOUT)
    world.start()

    assert await world.reply() == answer


async def test_a_known_domain_is_answered_from_memory_while_dns_is_gone(world: SenderWorld) -> None:
    """After the first failure nobody waits for DNS until its back-off window is over."""
    world.enforce()
    assert await world.reply() == SECURE
    for name in ("example.com", "_mta-sts.example.com"):
        world.dns.fail(name, DnsFailure.TIMEOUT)
    world.clock.advance(timedelta(hours=2))
    assert await world.reply() == SECURE
    gates = [world.dns.hold(name) for name in ("example.com", "_mta-sts.example.com")]

    world.clock.advance(timedelta(minutes=4))
    assert await world.reply() == SECURE  # would hang here if it waited for DNS

    for gate in gates:
        gate.set()


async def test_unknown_domains_with_dns_gone_get_opportunistic_dane(world: SenderWorld) -> None:
    """Without an enforce policy "dane" is never wrong, and no mail waits for our DNS."""
    world.dns.fail("example.com", DnsFailure.TIMEOUT)
    world.dns.fail("_mta-sts.example.com", DnsFailure.TIMEOUT)

    assert await world.reply() == "OK dane"
    assert sendmail.render((await world.resolve()).delivery) == b"NOTFOUND "


async def test_a_deadline_is_kept_while_everything_hangs(world: SenderWorld) -> None:
    """An unknown domain is answered in time although nothing is known yet."""
    for name in ("example.com", "_mta-sts.example.com"):
        world.dns.hold(name)

    async with asyncio.timeout(5):
        resolution = await world.resolve(timeout=timedelta(milliseconds=40))

    assert postfix.render(resolution.delivery, with_tlsrpt=False) == b"OK dane"
    assert resolution.usable_for <= timedelta(seconds=2)


async def test_answers_live_as_long_as_the_shortest_ttl_they_are_made_of(
    world: SenderWorld,
) -> None:
    """A DANE verdict is never served beyond its TTL, and refreshed ahead of it."""
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD, ttl=timedelta(seconds=100))

    resolution = await world.resolve()

    assert resolution.usable_for == timedelta(seconds=100)
    assert resolution.fresh_for == timedelta(seconds=80)


async def test_a_crowd_of_mx_hosts_is_bounded(world: SenderWorld) -> None:
    """A domain with a thousand MX hosts costs no more than one with a few."""
    world.dns.mx("example.com", *((number, f"mx{number}.example.com") for number in range(50)))
    world.dns.secure()

    await world.resolve()

    assert sum(rdtype is RdType.A for _, rdtype in world.dns.queries) == 4


async def test_a_testing_policy_leaves_delivery_to_dane_and_the_mta(world: SenderWorld) -> None:
    """Mode testing asks for reports alone (RFC 8461 §5)."""
    world.publish("testing", "mx.example.net")

    assert await world.reply() == "NOTFOUND "


async def test_an_answer_overtaken_by_a_purge_is_not_kept(world: SenderWorld) -> None:
    """What was decided on a policy that is forgotten meanwhile counts for one asker."""
    world.enforce()
    world.dns.secure()
    gate = world.dns.hold("mx.example.com")

    asking = asyncio.create_task(world.resolve())
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.dns.count("mx.example.com")
    await world.discoverer.forget(Domain("example.com"))
    gate.set()
    resolution = await asking

    assert resolution.usable_for == timedelta(0)
    assert (await world.resolve()).usable_for > timedelta(0)


async def test_an_allowed_but_dead_name_beside_a_stranger_is_answered_temp(
    world: SenderWorld,
) -> None:
    """An attacker who forges such a set must not get mail returned (RFC 8461 §5)."""
    world.enforce("*.example.com")
    world.dns.mx("example.com", (10, "dead.example.com"), (20, "mx.attacker.example"))
    world.dns.a("mx.attacker.example", "192.0.2.66")

    reply = await world.reply()

    assert reply.startswith("TEMP ")
    assert "dead.example.com" in reply


async def test_a_slow_policy_host_takes_no_time_from_the_hosts(world: SenderWorld) -> None:
    """DANE is looked up beside the policy, not behind it."""
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    world.enforce()
    gate = world.hosts.hold("example.com")

    resolution = await world.resolve(timeout=timedelta(milliseconds=50))
    gate.set()

    assert postfix.render(resolution.delivery, with_tlsrpt=False) == b"OK dane-only"


async def test_a_purge_forgets_what_dane_said_too(world: SenderWorld) -> None:
    """After it, everything about the domain is asked anew."""
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    await world.resolve()

    world.surveyor.forget(Domain("example.com"))
    world.dns.remove("_25._tcp.mx.example.com")

    assert await world.reply() == "NOTFOUND "


async def test_hosts_are_looked_at_when_a_changed_policy_makes_them_matter(
    world: SenderWorld,
) -> None:
    """A policy that forbade all hosts and is withdrawn leaves what DANE says of them."""
    world.dns.secure("mx.example.com")
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    world.enforce("mx.example.net")
    assert (await world.reply()).startswith("TEMP ")
    world.publish("none", record_id="2")
    world.clock.advance(timedelta(minutes=2))

    assert await world.reply() == "OK dane"


async def test_a_failed_look_up_is_never_fresher_than_usable(world: SenderWorld) -> None:
    """Whatever an operator has set."""
    world.surveyor = Surveyor(
        world.dns,
        world.clock,
        SurveyLimits(failed_fresh=timedelta(seconds=15), failed_usable=timedelta(seconds=10)),
    )
    world.dns.fail("example.com", DnsFailure.SERVFAIL)

    timed = await world.surveyor.survey_mx(
        NextHop(domain=Domain("example.com")), timeout=timedelta(seconds=5)
    )

    assert timed.fresh_for <= timed.usable_for
