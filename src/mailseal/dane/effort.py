"""How many signatures the judgement of one domain is worth: they are dear, and anybody's."""

MAX_SIGNATURES = 1000  # ours; half a second of the dearest, and no domain known to us needs 100


class Effort:
    """Counts signatures that are checked, so that all chains of a domain share one bound."""

    def __init__(self, signatures: int = MAX_SIGNATURES) -> None:
        self._limit = signatures
        self.spent = 0

    def spend(self, signatures: int) -> bool:
        """Take that much for a piece of work; False where it is not to be had."""
        if self.spent + signatures > self._limit:
            return False
        self.spent += signatures
        return True
