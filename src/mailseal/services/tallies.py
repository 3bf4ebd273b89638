"""Plain integers that count what happens; whoever exports them reads them when asked.

Counting is one dictionary store or one list store, with no lock and no object made per event.
"""

from collections.abc import Iterator


class Tally:
    """Counts events by a tuple of words, one for each label.

    The words come from closed sets or from the configuration, never from strangers; even so
    only ``max_keys`` different tuples are kept, and further ones count as ``other``.
    """

    __slots__ = ("_counts", "_max_keys")

    def __init__(self, max_keys: int = 4096) -> None:
        self._counts: dict[tuple[str, ...], int] = {}
        self._max_keys = max_keys

    def add(self, *words: str) -> None:
        """Count an event under these words."""
        counts = self._counts
        if words not in counts and len(counts) >= self._max_keys:
            words = ("other",) * len(words)
        counts[words] = counts.get(words, 0) + 1

    def __getitem__(self, words: tuple[str, ...]) -> int:
        return self._counts.get(words, 0)

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], int]]:
        return iter(sorted(self._counts.items()))

    @property
    def total(self) -> int:
        """The sum over all words."""
        return sum(self._counts.values())


class Durations:
    """A histogram of durations by powers of two: 1 ms, 2 ms, 4 ms and so on.

    The bucket is the number of bits of the whole milliseconds, so that nothing is compared.
    ``buckets[k]`` counts durations below ``2**k`` ms that are in no bucket before; what is
    longer than all of them is in the last one.
    """

    __slots__ = ("buckets", "total_ms")

    COUNT = 18  # 1 ms to 65.5 s, and beyond: longer than any deadline of ours

    def __init__(self) -> None:
        self.buckets = [0] * self.COUNT
        self.total_ms = 0

    def add(self, seconds: float) -> None:
        """Count one duration; one below zero, by a clock of strangers, counts as none."""
        milliseconds = max(0, int(seconds * 1000))
        self.total_ms += milliseconds
        self.buckets[min(milliseconds.bit_length(), self.COUNT - 1)] += 1
