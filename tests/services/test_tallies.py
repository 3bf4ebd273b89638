"""The integers that count: exact, bounded, and cheap to read."""

import pytest

from mailseal.services.tallies import Durations, Tally


def test_a_tally_counts_by_words() -> None:
    """Each tuple of words has its own count, and what was never seen has none."""
    tally = Tally()
    tally.add("A", "found")
    tally.add("A", "found")
    tally.add("MX", "timeout")

    assert list(tally) == [(("A", "found"), 2), (("MX", "timeout"), 1)]
    assert tally["TLSA", "found"] == 0
    assert tally.total == 3


def test_a_tally_is_bounded() -> None:
    """Words that should not be so many are counted together, so that memory stays bounded."""
    tally = Tally(max_keys=2)
    for number in range(10):
        tally.add(f"zone{number}")

    assert list(tally) == [(("other",), 8), (("zone0",), 1), (("zone1",), 1)]


@pytest.mark.parametrize(("seconds", "bucket"), [
    (-0.5, 0),                       # a clock that was set back
    (0.0, 0),
    (0.000_9, 0),                    # under a millisecond
    (0.001, 1),
    (0.001_9, 1),                    # under two
    (0.002, 2),
    (1.0, 10),                       # under 1.024 s
    (65.4, 16),
    (70.0, Durations.COUNT - 1),     # longer than any deadline
    (1e9, Durations.COUNT - 1),
])  # fmt: skip
def test_a_duration_falls_into_the_bucket_of_its_power_of_two(seconds: float, bucket: int) -> None:
    """Bucket k is for what is below 2**k ms and in no bucket before."""
    durations = Durations()
    durations.add(seconds)

    assert durations.buckets.index(1) == bucket
    assert sum(durations.buckets) == 1
    assert durations.total_ms == max(0, int(seconds * 1000))
