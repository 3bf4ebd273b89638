"""Changes that were heard of wait for whoever acts on them, each once and not without bound."""

import asyncio

import pytest

from mailseal.names import Domain
from mailseal.ports.policystore import StoreChanges
from mailseal.store import Store
from mailseal.store.changes import MAX_PENDING, PendingChanges


async def test_changes_are_handed_over_once_and_together() -> None:
    """A domain that was changed often is told once; then there is nothing."""
    changes = PendingChanges()
    for name in ("b.example", "a.example", "b.example"):
        changes.note([Domain(name)])

    taken = await changes.wait()

    assert taken == StoreChanges(domains=(Domain("a.example"), Domain("b.example")))
    waiting = asyncio.create_task(changes.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    changes.note_anything()
    assert await waiting == StoreChanges(is_anything=True)


async def test_a_purge_is_told_as_such_and_as_a_change() -> None:
    """Whatever was written to the domain before it and after."""
    changes, domain = PendingChanges(), Domain("a.example")
    changes.note([domain])
    changes.note_purge(domain)
    changes.note([domain])

    assert await changes.wait() == StoreChanges(domains=(domain,), purged=(domain,))

    changes.note([domain])
    assert await changes.wait() == StoreChanges(domains=(domain,))


async def test_too_many_changes_become_one_that_means_all() -> None:
    """A fleet that fetches faster than this node reads costs no more memory than the bound."""
    changes = PendingChanges()
    for number in range(MAX_PENDING + 10):
        changes.note([Domain(f"d{number}.example")])

    taken = await changes.wait()

    assert taken.is_anything
    assert len(taken.domains) < 10


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_store_of_one_node_has_no_changes_to_tell(store: Store) -> None:
    """With SQLite one waits for ever, without a thread or a task that spins."""
    waiting = asyncio.create_task(store.wait_for_changes())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
