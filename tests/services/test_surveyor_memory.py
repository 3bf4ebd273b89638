"""The surveyor's memory: bounded, and what had to make room is counted."""

from datetime import timedelta

from mailseal.names import Domain, NextHop
from mailseal.services.surveyor import SurveyLimits, Surveyor
from mailseal.testing import FakeDns, ManualClock

LONG = timedelta(seconds=10)


def next_hop(number: int) -> NextHop:
    """Return one of many next hops."""
    return NextHop(domain=Domain(f"d{number}.example"))


async def test_what_makes_room_is_counted_while_it_could_still_be_used() -> None:
    """An entry that has run out is no loss, and no sign of too little memory."""
    clock, dns = ManualClock(), FakeDns()
    ttl = timedelta(minutes=5)
    for number in range(4):
        dns.mx(next_hop(number).domain, (10, "mx.example.com"), ttl=ttl)
    surveyor = Surveyor(dns, clock, SurveyLimits(max_entries=2))

    for number in range(3):
        await surveyor.survey_mx(next_hop(number), timeout=LONG)
    assert surveyor.sizes == (2, 0)
    assert surveyor.evictions == (1, 0)

    clock.advance(2 * ttl)
    await surveyor.survey_mx(next_hop(3), timeout=LONG)
    assert surveyor.sizes == (2, 0)
    assert surveyor.evictions == (1, 0)
    await surveyor.aclose()
