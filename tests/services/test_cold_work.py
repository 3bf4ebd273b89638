"""What is not known has to be looked up: so much of it at a time, however much is asked for."""

import asyncio
from datetime import timedelta

import pytest

from mailseal.answers import RdType
from mailseal.dane.exchange import MxHost, MxSet
from mailseal.names import Domain, NextHop
from mailseal.services.surveyor import SurveyLimits, Surveyor
from mailseal.testing import FakeDns, ManualClock

LONG = timedelta(minutes=1)
AT_ONCE = 2
NAMES = [Domain(f"d{number}.example") for number in range(6)]
TURNS = 20  # of the event loop: more than any step here needs to come to its wait


async def settle() -> None:
    """Let every task go as far as it can without an answer."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


@pytest.mark.parametrize("rdtype", [RdType.MX, RdType.A])
async def test_look_ups_beyond_the_limit_wait_their_turn(rdtype: RdType) -> None:
    """``cold_lookups`` bounds MX sets and hosts alike; whoever waits is answered in the end."""
    dns = FakeDns()
    for name in NAMES:
        dns.mx(name, (10, name))
        dns.a(name, "192.0.2.25")
    gates = [dns.hold(name) for name in NAMES]
    surveyor = Surveyor(dns, ManualClock(), SurveyLimits(max_flights=AT_ONCE))
    hosts = tuple(MxHost(name=name, preference=10) for name in NAMES)
    mx = MxSet(hosts=hosts, is_secure=True, ttl=LONG)
    asking: list[asyncio.Task[object]] = []
    if rdtype is RdType.MX:
        asking += [
            asyncio.create_task(surveyor.survey_mx(NextHop(domain=name), timeout=LONG))
            for name in NAMES
        ]
    else:
        asking.append(asyncio.create_task(surveyor.survey_hosts(mx, None, timeout=LONG)))

    for done, gate in enumerate(gates):
        await settle()
        under_way = [name for name, kind in dns.queries if kind is rdtype][done:]
        assert under_way == [str(name) for name in NAMES[done : done + AT_ONCE]]
        gate.set()
    await asyncio.gather(*asking)

    known = surveyor.sizes[0 if rdtype is RdType.MX else 1]
    assert known == len(NAMES)
    await surveyor.aclose()
