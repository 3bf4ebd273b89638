"""The short run of "make chaos": every misfortune once, under load."""

import pytest

from lab import chaos
from lab.internet import Lab
from lab.unavailable import Unavailable
from tests.realservers import give_up_on_lab

pytestmark = pytest.mark.lab


def test_known_domains_are_answered_rightly_whatever_happens(lab: Lab) -> None:
    """No wrong answer, none given up, no policy lost, memory below its bound."""
    try:
        figures = chaos.run(lab, chaos.SHORT)
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)

    faults = {one.name: one.failed + one.wrong for one in figures if one.failed or one.wrong}
    assert faults == {}
    assert all(one.is_good for one in figures), chaos.render(figures)
    assert all(one.asked > 0 for one in figures)
