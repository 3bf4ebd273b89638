"""What is answered where the operator has a word: overrides, pins and strict zones, with fakes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from structlog.testing import capture_logs

from mailseal.answers import DnsFailure
from mailseal.decision import Rules
from mailseal.envelope import PrivateKey, new_private_key, seal
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.pins import MAX_LIFE, PAYLOAD_TYPE, Pin, PinList, render_list
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain
from mailseal.overrides import DaneOverride, Override, Overrides, Scope, StsOverride
from mailseal.services.exceptions import Exceptions
from mailseal.services.pinbook import PinBook
from mailseal.services.resolver import ResolverLimits
from mailseal.testing import FakePins, MemoryShelf
from mailseal.wire import postfix
from tests.services.world import GOOD, SECURE, SenderWorld

KEY = PrivateKey(new_private_key())
HOUR = timedelta(hours=1)
PINNED = "OK secure match=mx.example.com servername=hostname"


@pytest.fixture
async def world() -> AsyncIterator[SenderWorld]:
    """Give a world whose tasks are ended behind the test."""
    made = SenderWorld()
    yield made
    await made.aclose()


def except_(world: SenderWorld, *overrides: Override, default_wants_dane: bool = False) -> None:
    """Give the world these overrides."""
    exceptions = Exceptions(
        clock=world.clock, overrides=Overrides(overrides), default_wants_dane=default_wants_dane
    )
    world.start_resolver(rules=Rules(default_is_dane=default_wants_dane), exceptions=exceptions)


def override(sts: str = "", dane: str = "", mx: str = "", **more: Any) -> Override:
    """Make an override for example.com."""
    return Override(
        domains=(Scope("example.com"),),
        sts=StsOverride(sts) if sts else None,
        dane=DaneOverride(dane) if dane else None,
        mx=(MxPattern(mx),) if mx else (),
        **more,
    )


async def pin(world: SenderWorld, *, hold: bool = False, life: timedelta = 1000 * HOUR) -> FakePins:
    """Pin example.com to mx.example.com, from now on."""
    policy = Policy(mode=Mode.ENFORCE, max_age=MAX_LIFE, mx=(MxPattern("mx.example.com"),))
    now = world.clock.now()
    found = PinList(
        issued=now,
        expires=now + life,
        pins=MappingProxyType({Domain("example.com"): Pin(policy=policy, hold=hold)}),
    )
    source = FakePins()
    source.serve(seal(render_list(found), PAYLOAD_TYPE, [KEY]))
    book = PinBook(clock=world.clock, source=source, shelf=MemoryShelf(), keys=(KEY.public,))
    await book.open()
    world.start_resolver(exceptions=Exceptions(clock=world.clock, pins=book))
    return source


# mode: of the policy that the domain serves; tlsa: what its signed host has.
@pytest.mark.parametrize(
    ("mode", "has_tlsa", "words", "reply"),
    [
        # Nothing said
        ("enforce", False, {}, SECURE),
        ("testing", False, {}, "NOTFOUND "),
        ("enforce", True, {}, "OK dane-only"),
        # sts
        ("enforce", False, {"sts": "off"}, "NOTFOUND "),
        ("enforce", True, {"sts": "off"}, "OK dane-only"),  # DANE goes on
        ("enforce", False, {"sts": "testing"}, "NOTFOUND "),
        ("enforce", True, {"sts": "testing"}, "OK dane-only"),
        ("testing", False, {"sts": "enforce"}, SECURE),
        ("none", False, {"sts": "enforce"}, "NOTFOUND "),
        # dane
        ("enforce", True, {"dane": "off"}, SECURE),
        ("testing", True, {"dane": "off"}, "NOTFOUND "),
        ("enforce", True, {"dane": "testing"}, SECURE),
        ("enforce", False, {"dane": "enforce"}, "OK dane-only"),
        ("none", False, {"dane": "enforce"}, "OK dane-only"),
        # both
        ("enforce", True, {"sts": "off", "dane": "off"}, "NOTFOUND "),
        ("enforce", False, {"sts": "off", "dane": "enforce"}, "OK dane-only"),
        # a fixed policy
        ("none", False, {"sts": "enforce", "mx": "*.example.com"},
         "OK secure match=.example.com servername=hostname"),
        ("enforce", False, {"sts": "testing", "mx": "*.example.com"}, "NOTFOUND "),
        ("none", True, {"sts": "enforce", "mx": "*.example.com"}, "OK dane-only"),
        ("none", True, {"sts": "enforce", "mx": "*.example.com", "dane": "off"},
         "OK secure match=.example.com servername=hostname"),
    ],
)  # fmt: skip
async def test_an_override_counts_as_written(
    world: SenderWorld, mode: str, has_tlsa: bool, words: dict[str, str], reply: str
) -> None:
    """Each word for each protocol, alone and together."""
    world.publish(mode, "mx.example.com")
    world.dns.secure()
    if has_tlsa:
        world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    except_(world, *([override(**words)] if words else []))

    assert await world.reply() == reply


async def test_a_broken_policy_is_passed_over(world: SenderWorld) -> None:
    """The reason why there are overrides: a policy that allows none of the MX hosts."""
    world.enforce("old.example.com")
    assert (await world.reply()).startswith("TEMP ")
    except_(world, override("off"))

    assert await world.reply() == "NOTFOUND "


async def test_a_domain_without_dane_is_told_so_where_main_cf_says_dane(world: SenderWorld) -> None:
    """NOTFOUND would leave the level dane in force."""
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    except_(world, override(dane="off"), default_wants_dane=True)
    assert await world.reply() == "OK may"

    world.enforce()
    world.start()
    except_(world, override(dane="off"), default_wants_dane=True)
    assert await world.reply() == SECURE


async def test_a_fixed_policy_needs_no_look_up_and_no_store(world: SenderWorld) -> None:
    """Whoever blocks the record or breaks the store changes nothing."""
    world.dns.fail("_mta-sts.example.com")
    except_(world, override("enforce", mx="mx.example.com"))

    assert await world.reply() == SECURE
    assert world.dns.count("_mta-sts.example.com") == 0


async def test_dane_in_testing_is_looked_up_and_decides_nothing(world: SenderWorld) -> None:
    """So that it can be watched before it is trusted; off does not even ask."""
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)
    except_(world, override(dane="off"))
    await world.reply()
    assert world.dns.count("_25._tcp.mx.example.com") == 0
    except_(world, override(dane="testing"))

    assert await world.reply() == "NOTFOUND "
    assert world.dns.count("_25._tcp.mx.example.com") == 1


async def test_an_override_ends_in_time_and_is_told_once(world: SenderWorld) -> None:
    """No answer outlives it."""
    world.enforce()
    expires = world.clock.now() + timedelta(minutes=2)
    except_(world, override("off", expires=expires, comment="ticket 7"))
    resolution = await world.resolve()
    assert resolution.usable_for <= timedelta(minutes=2)

    world.clock.advance(timedelta(minutes=2))
    with capture_logs() as lines:
        assert await world.reply() == SECURE
        assert await world.reply() == SECURE
    told = [line for line in lines if line["event"] == "override has expired"]
    assert [(line["override"], line["comment"]) for line in told] == [("example.com", "ticket 7")]


async def test_a_decision_by_an_override_says_so_in_the_log(world: SenderWorld) -> None:
    """One line, with the operator's own words."""
    except_(world, override("off", comment="ticket 7"))
    with capture_logs() as lines:
        await world.reply()
        await world.reply()
    (line,) = [line for line in lines if line["event"] == "decision made"]

    assert line["override"] == "example.com"
    assert (line["override_sts"], line["override_comment"]) == ("off", "ticket 7")


@pytest.mark.parametrize("failure", [None, DnsFailure.SERVFAIL, DnsFailure.TIMEOUT])
async def test_a_pin_protects_the_first_mail(
    world: SenderWorld, failure: DnsFailure | None
) -> None:
    """Whether the record is denied or blocked."""
    if failure is not None:
        world.dns.fail("_mta-sts.example.com", failure)
    await pin(world)
    with capture_logs() as lines:
        assert await world.reply() == PINNED

    made = next(line for line in lines if line["event"] == "decision made")
    assert (made["policy_from"], made["mode"]) == ("pin", "enforce")


async def test_dane_goes_before_a_pin(world: SenderWorld) -> None:
    """It ranks as a cached policy does."""
    await pin(world, hold=True)
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)

    assert await world.reply() == "OK dane-only"


@pytest.mark.parametrize(("mode", "reply"), [
    ("none", "NOTFOUND "),
    ("testing", "NOTFOUND "),
    ("enforce", "OK secure match=.example.com servername=hostname"),
])  # fmt: skip
async def test_what_the_domain_serves_replaces_its_pin(
    world: SenderWorld, mode: str, reply: str
) -> None:
    """Also when it has ended and cannot be had again; unless the pin is held."""
    await pin(world)
    world.publish(mode, "*.example.com")
    assert await world.reply() == reply

    world.dns.fail("_mta-sts.example.com")
    world.hosts.fail("example.com")
    world.clock.advance(timedelta(seconds=604_800))
    assert await world.reply() == "NOTFOUND "

    await pin(world, hold=True)
    assert await world.reply() == PINNED


async def test_a_policy_that_nobody_asked_for_replaces_a_pin_too(world: SenderWorld) -> None:
    """It was fetched ahead of its end, was in mode none, and has ended since."""
    await pin(world)
    world.discoverer._on_fetched = world.resolver._exceptions.pins.note_fetched
    world.publish("none")
    await world.discoverer.refetch(Domain("example.com"), force=True)
    world.dns.fail("_mta-sts.example.com")
    world.hosts.fail("example.com")
    world.clock.advance(timedelta(seconds=604_800))

    assert await world.reply() == "NOTFOUND "


async def test_a_pin_ends_with_its_list(world: SenderWorld) -> None:
    """No answer outlives it."""
    await pin(world, life=timedelta(seconds=90))
    world.dns.fail("_mta-sts.example.com")
    assert (await world.resolve()).usable_for <= timedelta(seconds=90)

    world.clock.advance(timedelta(seconds=90))
    assert await world.reply() == "NOTFOUND "


async def test_a_pin_is_not_kept_waiting_by_a_silent_dns(world: SenderWorld) -> None:
    """Two seconds for the domain's own word, then the pin counts."""
    gate = world.dns.hold("_mta-sts.example.com")
    await pin(world)
    world.resolver._limits = ResolverLimits(pin_wait=timedelta(milliseconds=1))

    assert await world.reply() == PINNED
    gate.set()


async def test_a_strict_zone_enforces_what_others_only_test(world: SenderWorld) -> None:
    """The same question, the same policy, one look-up, two answers."""
    world.publish("testing", "mx.example.com")
    strict = await world.resolver.resolve(
        (await world.resolve()).next_hop, timeout=HOUR, strict_testing=True
    )

    assert await world.reply() == "NOTFOUND "
    assert postfix.render(strict.delivery, with_tlsrpt=False).decode() == SECURE
    assert world.hosts.count("example.com") == 1
    except_(world, override("testing"))
    lax = await world.resolver.resolve(strict.next_hop, timeout=HOUR, strict_testing=True)
    assert postfix.render(lax.delivery, with_tlsrpt=False).decode() == "NOTFOUND "


@pytest.mark.parametrize(("mode", "told"), [
    ("enforce", [("sts-enforced", None)]),
    ("testing", [("sts-testing", None), ("sts-enforced", "strict-zone")]),
])  # fmt: skip
async def test_a_strict_zone_has_a_line_of_its_own_where_it_makes_a_difference(
    world: SenderWorld, mode: str, told: list[tuple[str, str | None]]
) -> None:
    """Else the same decision would be in the log twice, word for word."""
    world.publish(mode, "mx.example.com")
    with capture_logs() as lines:
        next_hop = (await world.resolve()).next_hop
        for _ in range(2):
            await world.resolver.resolve(next_hop, timeout=HOUR, strict_testing=True)
            await world.resolve()
    made = [line for line in lines if line["event"].startswith("decision ")]

    assert [(line["answer"], line.get("mode_by")) for line in made] == told
