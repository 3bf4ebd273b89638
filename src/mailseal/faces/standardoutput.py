"""Standard output whose failures are told in one line: a full disk is no fault of a command's.

A reader that has gone away is another matter: then nobody wants to know, and click ends silently.
"""

import io
import sys
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# "Unknown" for monitoring, "could not" for the commands that have this code otherwise.
NOT_WRITTEN = 3


class StandardOutputError(click.ClickException):
    """What a command has to say could not be written."""

    exit_code = NOT_WRITTEN


class _Descriptor(io.FileIO):
    """Tells once that it cannot write; what comes later is dropped, or Python tells it again."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "wb", closefd=False)
        self._is_lost = False

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, or raise ``StandardOutputError``."""
        if self._is_lost:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._is_lost = True
            raise StandardOutputError(
                f"standard output could not be written: {error.strerror}"
            ) from error


def guard(stream: TextIO) -> TextIO:
    """Return a stream to the same place that fails with ``StandardOutputError``."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(stream.fileno())),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.isatty(),
    )


def guard_standard_output() -> None:
    """Put the guard before the process's standard output, if it has one."""
    if sys.stdout is not None:
        sys.stdout = guard(sys.stdout)
