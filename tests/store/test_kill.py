"""``kill -9`` at any moment: whatever was acknowledged is there, and the database is sound."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mailseal.names import Domain
from mailseal.store import open_store
from tests.store.samples import cached

ROUNDS = 6  # each with another moment of death
ROOT = Path(__file__).parents[2]

# Saves without end, several at a time, and says each name after its save has returned.
WRITER = """
import asyncio, os, sys
from mailseal.store import open_store
from tests.store.samples import cached

async def save(store, name):
    await store.save(cached(name))
    os.write(1, (name + "\\n").encode())

async def main(url, prefix):
    store = await open_store(url)
    for group in range(10_000):
        await asyncio.gather(*(save(store, f"{prefix}-{group}-{n}.example") for n in range(5)))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def acknowledged_before_death(url: str, round_: int, lines: int) -> list[str]:
    """Start a writer, kill it after so many acknowledgements, return all that it made."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, f"r{round_}"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )
    assert writer.stdout is not None
    with writer.stdout:
        read = [writer.stdout.readline() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        read += writer.stdout.readlines()
    assert writer.wait() == -signal.SIGKILL
    return [line.decode().strip() for line in read if line.endswith(b"\n")]


@pytest.mark.parametrize("seed", range(2))
def test_every_acknowledged_save_survives_a_killed_writer(url: str, seed: int) -> None:
    """A policy that was answered from is in force after the crash too (RFC 8461 §3.3)."""
    moments = random.Random(seed)
    promised: list[str] = []
    for round_ in range(ROUNDS // 2):
        promised += acknowledged_before_death(url, round_, moments.randrange(1, 120))

    async def check() -> None:
        async with await open_store(url) as store:
            for name in promised:
                assert await store.load(Domain(name)) == cached(name)
            assert store.corrupt_rows == 0

    asyncio.run(check())
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def test_two_processes_that_start_at_once_make_one_schema(new_url: str) -> None:
    """Several nodes may come up together on an empty database; each then writes to it."""
    once = WRITER.replace("range(10_000)", "range(2)")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", once, new_url, f"p{n}"],
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        )
        for n in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]

    async def count() -> int:
        async with await open_store(new_url) as store:
            return await store.count()

    assert asyncio.run(count()) == 30
