"""What can go wrong with the store, by what an operator can do about it."""

from mailseal.ports.storeerrors import StoreAwayError, StoreError, StoreFullError

__all__ = [
    "StoreBusyError",
    "StoreConflictError",
    "StoreCorruptError",
    "StoreDiskFullError",
    "StoreError",
    "StoreFullError",
    "StoreSchemaError",
    "StoreUnavailableError",
]


class StoreUnavailableError(StoreAwayError):
    """The database cannot be reached, opened or written: network, login, permissions, closed."""


class StoreBusyError(StoreAwayError):
    """Others hold the database, or too many questions wait: trying again later may work."""


class StoreConflictError(StoreError):
    """Two nodes wrote the same rows in another order; each of the writes may well succeed alone."""


class StoreDiskFullError(StoreAwayError):
    """There is no room left where the database is."""


class StoreCorruptError(StoreAwayError):
    """The database's file is damaged, or is something else."""


class StoreSchemaError(StoreError):
    """The database was made by a newer mailseal, or by another program."""
