"""Standard error for a service: writing to it neither waits nor fails, whatever is behind it.

Whoever reads the log may be slow or gone, and the disk that it is on may be full; mail servers
must be answered all the same. So what any module, library or traceback writes to ``sys.stderr``
is only put into a queue, and one thread writes it to the descriptor, line by line and in order.
The descriptor stays as it is: O_NONBLOCK would belong to everybody who has it.

**Limits**: the queue takes ``MAX_ENTRIES``; what is beyond, and what cannot be written, is lost
and counted, and a line tells how many as soon as lines can be written again. Behind ``finish``
there is no thread: what can be written without waiting is written at once.
**Bugs**: with ``kill -9`` what is in the queue is lost, which is nothing unless the reader stalls.
"""

import atexit
import contextlib
import errno
import io
import os
import queue
import select
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO, cast

from mailseal.faces.logline import render_json, render_text

STANDARD_ERROR = 2
MAX_ENTRIES = 1000  # ours: lines that wait for a reader, some 200 KB of ordinary ones
MAX_ENTRY_CHARACTERS = 16_384  # ours: a traceback of any use; a longer one loses its middle
RETRY_SECONDS = 1.0  # ours: between attempts to tell what was lost while nothing else is written
LAST_WORDS_SECONDS = 0.5  # ours: for what is in the queue at the end

_CUT = "\n[... the middle of this is left out ...]\n"


class _Part(threading.local):
    """The beginning of a line that a thread has not ended yet."""

    text = ""


class LogStream(io.TextIOBase):
    """A text stream onto a descriptor; its ``write`` takes some microseconds, whatever happens.

    What one call writes stays together. Nothing is written twice; a line of which only a part
    could be written is ended before the next one, and counted as lost.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, descriptor: int, *, max_entries: int = MAX_ENTRIES) -> None:
        self._descriptor = descriptor
        self._max_entries = max_entries
        # Safe to be put into while it is put into, as happens when the garbage collector warns.
        self._entries: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._part = _Part()
        self._losing = threading.RLock()
        self._reason = ""
        self._told = 0
        self._is_failing = False
        self._is_mid_line = False
        self._is_json = False
        self._is_finished = False
        self._writing_late = threading.Lock()  # never waited for
        self.lost_lines = 0
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    # -- for those who write --------------------------------------------------------------------

    def write(self, text: str, /) -> int:
        """Take text to be written when its line is at an end; return its length."""
        if not isinstance(text, str):
            raise TypeError(f"text is wanted, not {type(text).__name__}")
        whole = self._part.text + text
        end = whole.rfind("\n") + 1
        if len(whole) - end > MAX_ENTRY_CHARACTERS:
            whole += "\n"
            end = len(whole)
        self._part.text = whole[end:]
        if end:
            self._take(whole[:end])
        return len(text)

    def writable(self) -> bool:
        """Tell that this is for writing."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, for whoever hands it on to another program."""
        return self._descriptor

    def finish(self, seconds: float = LAST_WORDS_SECONDS) -> None:
        """Write what is left, but do not wait longer than that for it."""
        self._entries.put(None)
        self._thread.join(seconds)
        self._is_finished = True
        if not self._thread.is_alive():
            self._write_behind_the_end()

    def _take(self, entry: str) -> None:
        if self._is_finished and self._thread.is_alive():
            self._lose(entry, "the reader is too slow")
            return
        if self._entries.qsize() >= self._max_entries:
            self._lose(entry, "the reader is too slow")
            return
        if len(entry) > MAX_ENTRY_CHARACTERS:
            half = MAX_ENTRY_CHARACTERS // 2
            entry = entry[:half] + _CUT + entry[-half:]
        self._entries.put(entry)
        if self._is_finished:
            self._write_behind_the_end()

    def _write_behind_the_end(self) -> None:
        """Write what has come since the thread ended, as it came into the same queue."""
        if not self._writing_late.acquire(blocking=False):
            return  # whoever writes takes it along, or was stopped with the interpreter
        try:
            with contextlib.suppress(queue.Empty):
                while True:
                    if (entry := self._entries.get_nowait()) is not None:
                        self._write_entry(entry)
        finally:
            self._writing_late.release()

    def _lose(self, entry: str, reason: str) -> None:
        with self._losing:
            self.lost_lines += entry.count("\n")
            self._reason = reason

    # -- the thread that writes -----------------------------------------------------------------

    def _work(self) -> None:
        while True:
            try:
                owes = self.lost_lines != self._told
                entry = self._entries.get(timeout=RETRY_SECONDS if owes else None)
            except queue.Empty:
                self._tell_losses()
                continue
            if entry is None:
                break
            self._write_entry(entry)
        self._tell_losses()

    def _write_entry(self, entry: str) -> None:
        self._is_json = entry.startswith("{")
        is_usable = not self._is_failing or self._tell_losses()
        if not is_usable or not self._write_out(entry):
            self._lose(entry, self._reason)
        elif self._entries.empty():
            self._tell_losses()

    def _tell_losses(self) -> bool:
        """Tell how many lines were lost since that was last told; False when that fails too."""
        owed = self.lost_lines - self._told
        if owed and not self._log("lines of the log were lost", lines=owed, reason=self._reason):
            return False
        self._told += owed
        return True

    def _log(self, event: str, **fields: object) -> bool:
        """Write an event of our own in the form of the others."""
        render = render_json if self._is_json else render_text
        return self._write_out(render(datetime.now(UTC), "warning", event, fields) + "\n")

    def _write_out(self, entry: str) -> bool:
        text = "\n" + entry if self._is_mid_line else entry
        data = text.encode(self.encoding, self.errors)
        done = 0
        try:
            while done < len(data):
                done += self._write_some(data[done:])
        except OSError as error:
            if done:
                self._is_mid_line = data[done - 1 : done] != b"\n"
            self._reason = error.strerror or str(error)
            self._is_failing = True
            return False
        self._is_mid_line = self._is_failing = False
        return True

    def _write_some(self, data: bytes) -> int:
        if self._is_finished:
            return self._write_without_waiting(data)
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # somebody else has set O_NONBLOCK
            waiting = select.poll()
            waiting.register(self._descriptor, select.POLLOUT)
            waiting.poll()
            return 0

    def _write_without_waiting(self, data: bytes) -> int:
        """Write what a descriptor surely takes that says it takes something."""
        ready = select.poll()
        ready.register(self._descriptor, select.POLLOUT)
        if not ready.poll(0):
            raise BlockingIOError(errno.EAGAIN, "the reader is too slow")
        return os.write(self._descriptor, data[: select.PIPE_BUF])


def take_over_stderr() -> None:
    """Let ``sys.stderr`` be a ``LogStream`` from now on; once for a process.

    A standard descriptor that is closed is opened onto nothing first: else the next connection
    would get its number, and the log would be written to a mail server.
    """
    if isinstance(sys.stderr, LogStream):
        return
    while (spare := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(spare, True)
    os.close(spare)
    if sys.stderr is not None:
        sys.stderr.flush()
    stream = LogStream(STANDARD_ERROR)
    sys.stderr = cast("TextIO", stream)
    atexit.register(stream.finish)


def lost_lines() -> int:
    """Return how many lines this process could not write to its log."""
    return sys.stderr.lost_lines if isinstance(sys.stderr, LogStream) else 0
