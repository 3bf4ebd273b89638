"""A driver's errors in our own words: what happened, and what to do (STYLE §7).

SQLAlchemy's and the drivers' exceptions end here.  Nothing of a statement's values or of the
URL's password is in a message.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mailseal.store.errors import (
    StoreBusyError,
    StoreConflictError,
    StoreCorruptError,
    StoreDiskFullError,
    StoreError,
    StoreUnavailableError,
)

MAX_DRIVER_WORDS = 200  # of a driver's message: its first line, cut


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn what SQLAlchemy raises inside into a ``StoreError`` that names ``place``."""
    try:
        yield
    except DBAPIError as error:
        raise translate(error.orig, place) from error
    except SQLAlchemyError as error:
        # Its own errors: above all a connection that broke earlier in the transaction.
        raise StoreUnavailableError(f"{place} failed: {type(error).__name__}") from error
    except (UnicodeError, OverflowError) as error:
        # From the driver, before it asks: half a surrogate pair, a number of over 64 bits.
        raise StoreError(f"{place} cannot hold a value: {type(error).__name__}") from error
    except OSError as error:
        raise StoreUnavailableError(f"{place} cannot be opened: {error.strerror}") from error


def translate(error: BaseException | None, place: str) -> StoreError:
    """Say in our words what a driver said."""
    if isinstance(error, sqlite3.Error):
        return _translate_sqlite(error, place)
    return _translate_postgres(error, place)


def _translate_sqlite(error: sqlite3.Error, place: str) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)
    said = _words(error)
    match None if code is None else code & 0xFF:  # the rest are details, sqlite.org/rescode.html
        case sqlite3.SQLITE_FULL:
            return StoreDiskFullError(
                f"no room left for {place}; nothing new is kept until there is, and what was "
                "stored still is"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusyError(f"{place} is locked by another process; try again")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorruptError(
                f"{place} is damaged or not a database ({said}); stop mailseal, move the file "
                "and its -wal and -shm away, and start again: policies are fetched anew"
            )
        case sqlite3.SQLITE_IOERR:
            # A quota and RLIMIT_FSIZE look like this, a dying disk too.
            return StoreDiskFullError(
                f"{place} cannot be written ({said}); look for a full disk, a quota or a failing "
                "disk"
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return StoreUnavailableError(
                f"{place} cannot be opened for writing ({said}); check owner and permissions of "
                "the file and its folder"
            )
        case _:
            return StoreError(f"{place} failed: {said}")


def _translate_postgres(error: BaseException | None, place: str) -> StoreError:
    state = getattr(error, "sqlstate", None)
    if state is None:
        return StoreUnavailableError(
            f"{place} cannot be reached or closed the connection ({_words(error)}); check that "
            "the server runs and that address, user and password are right"
        )
    # The server's own first sentence; never its details, which quote values.
    diagnosis = getattr(error, "diag", None)
    said = str(getattr(diagnosis, "message_primary", None) or state)[:MAX_DRIVER_WORDS]
    match state:
        case "53100":
            return StoreDiskFullError(f"no room left on the server of {place} ({said})")
        case "40001" | "40P01":
            return StoreConflictError(f"{place} had other writers ({said}); try again")
        case _ if state in ("55P03", "57014") or state[:2] == "53":
            return StoreBusyError(f"{place} is busy ({said}); try again")
        case "XX001" | "XX002":
            return StoreCorruptError(f"{place} is damaged ({said}); see the server's log")
        case "25006":
            return StoreUnavailableError(f"{place} is read-only ({said}); name the primary server")
        case _ if state[:2] in ("08", "28", "3D", "42", "57", "58"):
            return StoreUnavailableError(f"{place} refused ({said})")
        case _:
            return StoreError(f"{place} failed: {said}")


def _words(error: BaseException | None) -> str:
    if error is None:
        return "no reason given"
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:MAX_DRIVER_WORDS]
