"""How long an explanation may take; what stands in one is tested with the commands that show it."""

from datetime import timedelta
from typing import Any, Never, cast

import pytest

from mailseal.names import Domain, NextHop
from mailseal.services.discoverer import Discoverer
from mailseal.services.explainer import Explainer
from mailseal.services.resolver import Resolver
from mailseal.services.surveyor import Surveyor
from mailseal.services.views import View, Views
from mailseal.testing import ManualClock


class EnoughError(Exception):
    """The times are known; there is no answer to explain."""


class Slow:
    """Stands in for discoverer and resolver: takes all the time that it is given."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.waited: list[timedelta] = []

    async def check_id(self, _domain: Domain, *, timeout: timedelta) -> None:
        self.waited.append(timeout)
        self.clock.advance(timeout)

    async def resolve(self, _next_hop: NextHop, *, timeout: timedelta, **_more: Any) -> Never:
        self.waited.append(timeout)
        raise EnoughError


async def test_the_record_and_the_hosts_share_one_deadline() -> None:
    """A policy host that never answers leaves time for the MX hosts, and adds none."""
    clock = ManualClock()
    slow = Slow(clock)
    explainer = Explainer(
        views=Views(View(resolver=cast("Resolver", slow), surveyor=cast("Surveyor", slow))),
        discoverer=cast("Discoverer", slow),
        clock=clock,
        profiles={},
    )
    next_hop = NextHop(domain=Domain("example.com"))

    with pytest.raises(EnoughError):
        await explainer.explain(next_hop, timeout=timedelta(seconds=75))

    assert slow.waited == [timedelta(seconds=65), timedelta(seconds=10)]
