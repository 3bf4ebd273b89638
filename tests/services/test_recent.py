"""A bounded memory of what was found out lately."""

from datetime import timedelta

import pytest

from mailseal.services.recent import Recent
from mailseal.testing import ManualClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def recent(clock: ManualClock) -> Recent[str, int]:
    """Return a memory for two."""
    return Recent(clock.monotonic, max_entries=2)


def test_each_value_has_its_own_time(recent: Recent[str, int], clock: ManualClock) -> None:
    """At its end a value is gone, and takes no room."""
    recent.keep("short", 1, MINUTE)
    recent.keep("long", 2, 2 * MINUTE)
    clock.advance(MINUTE)

    assert (recent.get("short"), recent.get("long")) == (None, 2)
    assert len(recent) == 1


def test_the_one_used_least_recently_goes_first(recent: Recent[str, int]) -> None:
    """To be asked for is to be used."""
    recent.keep("a", 1, MINUTE)
    recent.keep("b", 2, MINUTE)
    recent.get("a")
    recent.keep("c", 3, MINUTE)

    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_a_newer_value_takes_the_place_and_its_own_time(
    recent: Recent[str, int], clock: ManualClock
) -> None:
    """What was learnt anew counts from now."""
    recent.keep("a", 1, MINUTE)
    clock.advance(MINUTE / 2)
    recent.keep("a", 2, MINUTE)
    clock.advance(MINUTE / 2)

    assert recent.get("a") == 2
    assert len(recent) == 1


def test_no_time_is_no_memory(recent: Recent[str, int]) -> None:
    """A TTL of zero says that nobody else may have the answer (RFC 1035 §3.2.1)."""
    recent.keep("a", 1, timedelta(0))

    assert len(recent) == 0
