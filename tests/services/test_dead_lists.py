"""Lists with many dead domains come to their end, and be it at the second run."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailseal.answers import DnsFailure
from mailseal.faces.scan.output import ResultFile
from mailseal.faces.scan.sink import FileSink
from mailseal.names import Domain
from mailseal.scans.listing import Item
from mailseal.scans.result import Result
from mailseal.services.doubt import CannotSeeError
from mailseal.services.scanner import Examined, ScanLimits, Scanner
from mailseal.testing.evidence import domain_evidence, failed, records

COUNT, DEAD = 4000, 600

GOOD = domain_evidence()
LATE = failed(DnsFailure.TIMEOUT, "no answer in time")
SILENT = domain_evidence(own_records=replace(records(), mx=LATE, sts=LATE))


class Control:
    """A resolver that is there or not."""

    def __init__(self, *, can_resolve: bool) -> None:
        self._can_resolve = can_resolve

    async def can_resolve(self) -> bool:
        await asyncio.sleep(0)
        return self._can_resolve

    async def can_use_port_25(self) -> bool:
        return True


def items() -> Iterator[Item]:
    for number in range(1, COUNT + 1):
        name = f"d{number}.example"
        yield Item(number=number, text=name, domain=Domain(name))


class Internet:
    """Three domains of twenty are dead, and take longer than all the others."""

    def __init__(self, alive: int) -> None:
        self._alive = alive
        self._is_rest_dead = asyncio.Event()
        if not alive:
            self._is_rest_dead.set()

    async def examine(self, number: int, domain: Domain) -> Examined:
        """Look at a domain."""
        is_dead = number % 20 < 20 * DEAD // COUNT
        if is_dead:
            await self._is_rest_dead.wait()
        self._alive -= not is_dead
        if not self._alive:
            self._is_rest_dead.set()
        result = Result(number=number, domain=str(domain))
        return Examined(result=result, evidence=SILENT if is_dead else GOOD)


async def scan(path: Path, *, alive: int, can_resolve: bool = True) -> None:
    """Run a scan of the list into a file, as the command does."""
    with ResultFile(path) as results:
        sink = FileSink(results, None, Control(can_resolve=can_resolve))
        # So many at a time that all that are dead come in last.
        limits = ScanLimits(at_once=DEAD + 100)
        await Scanner(
            examine=Internet(alive).examine, sink=sink, done=results.done, limits=limits
        ).run(items())
        sink.release()


async def test_a_list_with_dead_domains_is_finished(tmp_path: Path) -> None:
    """Fifteen in a hundred, all of them at the end: each has its line."""
    path = tmp_path / "results.jsonl"

    await scan(path, alive=COUNT - DEAD)

    assert len(path.read_text().splitlines()) == COUNT


async def test_what_ended_without_a_resolver_is_gone_on_with(tmp_path: Path) -> None:
    """The second run meets nothing but dead domains, and comes to the end all the same."""
    path = tmp_path / "results.jsonl"
    with pytest.raises(CannotSeeError):
        await scan(path, alive=COUNT - DEAD, can_resolve=False)
    written = len(path.read_text().splitlines())
    assert written == COUNT - DEAD

    await scan(path, alive=0)

    with ResultFile(path) as results:
        assert results.done.low == COUNT
    assert len(path.read_text().splitlines()) == COUNT
