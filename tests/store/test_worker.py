"""The store's thread: commits in groups, bounded, and fair to whoever waits."""

import asyncio
import threading
from pathlib import Path

import pytest

from mailseal.names import Domain
from mailseal.store import (
    Store,
    StoreBusyError,
    StoreError,
    StoreUnavailableError,
    open_store,
    worker,
)
from mailseal.store.database import Database
from tests.store.samples import cached


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database of this test is."""
    return tmp_path / "mailseal.db"


async def hold(store: Store) -> tuple[threading.Event, "asyncio.Task[None]"]:
    """Keep the store's thread busy until the event is set."""
    is_held, release = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        is_held.set()
        release.wait(30)

    task = asyncio.create_task(store._worker.read(wait))
    await asyncio.to_thread(is_held.wait, 30)
    return release, task


async def test_writes_that_wait_together_are_committed_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand cold domains cost one sync of the disk, not a thousand."""
    transactions = 0
    original = Database.writing

    def counted(self: Database) -> object:
        nonlocal transactions
        transactions += 1
        return original(self)

    async with await open_store(f"sqlite:///{path}") as store:
        monkeypatch.setattr(Database, "writing", counted)
        release, task = await hold(store)
        saves = [asyncio.create_task(store.save(cached(f"d{n}.example"))) for n in range(100)]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(task, *saves)
        assert transactions == 1
        assert await store.count() == 100


async def test_one_bad_write_does_not_fail_its_neighbours(path: Path) -> None:
    """What cannot be stored is told to the one who asked for it; the others are committed."""
    async with await open_store(f"sqlite:///{path}") as store:
        release, task = await hold(store)
        bad = cached("bad.example", record_id="\ud800")  # a half of a surrogate pair is no text
        results = asyncio.gather(
            store.save(cached("a.example")),
            store.save(bad),
            store.save(cached("b.example")),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
        release.set()
        await task
        first, second, third = await results
        assert (first, third) == (True, True)
        assert isinstance(second, StoreError)
        assert await store.count() == 2


async def test_too_many_questions_are_refused_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that hangs must not fill the memory with those who wait for it."""
    monkeypatch.setattr(worker, "MAX_WAITING", 3)
    async with await open_store(f"sqlite:///{path}") as store:
        release, task = await hold(store)
        waiting = [asyncio.create_task(store.save(cached(f"d{n}.example"))) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(StoreBusyError, match="wait for the store"):
            await store.save(cached("e.example"))
        release.set()
        await asyncio.gather(task, *waiting)
        await store.save(cached("e.example"))


async def test_whoever_gives_up_before_the_turn_changes_nothing(path: Path) -> None:
    """A cancelled write that has not begun is dropped; the thread goes on."""
    async with await open_store(f"sqlite:///{path}") as store:
        release, task = await hold(store)
        given_up = asyncio.create_task(store.save(cached("gone.example")))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        release.set()
        await task
        assert await store.load(Domain("gone.example")) is None


async def test_a_fault_of_our_own_reaches_the_one_who_asked(path: Path) -> None:
    """An exception that nobody foresaw ends one question, not the thread."""

    def fault(*_: object) -> None:
        raise ZeroDivisionError

    async with await open_store(f"sqlite:///{path}") as store:
        with pytest.raises(ZeroDivisionError):
            await store._worker.write(fault)
        with pytest.raises(ZeroDivisionError):
            await store._worker.read(fault)
        await store.save(cached("example.com"))
        assert await store.count() == 1


async def test_a_thread_that_dies_leaves_nobody_waiting(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in the thread itself is logged, and every question gets an error, now and later."""

    def fault(*_: object) -> None:
        raise ZeroDivisionError

    store = await open_store(f"sqlite:///{path}")
    monkeypatch.setattr(worker, "_read_all", fault)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="closed"):
            await store.count()
    await store.aclose()
    assert "store thread ended" in caplog.text


async def test_a_question_is_waited_for_no_longer_than_its_deadline(path: Path) -> None:
    """A database that hangs is found out once; those who ask next are refused at once."""
    async with await open_store(f"sqlite:///{path}") as store:
        release, task = await hold(store)
        with pytest.raises(StoreBusyError, match="has not answered"):
            await store._worker.read(lambda *_: None, seconds=0.01)
        with pytest.raises(StoreBusyError, match="still works on an earlier question"):
            await store.load(Domain("example.com"))
        release.set()
        await task
        assert await store.load(Domain("example.com")) is None
