"""A scan that several processes share through PostgreSQL, with workers killed at random."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lab.postgres import throwaway_postgres
from lab.unavailable import Unavailable
from tests.journeys.scriptednames import ScriptedNames, scripted_names
from tests.journeys.serving import GUARD_SECONDS, MAILSEAL, until
from tests.realservers import give_up_on_lab

pytestmark = pytest.mark.lab

DOMAINS = 1200
KILLS = 5
QUIET_SECONDS = 5.0  # a lost batch is given out again within two


class Fleet:
    """A database, a resolver and workers."""

    def __init__(self, folder: Path, url: str, names: ScriptedNames) -> None:
        self.folder = folder
        self.names = names
        self.log = folder / "log"
        self.config = folder / "mailseal.toml"
        self.config.write_text(
            f'state_dir = "{folder}/state"\n[store]\nurl = "{url}"\n'
            f'[dns]\nresolvers = ["127.0.0.1:{names.port}"]\n'
            '[check]\ncontact = "postmaster@scan.example"\n'
        )

    def run(self, *words: str | Path) -> str:
        line = [str(word) for word in (MAILSEAL, *words, "--config", self.config)]
        done = subprocess.run(line, capture_output=True, timeout=GUARD_SECONDS, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def start_worker(self) -> "subprocess.Popen[bytes]":
        line = [str(word) for word in (MAILSEAL, "worker", "--lost-after", "2")]
        with self.log.open("ab") as log:
            return subprocess.Popen([*line, "--config", str(self.config)], stdout=log, stderr=log)

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run("scan", "status", "1", "--format", "json"))
        return document


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Give a database of its own, and a resolver that knows every domain."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(throwaway_postgres())
        except Unavailable as unavailable:
            give_up_on_lab(unavailable)
        yield Fleet(tmp_path, url, stack.enter_context(scripted_names()))


def test_workers_killed_at_random_lose_nothing(fleet: Fleet) -> None:
    """Two workers, one of them killed again and again; each domain has one result in the end."""
    chance = random.Random(7)
    listed = fleet.folder / "domains.txt"
    names = [f"d{number}.example" for number in range(DOMAINS)]
    listed.write_text("\n".join([*names, "no name", *names[:50]]) + "\n")

    assert f"{DOMAINS + 1:,} entries" in fleet.run(
        "scan", "submit", listed, "--level", "dns", "--batch", "50"
    )
    asked = sum(fleet.names.asked.values())
    workers = [fleet.start_worker(), fleet.start_worker()]
    try:
        for _ in range(KILLS):
            asked += chance.randrange(50, 900)
            wait_until_asked(fleet, asked)
            place = chance.randrange(2)
            workers[place].kill()
            assert workers[place].wait(GUARD_SECONDS) == -signal.SIGKILL, fleet.log.read_text()
            workers[place] = fleet.start_worker()
        until(lambda: fleet.status()["done"] == DOMAINS + 1, "the scan does not end")
        for worker in workers:
            worker.terminate()
        assert [worker.wait(GUARD_SECONDS) for worker in workers] == [0, 0], fleet.log.read_text()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    lines = [json.loads(line) for line in fleet.run("scan", "export", "1").splitlines()]
    assert [line["number"] for line in lines] == list(range(1, DOMAINS + 2))
    assert [line["domain"] for line in lines] == [*names, "no name"]
    assert "complete" in fleet.run("scan", "status")
    assert "Traceback" not in fleet.log.read_text()


def wait_until_asked(fleet: Fleet, count: int) -> None:
    """Return when the resolver was asked so often, or when nobody asks any more."""
    quiet_at = [time.monotonic(), 0.0]

    def is_over() -> bool:
        asked = float(sum(fleet.names.asked.values()))
        if asked > quiet_at[1]:
            quiet_at[:] = time.monotonic(), asked
        return asked >= count or time.monotonic() - quiet_at[0] > QUIET_SECONDS

    until(is_over)


def test_without_a_scan_a_worker_that_works_once_ends(fleet: Fleet) -> None:
    """And a scan that is not there is told as that."""
    assert fleet.run("worker", "--once") == ""
    line = [str(MAILSEAL), "scan", "export", "9", "--config", str(fleet.config)]
    done = subprocess.run(line, capture_output=True, timeout=GUARD_SECONDS, check=False)

    assert done.returncode == 1
    assert b"there is no scan 9" in done.stderr
