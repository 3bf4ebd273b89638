"""Evidence that takes long to judge holds nobody up."""

import threading

import pytest

from mailseal.checks.evidence import Evidence
from mailseal.services.judging import judge_aside
from mailseal.testing.evidence import domain_evidence
from tests.checks.test_hostile_dane import hostile_host


@pytest.mark.parametrize(
    ("evidence", "is_aside"),
    [(domain_evidence(), False), (domain_evidence(hostile_host(1)), True)],
    ids=["usual", "hostile"],
)
async def test_only_what_may_take_long_goes_into_a_thread(
    evidence: Evidence, is_aside: bool
) -> None:
    """A thread for each of a million domains would cost more than it saves."""
    here = threading.get_ident()

    thread = await judge_aside(evidence, lambda _: threading.get_ident())

    assert (thread != here) is is_aside
