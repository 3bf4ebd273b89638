"""What every store raises: policies, history and pins alike."""

import mailseal


class StoreError(mailseal.Error):
    """The store could not do what was asked; what it held before, it still holds."""


class StoreAwayError(StoreError):
    """The store takes nothing for now: not there, busy, damaged, or without room on its disk.

    Any other error is one of what was asked alone.
    """


class StoreFullError(StoreError):
    """The store has all the policies it may hold; those it has can still be replaced."""
