"""Lines from a pipe, whose other end may stay silent for as long as it likes."""

import os
import select

READ_BYTES = 65_536
PATIENCE_SECONDS = 0.2  # ours: how soon a reader notices that nobody wants to know any more


class Pipe:
    """Reads lines from a descriptor until its end, or until ``stop`` is called elsewhere."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._read = bytearray()
        self._is_over = False
        self._is_stopped = False

    def stop(self) -> None:
        """Let who reads get the end of the file soon; may be called by another thread."""
        self._is_stopped = True

    def readline(self, size: int = -1, /) -> bytes:
        """Return the next line with its end, or ``size`` bytes of it; nothing at the end."""
        while not self._is_over and not self._is_stopped:
            if b"\n" in self._read or 0 <= size <= len(self._read):
                break
            if select.select([self._fd], [], [], PATIENCE_SECONDS)[0]:
                data = os.read(self._fd, READ_BYTES)
                self._is_over = not data
                self._read += data
        if self._is_stopped:
            return b""
        end = self._read.find(b"\n") + 1 or len(self._read)
        if size >= 0:
            end = min(end, size)
        line = bytes(self._read[:end])
        del self._read[:end]
        return line
