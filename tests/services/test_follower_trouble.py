"""A follower that hears of changes and cannot read them: it catches up by itself."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.policystore import StoreChanges
from mailseal.ports.storeerrors import StoreError
from mailseal.services import follower
from mailseal.services.follower import Follower
from mailseal.testing import MemoryStore
from tests.services.world import DOMAIN, World


class UnreadableStore(MemoryStore):
    """A store that tells what was changed and fails so many times to show it."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0

    async def load_many(self, domains: Sequence[Domain]) -> Mapping[Domain, CachedPolicy | None]:
        """Fail, or return what is stored."""
        if self.failures:
            self.failures -= 1
            raise StoreError("the database is away")
        return await super().load_many(domains)


async def test_a_node_that_could_not_read_tries_again_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody may have anything to tell for hours; it is behind for no longer than it must."""
    monkeypatch.setattr(follower, "RETRY", timedelta(0))
    store = UnreadableStore()
    one = World(store=store)
    other = World(store=store.another_node(), dns=one.dns, hosts=one.hosts, clock=one.clock)
    assert await one.mode() is None  # remembered for up to an hour
    following = asyncio.create_task(Follower(discoverer=one.discoverer, store=store).run())
    one.publish()
    store.failures = 3

    assert await other.mode() is Mode.ENFORCE
    for _ in range(3):
        await one.settle()

    assert store.failures == 0
    assert await one.mode() is Mode.ENFORCE
    assert one.hosts.count(DOMAIN) == 1
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    for node in (one, other):
        await node.aclose()


async def test_an_outage_is_told_once() -> None:
    """One line when it begins, and another one for the next."""
    store = UnreadableStore()
    world = World(store=store)
    followed = Follower(discoverer=world.discoverer, store=store)
    with capture_logs() as logs:
        for failures, told in ((1, 1), (1, 1), (0, 1), (1, 2)):
            store.failures = failures
            await followed.follow(StoreChanges(domains=(DOMAIN,)))
            assert len(logs) == told
    assert {one["event"] for one in logs} == {"changes of other nodes cannot be read"}
    await world.aclose()
