"""A store that several nodes write to: the newer policy wins, work is claimed, in each engine."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain
from mailseal.store import Store, open_store
from tests.store.samples import DAY, FAILURE, HOUR, NOW, cached

EXAMPLE = Domain("example.com")


def fetched_later(policy: CachedPolicy, by: timedelta) -> CachedPolicy:
    """Return a policy as if it had been fetched later."""
    return replace(policy, fetched_at=policy.fetched_at + by)


async def test_an_older_policy_never_replaces_a_newer_one(store: Store) -> None:
    """Whoever fetched later wins, whoever stores last; dates beyond now are a wrong clock's."""
    older, newer = cached("example.com"), fetched_later(cached("example.com", record_id="2"), HOUR)
    assert await store.save(newer, now=NOW + HOUR) is True
    assert await store.save(older, now=NOW + HOUR) is False
    assert await store.save(older) is False
    assert await store.load(EXAMPLE) == newer
    again = replace(newer, failure=FAILURE)
    assert await store.save(again, now=NOW + HOUR) is True  # the same fetch, with what came after
    assert await store.load(EXAMPLE) == again
    assert await store.save(older, now=NOW) is True
    assert await store.load(EXAMPLE) == older


async def test_a_full_store_does_not_take_an_older_policy_for_a_new_domain(url: str) -> None:
    """It makes no room for what it then would not store."""
    async with await open_store(url, max_policies=2) as store:
        await store.save(fetched_later(cached("a.example"), HOUR))
        await store.save(cached("b.example", mode="none"))
        assert await store.save(cached("a.example")) is False
        assert [str(policy.domain) for policy in await store.list()] == ["a.example", "b.example"]


async def test_a_purge_keeps_out_what_was_fetched_before_it(store: Store) -> None:
    """A node that was cut off cannot bring the policy back; a later fetch can."""
    policy = cached("example.com")
    await store.save(policy)
    await store.remove(EXAMPLE, now=NOW + HOUR)
    assert await store.save(policy, now=NOW + HOUR) is False
    assert await store.load(EXAMPLE) is None
    assert await store.save(cached("example.net")) is True
    assert await store.save(fetched_later(policy, HOUR), now=NOW + HOUR) is True


async def test_a_purge_dated_by_a_wrong_clock_keeps_nothing_out(store: Store) -> None:
    """A purge of tomorrow is none of today."""
    await store.remove(EXAMPLE, now=NOW + DAY)
    assert await store.save(cached("example.com"), now=NOW) is True


async def test_purges_are_forgotten_when_no_older_policy_can_be_in_force(store: Store) -> None:
    """A year is the longest life of a policy (RFC 8461 §3.2)."""
    await store.remove(EXAMPLE, now=NOW + HOUR)
    await store.remove_expired(NOW + 300 * DAY)
    assert await store.save(cached("example.com")) is False
    await store.remove_expired(NOW + 367 * DAY)
    assert await store.save(cached("example.com")) is True


async def test_purges_are_bounded(url: str) -> None:
    """The oldest is forgotten for the newest."""
    async with await open_store(url, max_policies=2) as store:
        for number in (1, 2, 3):
            await store.remove(Domain(f"d{number}.example"), now=NOW + number * HOUR)
        assert await store.save(cached("d3.example")) is False
        assert await store.save(cached("d1.example")) is True


async def test_purged_domains_are_listed_by_their_names(store: Store) -> None:
    """From an instant on, a page at a time, each with its last purge alone."""
    early, *late = [Domain(f"{letter}.example") for letter in "abcd"]
    for name in (late[2], early, late[0], late[1]):
        await store.remove(name, now=NOW)
    for name in late:
        await store.remove(name, now=NOW + HOUR)
    assert await store.list_purged(NOW) == (early, *late)
    assert await store.list_purged(NOW + HOUR) == tuple(late)
    assert await store.list_purged(NOW + HOUR, limit=2) == tuple(late[:2])
    assert await store.list_purged(NOW + HOUR, after=late[1], limit=2) == (late[2],)
    assert await store.list_purged(NOW + 2 * HOUR) == ()


async def test_many_domains_are_loaded_together(
    store: Store, run_sql: Callable[[str], None]
) -> None:
    """None is for what is not there; what cannot be read is left out."""
    for name in ("a.example", "b.example"):
        await store.save(cached(name))
    run_sql("UPDATE sts_policies SET body = '' WHERE domain = 'b.example'")
    wanted = [Domain(f"{letter}.example") for letter in "abc"]
    found = await store.load_many(wanted)
    assert found == {wanted[0]: cached("a.example"), wanted[2]: None}
    assert await store.load_many([]) == {}


async def test_a_due_policy_is_claimed_once_until_its_lease_ends(url: str) -> None:
    """Of two nodes one gets it; when that one is never heard of again, the other does."""
    async with await open_store(url) as one, await open_store(url) as other:
        await one.save(cached("example.com", refetch_in=-HOUR))
        await one.save(cached("later.example", refetch_in=HOUR))
        until = NOW + HOUR / 2
        claimed = await asyncio.gather(
            *(node.claim_due(NOW, until=until, limit=5) for node in (one, other))
        )
        assert sorted(len(policies) for policies in claimed) == [0, 1]
        assert not await other.claim(EXAMPLE, NOW, until=until)
        assert await other.claim(EXAMPLE, until, until=until + HOUR)
        assert not await one.claim_due(until, until=until + HOUR, limit=5)


async def test_a_saved_policy_is_claimed_no_more(store: Store) -> None:
    """A claim ends with the fetch it was made for, and what is not due is not claimed."""
    await store.save(cached("example.com", refetch_in=-HOUR))
    assert await store.claim(EXAMPLE, NOW, until=NOW + HOUR)
    await store.save(cached("example.com", refetch_in=timedelta(0)))
    assert await store.claim(EXAMPLE, NOW, until=NOW + HOUR)
    await store.save(cached("example.com", refetch_in=HOUR))
    assert not await store.claim(EXAMPLE, NOW, until=NOW + HOUR)


async def test_a_claim_of_a_wrong_clock_is_void(store: Store) -> None:
    """One that ends later than anybody would ask for keeps nobody away."""
    await store.save(cached("example.com", refetch_in=-HOUR))
    assert await store.claim(EXAMPLE, NOW, until=NOW + 40 * DAY)
    assert await store.claim(EXAMPLE, NOW, until=NOW + HOUR)


async def test_two_stores_on_one_database_see_each_other(url: str) -> None:
    """What one process commits, another reads at its next question."""
    async with await open_store(url) as one, await open_store(url) as other:
        assert await other.load(EXAMPLE) is None
        await one.save(cached("example.com"))
        assert await other.load(EXAMPLE) == cached("example.com")
        await other.save(cached("example.com", record_id="2"))
        assert await one.load(EXAMPLE) == cached("example.com", record_id="2")


async def test_two_stores_that_write_at_once_lose_nothing(url: str) -> None:
    """Each writer waits for the other's commit; both insert the same new domains."""
    async with await open_store(url) as one, await open_store(url) as other:
        await asyncio.gather(
            *(store.save(cached(f"d{n}.example.com")) for n in range(200) for store in (one, other))
        )
        assert await one.count() == 200
