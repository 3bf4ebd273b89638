"""Policies of another daemon go into the store together; what goes wrong stops nothing else."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailseal.mtasts.foreign import ForeignPolicy
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from mailseal.services import mover
from mailseal.services.mover import move_policies
from mailseal.testing import ManualClock, MemoryStore
from tests.moving.caches import POLICY


def entry(clock: ManualClock, domain: str, fields: object = POLICY) -> ForeignPolicy:
    """Make an entry that is an hour old."""
    at = (clock.now() - timedelta(hours=1)).timestamp()
    return ForeignPolicy(domain=domain, id="1", fields=json.dumps(fields), at=at)


async def test_good_entries_are_stored_beside_bad_ones() -> None:
    """In pages of any size, an empty one too."""
    clock, store = ManualClock(), MemoryStore()
    pages = iter([[entry(clock, f"d{n}.test") for n in range(600)], [], [entry(clock, "a b")]])

    took = await move_policies(pages, store, clock)

    assert (took.taken, took.kept, took.refused_count) == (600, 0, 1)
    assert took.refused[0][0] == "a b"
    assert len(store.policies) == 600


async def test_the_same_domain_in_two_spellings_is_one() -> None:
    """The other daemon kept them apart; either is good."""
    clock, store = ManualClock(), MemoryStore()
    pages = iter([[entry(clock, "EXAMPLE.com"), entry(clock, "example.com")]])

    await move_policies(pages, store, clock)

    assert set(store.policies) == {Domain("example.com")}


async def test_a_cache_that_breaks_off_leaves_what_was_read() -> None:
    """The error is told, and what was stored until then stays."""
    clock, store = ManualClock(), MemoryStore()

    def pages() -> Iterator[list[ForeignPolicy]]:
        yield [entry(clock, "example.com")]
        raise StoreError("gone")

    with pytest.raises(StoreError, match="gone"):
        await move_policies(pages(), store, clock)
    assert set(store.policies) == {Domain("example.com")}


async def test_reasons_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of nothing but nonsense does not fill our memory."""
    clock, store = ManualClock(), MemoryStore()
    monkeypatch.setattr(mover, "MAX_TOLD", 3)
    pages = iter([[entry(clock, "a b")] * 5])

    took = await move_policies(pages, store, clock)

    assert (took.refused_count, len(took.refused)) == (5, 3)
