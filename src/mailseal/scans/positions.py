"""Which entries of a list are done: a low-water mark, and the few above it.

Entries end in another order than they began in, but never far from it, so that a number and a
small set say it all, however long the list is.
"""


class Positions:
    """Numbers from 1 on, each added once; ``low`` and all below it are done."""

    def __init__(self) -> None:
        self.low = 0
        self._above: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number <= self.low or number in self._above

    def __len__(self) -> int:
        return self.low + len(self._above)

    @property
    def spread(self) -> int:
        """Return how many are remembered one by one."""
        return len(self._above)

    def add(self, number: int) -> bool:
        """Count a number as done; False if it already was."""
        if number in self:
            return False
        self._above.add(number)
        while self.low + 1 in self._above:
            self.low += 1
            self._above.remove(self.low)
        return True
