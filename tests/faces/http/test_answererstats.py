"""The answerer's numbers over the link: asked for rarely, and never waited for long."""

import asyncio

import pytest

from mailseal.faces.http import answererstats
from mailseal.faces.http.answererstats import AnswererStats
from mailseal.wire import link


class Answerer:
    """Counts what it is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked = 0

    def send(self, message: link.Message) -> None:
        assert message == link.StatsRequest()
        self.asked += 1


async def test_many_who_ask_at_once_cost_one_question() -> None:
    """And so do those who ask within the second after it."""
    answerer = Answerer()
    stats = AnswererStats(answerer.send)
    asking = [asyncio.ensure_future(stats.get()) for _ in range(5)]
    await asyncio.sleep(0)
    stats.take(link.Stats(counters=b'{"hits": 3}'))

    assert await asyncio.gather(*asking) == [{"hits": 3}] * 5
    assert await stats.get() == {"hits": 3}
    assert answerer.asked == 1


async def test_an_answerer_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape gets the rest in time, and the next one asks anew."""
    monkeypatch.setattr(answererstats, "WAIT_SECONDS", 0.001)
    answerer = Answerer()
    stats = AnswererStats(answerer.send)

    assert await stats.get() is None
    assert await stats.get() is None
    assert answerer.asked == 2


async def test_numbers_that_come_late_serve_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are young by then, whoever asked for them."""
    monkeypatch.setattr(answererstats, "WAIT_SECONDS", 0.001)
    stats = AnswererStats(Answerer().send)
    assert await stats.get() is None

    stats.take(link.Stats(counters=b'{"hits": 4}'))

    assert await stats.get() == {"hits": 4}
