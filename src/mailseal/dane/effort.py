"""How many signatures the judgement of one domain is worth: they are dear, and anybody's."""

MAX_SIGNATURES = 500  # ours; a third of a second of the dearest, and no domain we know needs 100


class Effort:
    """Counts signatures that are checked, so that all chains of a domain share one bound."""

    def __init__(self, signatures: int = MAX_SIGNATURES) -> None:
        self._limit = signatures
        self.spent = 0

    @property
    def is_spent(self) -> bool:
        """Tell whether nothing is left."""
        return self.spent >= self._limit

    def spend(self, signatures: int) -> bool:
        """Take that much for a piece of work; False where it is not to be had."""
        if self.spent + signatures > self._limit:
            return False
        self.spent += signatures
        return True
