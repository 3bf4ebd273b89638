"""The one way in which the lab says that it cannot run here."""


class Unavailable(Exception):  # noqa: N818 - it states a fact, not a fault
    """A part of the lab cannot run on this machine.

    ``reason`` says what is missing, ``remedy`` is the one line that would
    help, so that a skipped test can name both.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy
