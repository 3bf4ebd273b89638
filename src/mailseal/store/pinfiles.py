"""The list of pinned policies in files: the operator's own, and the last good one that we keep.

They are files rather than rows, since each node has a list of its own from its own source, and
its signature is checked again whenever it is read.
"""

import asyncio
import hashlib
import json
import os
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailseal.mtasts.pins import MAX_LIST_BYTES, MAX_PINS
from mailseal.names import Domain, NameSyntaxError
from mailseal.ports.pins import PinsUnavailable
from mailseal.ports.storeerrors import StoreError

MAX_REPLACED_BYTES = MAX_PINS * 300  # a name of 253 bytes and an instant for every pin


class FilePinSource:
    """Reads the list from a local file (the ``ports.PinSource`` protocol)."""

    is_local = True

    def __init__(self, path: Path) -> None:
        """Take the path; the file need not be there yet."""
        self._path = path
        self.name = str(path)

    async def read(self, *, timeout: timedelta) -> bytes | PinsUnavailable:
        """Return the file."""
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await asyncio.to_thread(_read, self._path, MAX_LIST_BYTES)
        except TimeoutError:
            return PinsUnavailable(reason="timeout")
        except OSError as error:
            return PinsUnavailable(reason=error.strerror or type(error).__name__)


class PinFiles:
    """Keeps the last good list below the state folder (the ``ports.PinShelf`` protocol).

    ``source`` names where the list came from: that of another source is another list.
    """

    def __init__(self, folder: Path, source: str) -> None:
        """Take the folder, which must be there."""
        digest = hashlib.sha256(source.encode()).hexdigest()[:16]
        self._folder = folder
        self._list = folder / f"pins-{digest}.json"
        self._replaced = folder / f"pins-{digest}.replaced.json"

    async def load(self) -> bytes | None:
        """Return the list as it was signed."""
        try:
            return await asyncio.to_thread(_read, self._list, MAX_LIST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _store_error(error) from error

    async def save(self, envelope: bytes) -> None:
        """Keep a list in place of the last one, and of those from other sources."""
        try:
            await asyncio.to_thread(self._save, envelope)
        except OSError as error:
            raise _store_error(error) from error

    async def load_replaced(self) -> dict[Domain, datetime]:
        """Return the domains whose own policy has replaced their pin, and since when."""
        try:
            raw = await asyncio.to_thread(_read, self._replaced, MAX_REPLACED_BYTES)
            document = json.loads(raw)
            return {
                Domain.parse(name): datetime.fromtimestamp(seconds, UTC)
                for name, seconds in document.items()
            }
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _store_error(error) from error
        except (ValueError, AttributeError, TypeError, OverflowError, NameSyntaxError) as error:
            raise StoreError(f"{self._replaced} is damaged: {error}") from error

    async def save_replaced(self, replaced: dict[Domain, datetime]) -> None:
        """Keep these in place of the ones before."""
        document = {str(domain): at.timestamp() for domain, at in replaced.items()}
        try:
            await asyncio.to_thread(_write, self._replaced, json.dumps(document).encode())
        except OSError as error:
            raise _store_error(error) from error

    def _save(self, envelope: bytes) -> None:
        _write(self._list, envelope)
        for other in self._folder.glob("pins-*.json"):
            if other not in {self._list, self._replaced}:
                other.unlink(missing_ok=True)


def _read(path: Path, limit: int) -> bytes:
    """Read a regular file; one byte over the limit, so that the reader sees that it is too long."""
    # A FIFO would keep the thread waiting for a writer.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        return file.read(limit + 1)


def _write(path: Path, content: bytes) -> None:
    """Put a whole file in place that survives a power failure, or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _store_error(error: OSError) -> StoreError:
    return StoreError(f"{error.filename or 'file'}: {error.strerror or error}")
