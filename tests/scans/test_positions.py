"""What is done is remembered by a number and a few above it."""

from hypothesis import given
from hypothesis import strategies as st

from mailseal.scans.positions import Positions


def test_the_low_water_mark_rises_over_what_was_done_before_it() -> None:
    """When the slowest ends, everything behind it that waited for it is forgotten."""
    done = Positions()
    assert [done.add(number) for number in (2, 3, 5)] == [True, True, True]
    assert (done.low, done.spread) == (0, 3)

    done.add(1)

    assert (done.low, done.spread) == (3, 1)
    assert 2 in done
    assert 4 not in done
    assert not done.add(3)


@given(st.permutations(range(1, 60)))
def test_any_order_ends_with_nothing_remembered_one_by_one(numbers: list[int]) -> None:
    """Positions equal a set at every step, and cost nothing at the end."""
    done, known = Positions(), set[int]()
    for number in numbers:
        assert done.add(number)
        known.add(number)
        assert len(done) == len(known)
        assert all((one in done) == (one in known) for one in range(1, 61))
    assert done.spread == 0
