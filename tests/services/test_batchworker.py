"""Batches that are lost and found again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure
from mailseal.checks.evidence import Failure, Trouble
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from mailseal.scans.fleet import ScanBatch, ScanOrder
from mailseal.scans.optouts import OptOuts
from mailseal.scans.result import Result
from mailseal.services.batchworker import BatchWorker
from mailseal.services.doubt import MAX_SILENT, CannotSeeError
from mailseal.services.scanner import Examined, Examiner
from mailseal.testing.evidence import domain_evidence, failed, host, records, session

BATCH = ScanBatch(scan=7, domains=tuple((n, f"d{n}.example") for n in range(1, 6)))


class Board:
    """Results in memory."""

    def __init__(self) -> None:
        self.results: dict[int, Result] = {}
        self.saves = 0
        self.is_away = False

    async def load_order(self, scan: int) -> ScanOrder:
        return ScanOrder(title="list", level="dns", is_complete=False)

    async def load_done(self, scan: int, numbers: Sequence[int]) -> frozenset[int]:
        return frozenset(self.results) & frozenset(numbers)

    async def save(self, scan: int, results: Sequence[Result]) -> None:
        if self.is_away:
            raise StoreError("the database is away")
        self.saves += 1
        for one in results:
            self.results.setdefault(one.number, one)


class Control:
    """Nothing is in doubt here."""

    async def can_resolve(self) -> bool:
        return True

    async def can_use_port_25(self) -> bool:
        return True


class Internet:
    """Looks at domains, and keeps some waiting for ever."""

    def __init__(self, *stuck: int) -> None:
        self.asked: list[int] = []
        self.stuck = stuck
        self.all_asked = asyncio.Event()

    def examiner_for(self, order: ScanOrder) -> Examiner:
        assert order.level == "dns"
        return self

    async def __call__(self, number: int, domain: Domain) -> Examined:
        self.asked.append(number)
        if number == 5:
            self.all_asked.set()
        if number in self.stuck:
            await asyncio.Event().wait()
        return Examined(result=Result(number=number, domain=str(domain)), evidence=None)


async def test_what_has_a_result_is_not_looked_at_again() -> None:
    """A batch given out twice costs only what was not done the first time."""
    board, internet = Board(), Internet()
    board.results = {n: Result(number=n, domain="old.example") for n in (1, 4)}

    await BatchWorker(board=board, examiner_for=internet.examiner_for, control=Control()).do(BATCH)

    assert sorted(internet.asked) == [2, 3, 5]
    assert sorted(board.results) == [1, 2, 3, 4, 5]
    assert board.results[4].domain == "old.example"
    assert board.saves == 1


async def test_a_worker_that_is_told_to_end_keeps_what_it_knows() -> None:
    """The rest is for whoever gets the batch next."""
    board, internet = Board(), Internet(3)
    work = asyncio.create_task(
        BatchWorker(board=board, examiner_for=internet.examiner_for, control=Control()).do(BATCH)
    )
    await internet.all_asked.wait()
    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert sorted(board.results) == [1, 2, 4, 5]


async def test_a_batch_whose_results_cannot_be_kept_ends_in_an_error() -> None:
    """So that it is given out again once the database is back."""
    board, internet = Board(), Internet()
    board.is_away = True

    with pytest.raises(StoreError):
        await BatchWorker(board=board, examiner_for=internet.examiner_for, control=Control()).do(
            BATCH
        )


async def test_a_domain_whose_server_is_given_a_rest_is_looked_at_again() -> None:
    """Its turn comes once the others have had theirs; its batch waits for it."""
    board, slept, looks = Board(), list[float](), list[int]()

    async def examine(number: int, domain: Domain) -> Examined:
        looks.append(number)
        again_in = timedelta(minutes=2) if looks.count(number) == 1 and number == 3 else None
        failure = Failure(trouble=Trouble.SKIPPED, reason="a rest", again_in=again_in)
        evidence = domain_evidence(host(sessions=(replace(session(), failure=failure),)))
        return Examined(result=Result(number=number, domain=str(domain)), evidence=evidence)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    await BatchWorker(
        board=board, examiner_for=lambda _: examine, control=Control(), sleep=sleep
    ).do(BATCH)

    assert sorted(looks) == [1, 2, 3, 3, 4, 5]
    assert slept == [120.0]
    assert sorted(board.results) == [1, 2, 3, 4, 5]


async def test_where_nothing_can_be_seen_the_whole_batch_is_called_off() -> None:
    """Nothing of it goes on beside the next try."""
    board, running = Board(), set[int]()

    class Blind(Control):
        async def can_resolve(self) -> bool:
            return False

    async def examine(number: int, domain: Domain) -> Examined:
        if number > MAX_SILENT:
            running.add(number)
            try:
                await asyncio.Event().wait()
            finally:
                running.discard(number)
        late = failed(DnsFailure.TIMEOUT, "no answer in time")
        evidence = domain_evidence(own_records=replace(records(), mx=late, sts=late))
        return Examined(result=Result(number=number, domain=str(domain)), evidence=evidence)

    worker = BatchWorker(board=board, examiner_for=lambda _: examine, control=Blind())
    domains = tuple((n, f"d{n}.example") for n in range(1, MAX_SILENT + 3))

    with pytest.raises(CannotSeeError):
        await worker.do(ScanBatch(scan=7, domains=domains))
    assert (running, board.results) == (set(), {})


async def test_who_has_opted_out_is_left_alone_by_every_worker() -> None:
    """The list is the worker's own: it has the address that asks."""
    board, internet = Board(), Internet()
    worker = BatchWorker(
        board=board,
        examiner_for=internet.examiner_for,
        control=Control(),
        opt_outs=OptOuts(frozenset({"d2.example"})),
    )

    await worker.do(BATCH)

    assert 2 not in internet.asked
    assert board.results[2].fault == "opted out"
