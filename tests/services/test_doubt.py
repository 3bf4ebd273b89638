"""Results that may say more of this machine than of the domains."""

from dataclasses import replace

import pytest

from mailseal.answers import DnsFailure
from mailseal.checks.evidence import Evidence, Observer
from mailseal.scans.result import Result
from mailseal.services.doubt import MAX_BLOCKED, MAX_SILENT, CannotSeeError, Doubt
from mailseal.services.scanner import Examined
from mailseal.testing.evidence import domain_evidence, failed, records

GOOD = domain_evidence()
LATE = failed(DnsFailure.TIMEOUT, "no answer in time")
SILENT = domain_evidence(own_records=replace(records(), mx=LATE, sts=LATE))
LAME = domain_evidence(own_records=replace(records(), mx=failed(), sts=failed()))


def observed(may_use: bool | None) -> Evidence:
    observer = Observer(program="mailseal/0", name="here.example", may_use_port_25=may_use)
    return replace(GOOD, observer=observer)


def examined(evidence: Evidence | None, number: int = 1) -> Examined:
    return Examined(result=Result(number=number, domain="example.com"), evidence=evidence)


class Control:
    """Answers as told; ``asked`` counts the questions."""

    def __init__(self, *, is_well: bool = False) -> None:
        self.is_well = is_well
        self.asked = 0

    async def can_resolve(self) -> bool:
        self.asked += 1
        return self.is_well

    async def can_use_port_25(self) -> bool:
        self.asked += 1
        return self.is_well


def numbers(some: tuple[Examined, ...]) -> list[int]:
    return [one.result.number for one in some]


async def test_when_no_resolver_answers_nothing_counts_as_done() -> None:
    """A list is not run through while unbound is away."""
    doubt = Doubt(Control())
    for number in range(MAX_SILENT - 1):
        assert await doubt.weigh(examined(SILENT, number)) == ()

    with pytest.raises(CannotSeeError, match="no resolver"):
        await doubt.weigh(examined(SILENT))


async def test_one_answer_sets_free_what_was_held() -> None:
    """A few dead zones in a row are theirs; even SERVFAIL is an answer."""
    doubt = Doubt(Control())
    for number in range(1, 4):
        await doubt.weigh(examined(SILENT, number))

    assert numbers(await doubt.weigh(examined(LAME, 4))) == [1, 2, 3, 4]
    assert doubt.release() == ()


async def test_behind_a_firewall_nothing_counts_as_done() -> None:
    """Nor does the verdict on thirty domains of which no server could be asked."""
    doubt = Doubt(Control())
    for number in range(MAX_BLOCKED - 1):
        assert await doubt.weigh(examined(observed(False), number)) == ()
    assert numbers(await doubt.weigh(examined(observed(None), 77))) == [77]  # has no mail server

    with pytest.raises(CannotSeeError, match="port 25"):
        await doubt.weigh(examined(observed(False)))


async def test_one_connection_sets_free_what_was_held() -> None:
    """Three dead providers looked like a firewall."""
    doubt = Doubt(Control())
    await doubt.weigh(examined(observed(False), 1))

    assert numbers(await doubt.weigh(examined(observed(True), 2))) == [1, 2]


async def test_what_is_held_at_the_end_is_kept() -> None:
    """A list of five dead domains has five results."""
    doubt = Doubt(Control())
    await doubt.weigh(examined(observed(False), 1))
    await doubt.weigh(examined(SILENT, 2))
    assert numbers(await doubt.weigh(examined(None, 3))) == [3]  # opted out: says nothing

    assert numbers(doubt.release()) == [2, 1]


@pytest.mark.parametrize(
    ("evidence", "limit"), [(SILENT, MAX_SILENT), (observed(False), MAX_BLOCKED)]
)
async def test_dead_domains_in_a_row_are_kept_where_a_control_question_is_answered(
    evidence: Evidence, limit: int
) -> None:
    """However many there are: a list may be of nothing but defunct ones."""
    control = Control(is_well=True)
    doubt, kept = Doubt(control), list[int]()

    for number in range(5 * limit + 3):
        kept += numbers(await doubt.weigh(examined(evidence, number)))
    kept += numbers(doubt.release())

    assert kept == list(range(5 * limit + 3))
    assert control.asked == 5
