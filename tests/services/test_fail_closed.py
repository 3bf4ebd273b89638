"""``fail_closed``: how long mail waits while a domain's record cannot be looked up, in replies."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure
from mailseal.dane.tlsa import TlsaRecord
from mailseal.ports.storeerrors import StoreError
from mailseal.services.discoverer import DiscoveryLimits
from mailseal.wire import postfix
from tests.services.world import GOOD, SECURE, TLSA, SenderWorld

RECORD = "_mta-sts.example.com"
FOUR_HOURS = timedelta(hours=4)
UNUSABLE = TlsaRecord(usage=1, selector=1, matching_type=1, data=bytes(32))
TEMP = "TEMP MTA-STS of example.com is unknown: its record cannot be looked up"


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[SenderWorld]:
    """Give a signed world with the setting that a test asks for."""
    made = SenderWorld(limits=DiscoveryLimits(fail_closed=request.param))
    made.dns.secure()
    yield made
    await made.aclose()


@pytest.mark.parametrize("failure", [DnsFailure.SERVFAIL, DnsFailure.BOGUS, DnsFailure.TIMEOUT])
@pytest.mark.parametrize(("world", "tlsa", "reply"), [
    pytest.param(timedelta(0), None, "NOTFOUND ", id="fail_closed off, N"),
    pytest.param(timedelta(0), UNUSABLE, "OK dane", id="fail_closed off, X"),
    pytest.param(timedelta(0), GOOD, "OK dane-only", id="fail_closed off, U"),
    pytest.param(FOUR_HOURS, None, TEMP, id="fail_closed, N"),
    pytest.param(FOUR_HOURS, UNUSABLE, TEMP, id="fail_closed, X"),
    pytest.param(FOUR_HOURS, GOOD, TEMP, id="fail_closed, U"),
], indirect=["world"])  # fmt: skip
async def test_an_unknown_domain_waits_where_it_is_set(
    world: SenderWorld, tlsa: TlsaRecord | None, reply: str, failure: DnsFailure
) -> None:
    """Whatever DANE says, as the policy that nobody can see may forbid more."""
    if tlsa is not None:
        world.dns.tlsa(TLSA, tlsa)
    world.dns.fail(RECORD, failure)

    assert await world.reply() == reply


@pytest.mark.parametrize("world", [FOUR_HOURS], indirect=True)
async def test_a_domain_whose_record_is_proven_absent_does_not_wait(world: SenderWorld) -> None:
    """Only a look-up that fails leaves anything unknown."""
    assert await world.reply() == "NOTFOUND "


@pytest.mark.parametrize("world", [FOUR_HOURS], indirect=True)
async def test_a_known_policy_goes_on_while_its_record_fails(world: SenderWorld) -> None:
    """It is in force until it expires, and its mail need not wait."""
    world.enforce()
    assert await world.reply() == SECURE
    world.dns.fail(RECORD)
    world.clock.advance(timedelta(hours=2))

    assert await world.reply() == SECURE


@pytest.mark.parametrize("world", [FOUR_HOURS], indirect=True)
async def test_the_wait_ends_when_the_time_is_over(world: SenderWorld) -> None:
    """A record that fails for longer no longer holds mail back."""
    world.dns.fail(RECORD)
    seen = []
    for _ in range(9):
        seen.append(await world.reply())
        world.clock.advance(timedelta(minutes=30))

    assert seen == [TEMP] * 8 + ["NOTFOUND "]


LATE = "TEMP MTA-STS of example.com is unknown: no answer in time"


@pytest.mark.parametrize(
    ("world", "reply"),
    [(timedelta(0), "OK dane"), (FOUR_HOURS, LATE)],
    indirect=["world"],
)
async def test_a_domain_that_is_still_looked_up_at_the_deadline_is_unknown(
    world: SenderWorld, reply: str
) -> None:
    """Silence is no absence where mail is to wait for certainty; the next question knows more."""
    gate = world.dns.hold(RECORD)

    resolution = await world.resolve(timeout=timedelta(0))
    gate.set()

    assert postfix.render(resolution.delivery, with_tlsrpt=False).decode() == reply
    world.enforce()
    await world.settle()
    assert await world.reply() == SECURE


@pytest.mark.parametrize("world", [FOUR_HOURS], indirect=True)
async def test_a_known_policy_is_no_less_known_at_the_deadline(world: SenderWorld) -> None:
    """Its id could not be checked in time, and it rules all the same."""
    world.enforce()
    assert await world.reply() == SECURE
    world.clock.advance(timedelta(hours=2))
    gate = world.dns.hold(RECORD)

    resolution = await world.resolve(timeout=timedelta(0))
    gate.set()

    assert resolution.sts.doubt == ""
    assert resolution.sts.policy is not None


@pytest.mark.parametrize("world", [FOUR_HOURS], indirect=True)
async def test_an_unreadable_store_is_the_doubt_that_is_told(world: SenderWorld) -> None:
    """It says more than that an answer is late: somebody can mend it."""
    world.store.error = StoreError("the disk is gone")
    gate = world.dns.hold(RECORD)

    resolution = await world.resolve(timeout=timedelta(0))
    gate.set()

    assert resolution.sts.doubt == "the disk is gone"
