"""The file of results: read back at the start, appended to, and never torn for long.

A line is written whole or, when the program is killed in the middle of it, cut off by the next
run; the domain of that line is then looked at again. So every domain stands there exactly once.
"""

import fcntl
import os
import stat
from collections import deque
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import mailseal
from mailseal.checks.evidence import Depth
from mailseal.scans.listing import Item
from mailseal.scans.positions import Positions
from mailseal.scans.result import (
    MAX_RESULT_BYTES,
    START,
    Result,
    ResultSyntaxError,
    read_result,
    write_result,
)

MAX_WAITING = 200  # results; ours: what a kill -9 may cost, about a second's work
# ours: zeros that a power failure leaves stand for what was not synced yet, seconds of work
MAX_ZEROS_BYTES = 64 * 2**20
READ_BYTES = 65_536
REMEMBERED = 1000  # ours: domains by which a list that is not the same is noticed


class OutputError(mailseal.Error):
    """A file of results cannot be gone on with."""


class ResultFile:
    """Results in the order in which they came; for one program at a time.

    ``done`` are the numbers that stood there. A context manager: leaving it writes the rest.
    """

    def __init__(self, path: Path, *, is_fresh: bool = False) -> None:
        """Open and read a file, or make it; raise ``OSError`` or ``OutputError``."""
        self.path = path
        self.done = Positions()
        self.depth: Depth | None = None
        self._waiting: list[bytes] = []
        self._names: dict[int, str] = {}
        self._latest: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)
        self._file = _open(path)
        try:
            if is_fresh:
                self._file.truncate(0)
            self._read_back()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "ResultFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def put(self, result: Result) -> None:
        """Keep a result; it is in the file after the next ``flush``, or when many wait."""
        if self._file.closed:
            return
        self._waiting.append(write_result(result))
        if len(self._waiting) >= MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Hand what waits to the operating system, which keeps it whatever becomes of us."""
        if not self._waiting:
            return
        data = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            # A full disk may have taken half a line: nothing may be written behind it.
            self._file.close()
            raise

    def sync(self) -> None:
        """Wait until the disk has what was flushed, whatever becomes of the machine.

        May run in a thread of its own.
        """
        if not self._file.closed:
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Write the rest."""
        if not self._file.closed:
            try:
                self.flush()
                self.sync()
            finally:
                self._file.close()

    def check(self, item: Item) -> None:
        """Notice that an entry which is done is another one in this list."""
        name = self._names.get(item.number)
        if name is not None and name != (item.domain or item.text):
            raise OutputError(
                f"{self.path} was made from another list: number {item.number} is {name} there "
                f"and {item.domain or item.text} in this one; name another file, or --overwrite"
            )

    def check_length(self, entries: int) -> None:
        """Notice that there are results of more entries than a list has."""
        if len(self.done) > entries:
            raise OutputError(
                f"{self.path} was made from a longer list: it has results of {len(self.done):,} "
                f"entries, and this list has {entries:,}; name another file, or --overwrite"
            )

    def _read_back(self) -> None:
        end = 0
        with open(self._file.fileno(), "rb", closefd=False) as file:
            file.seek(0)
            number = 0
            while line := file.readline(MAX_RESULT_BYTES + 1):
                number += 1
                if not self._take(line):
                    self._check_torn(file, line, number)
                    break
                end += len(line)
        self._names |= dict(self._latest)
        self._latest.clear()
        self._file.truncate(end)
        self._file.seek(end)

    def _take(self, line: bytes) -> bool:
        """Take in a line; False if it is no whole result."""
        if not line.endswith(b"\n"):
            return False
        try:
            result = read_result(line)
        except ResultSyntaxError:
            return False
        if not self.done.add(result.number):
            raise OutputError(f"{self.path} has number {result.number} twice; name another file")
        self.depth = self.depth or result.depth
        if len(self._names) < REMEMBERED:
            self._names[result.number] = result.domain
        else:
            self._latest.append((result.number, result.domain))
        return True

    def _check_torn(self, file: BinaryIO, line: bytes, number: int) -> None:
        """Let only the last line be no result, and only if it could have become one.

        A power failure may leave zeros at the end of a file in place of what was written.
        """
        is_start = line.startswith(START) or START.startswith(line)
        is_last = not line.endswith(b"\n") and not file.readline(1)
        is_zeros = not line.strip(b"\0\n") and _ends_in_zeros(file)
        if not ((is_start and is_last) or is_zeros):
            raise OutputError(
                f"{self.path}, line {number}, is no result of a scan; name another file, or "
                "--overwrite"
            )


def _ends_in_zeros(file: BinaryIO) -> bool:
    """Tell whether nothing but zeros comes until the end, and that soon."""
    for _ in range(MAX_ZEROS_BYTES // READ_BYTES):
        data = file.read(READ_BYTES)
        if data.strip(b"\0\n"):
            return False
        if not data:
            return True
    return False


def _open(path: Path) -> FileIO:
    _check_kind(path)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise OutputError(f"{path} is being written by another scan") from None
    except BaseException:
        os.close(fd)
        raise
    return FileIO(fd, "r+b")


def _check_kind(path: Path) -> None:
    """Refuse what cannot be read back: a device has no end, and a pipe no beginning."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return  # it will be made
    if not stat.S_ISREG(mode):
        raise OutputError(
            f"{path} is no regular file, so no scan can be gone on with there; name a file"
        )
