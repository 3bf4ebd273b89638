"""A disk without room: the save fails, what was stored stays, and it works again with room."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.unavailable import Unavailable
from mailseal.names import Domain
from mailseal.store import Store, StoreDiskFullError, open_store
from tests.realservers import give_up_on_lab, require_root
from tests.store.samples import cached

ROOT = Path(__file__).parents[2]
NEVER = 20_000  # saves; many times what fits into two megabytes


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of two megabytes; only root may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    require_root("mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        give_up_on_lab(Unavailable("a small disk cannot be mounted", "let root mount a tmpfs"))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def saved_until_full(store: Store, prefix: str) -> list[str]:
    """Save policies until the disk is full; return the names whose save returned."""
    saved: list[str] = []
    try:
        for n in range(NEVER):
            await store.save(cached(f"{prefix}{n}.example"))
            saved.append(f"{prefix}{n}.example")
    except StoreDiskFullError as error:
        if "no room left" in str(error):
            return saved
        raise
    pytest.fail("the disk never filled up")


async def test_a_full_disk_costs_no_policy_and_heals(small_disk: Path) -> None:
    """The error names the cause, every acknowledged row is intact, and room is all it takes."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 1_000_000)
    url = f"sqlite:///{small_disk / 'mailseal.db'}"
    async with await open_store(url) as store:
        saved = await saved_until_full(store, "first")
        assert saved
        for name in saved:
            assert await store.load(Domain(name)) == cached(name)
        saved += await saved_until_full(store, "again")
        ballast.unlink()
        await store.save(cached("after.example"))
        assert await store.load(Domain("after.example")) == cached("after.example")
    async with await open_store(url) as restarted:
        for name in (*saved, "after.example"):
            assert await restarted.load(Domain(name)) == cached(name)
    connection = sqlite3.connect(small_disk / "mailseal.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


# A limit on the size of files stands for the disk where nobody may mount one.
LIMITED = """
import asyncio, resource, sys
from mailseal.names import Domain
from mailseal.store import StoreDiskFullError, open_store
from tests.realservers import give_up_on_lab, require_root
from tests.store.samples import cached

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main(url):
    saved = []
    async with await open_store(url) as store:
        limit(400_000)
        try:
            while len(saved) < 20_000:
                await store.save(cached(f"d{len(saved)}.example"))
                saved.append(f"d{len(saved)}.example")
        except StoreDiskFullError:
            pass
        assert 0 < len(saved) < 20_000, len(saved)
        for name in saved:
            assert await store.load(Domain(name)) == cached(name), name
        limit(resource.RLIM_INFINITY)
        await store.save(cached("after.example"))
        assert await store.count() == len(saved) + 1
    print(len(saved))

asyncio.run(main(sys.argv[1]))
"""


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    """A quota looks different to SQLite and must end the same."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIMITED, f"sqlite:///{tmp_path / 'mailseal.db'}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
