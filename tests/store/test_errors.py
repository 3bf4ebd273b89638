"""What goes wrong below the store is told in our words, and never with a password."""

import asyncio
import sqlite3
import traceback
from pathlib import Path

import pytest

import mailseal.store
from mailseal.names import Domain
from mailseal.ports import storeerrors
from mailseal.store import (
    StoreBusyError,
    StoreCorruptError,
    StoreDiskFullError,
    StoreError,
    StoreUnavailableError,
    engine,
    open_store,
)
from mailseal.store.translation import translate
from tests.store.samples import cached

EXAMPLE = Domain("example.com")
PASSWORD = "tr0ub4dor"


def test_every_error_of_the_store_is_the_one_that_services_expect() -> None:
    """They go on without a store by catching what the port names, and nothing else."""
    errors = [each for name, each in vars(mailseal.store).items() if name.endswith("Error")]
    assert len(errors) >= 7
    assert all(issubclass(each, storeerrors.StoreError) for each in errors)


@pytest.mark.parametrize(
    "error", [StoreUnavailableError, StoreBusyError, StoreDiskFullError, StoreCorruptError]
)
def test_services_can_tell_that_nothing_at_all_can_be_stored(error: type[StoreError]) -> None:
    """Else they would try, and tell, the same for each of what waits to be stored."""
    assert issubclass(error, storeerrors.StoreAwayError)


def test_a_row_that_a_rule_of_the_database_forbids_is_an_error_of_that_row_alone() -> None:
    """Such as a trigger that somebody added; what is to be stored behind it can be."""
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (a CHECK (a <> 'x'))")
        with pytest.raises(sqlite3.IntegrityError) as caught:
            database.execute("INSERT INTO t VALUES ('x')")
    database.close()

    error = translate(caught.value, "here")

    assert isinstance(error, StoreError)
    assert not isinstance(error, storeerrors.StoreAwayError)


async def test_a_file_that_is_no_database_is_named_with_what_to_do(tmp_path: Path) -> None:
    """The message says which file to move away."""
    path = tmp_path / "mailseal.db"
    path.write_bytes(b"GIF89a" * 1000)
    with pytest.raises(StoreCorruptError, match=r"mailseal\.db is damaged.*move the file"):
        await open_store(f"sqlite:///{path}")


async def test_a_damaged_database_is_an_error_of_ours(tmp_path: Path) -> None:
    """Pages overwritten by something else never end in a crash or a driver's exception."""
    path = tmp_path / "mailseal.db"
    async with await open_store(f"sqlite:///{path}") as store:
        await asyncio.gather(*(store.save(cached(f"d{n}.example")) for n in range(500)))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreCorruptError):
        async with await open_store(f"sqlite:///{path}") as store:
            await store.load(Domain("d7.example"))


async def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    """A state folder may have characters that mean something in a URL."""
    path = tmp_path / "a%20b ?c#d" / "mailseal.db"
    async with await open_store(f"sqlite:///{path}") as store:
        await store.save(cached("example.com"))
    assert path.stat().st_size


async def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    """A file where the folder should be, whoever runs the test."""
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StoreUnavailableError, match="cannot be made or opened"):
        await open_store(f"sqlite:///{tmp_path / 'state' / 'mailseal.db'}")


async def test_a_database_that_another_holds_is_busy_and_works_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock held for too long fails the save and nothing else; reading goes on meanwhile."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.01)
    path = tmp_path / "mailseal.db"
    async with await open_store(f"sqlite:///{path}") as store:
        await store.save(cached("example.com"))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="locked by another process"):
            await store.save(cached("example.net"))
        assert await store.load(EXAMPLE) == cached("example.com")
        other.execute("ROLLBACK")
        other.close()
        await store.save(cached("example.net"))
        assert await store.count() == 2


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://mailseal:{PASSWORD}@127.0.0.1:1/mailseal",  # nobody listens
        f"postgresql://mailseal:{PASSWORD}@/mailseal?host=/nonexistent",  # no such socket
        f"postgresql://mailseal:{PASSWORD}@127.0.0.1:port/mailseal",  # no number
        f"postgresql://mailseal@/mailseal?host=/nonexistent&password={PASSWORD}",
        f"postgresql://mailseal:one@{PASSWORD}@127.0.0.1:1/mailseal",  # "@" must be %40
        f"postgresql://mailseal:one/{PASSWORD}@127.0.0.1:1/mailseal",  # "/" should be %2F
        f"postgresql://mailseal:one:{PASSWORD}@127.0.0.1:1/mailseal",
        f"mysql://mailseal:{PASSWORD}@127.0.0.1/mailseal",  # no engine of ours
        f"{PASSWORD}",  # no URL
        "sqlite:///relative.db",  # depends on where one starts it
        "sqlite://",  # a database in memory is no store
    ],
)
async def test_a_store_out_of_reach_is_told_without_its_password(url: str) -> None:
    """Neither the message nor the chain of causes, which logs print, holds the secret."""
    with pytest.raises(StoreError) as caught:
        await open_store(url)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


async def test_a_server_that_drops_the_connection_is_reached_again(postgres_url: str) -> None:
    """A restart of PostgreSQL costs nobody a question who asks before or after it."""
    import psycopg

    async with await open_store(postgres_url) as store:
        await store.save(cached("example.com"))
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        await store.save(cached("example.net"))
        assert await store.load(EXAMPLE) == cached("example.com")
        assert await store.count() == 2
