"""How long the resolver may take, where the asker has waited for it to start."""

from datetime import timedelta

import pytest

from mailseal.faces.policyd.desk import time_left
from mailseal.wire import link

LONGEST = timedelta(seconds=10)


@pytest.mark.parametrize(("now", "seconds"), [
    (100.0, 10.0),  # the usual case: the answerer's own deadline lies behind the zone's
    (106.0, 4.7),   # the resolver was only started; the answer takes its time on the way
    (114.0, 0.1),   # too late for that asker; the next one profits
])  # fmt: skip
def test_an_answer_is_made_while_it_is_of_use(now: float, seconds: float) -> None:
    """Never longer than the zone allows, and never without a look into the store."""
    ask = link.Ask(zone="postfix", next_hop="example.com", until_ms=111_000)
    assert time_left(LONGEST, ask, now) == timedelta(seconds=seconds)


def test_a_question_behind_an_answer_has_all_the_time() -> None:
    """Nobody waits for it."""
    ask = link.Ask(zone="postfix", next_hop="example.com", is_revalidation=True)
    assert time_left(LONGEST, ask, 100.0) == LONGEST
