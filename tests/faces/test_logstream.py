"""The stream that a service logs to: in order, whole, bounded, and never in the way."""

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailseal.faces.logstream import MAX_ENTRY_CHARACTERS, LogStream
from tests.journeys.serving import GUARD_SECONDS, until

PIPE_BYTES = 4096
LOST = "warning lines of the log were lost"


class Pipe:
    """A small pipe that a stream writes to."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.reader, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        if is_full:
            os.write(self.writer, b"-" * PIPE_BYTES)

    def empty(self) -> None:
        """Read what filled it."""
        assert os.read(self.reader, PIPE_BYTES) == b"-" * PIPE_BYTES

    def lines(self, count: int) -> list[str]:
        """Read that many lines, and nothing behind them."""
        read = b""
        while read.count(b"\n") < count:
            assert select.select([self.reader], [], [], GUARD_SECONDS)[0], read
            read += os.read(self.reader, 65_536)
        assert read.endswith(b"\n")
        assert read.count(b"\n") == count
        return read.decode().splitlines()


Make = Callable[..., LogStream]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make streams; each one is finished at the end of the test, before its descriptor goes."""
    streams: list[LogStream] = []

    def make_one(descriptor: int, **bounds: int) -> LogStream:
        streams.append(LogStream(descriptor, **bounds))
        return streams[-1]

    yield make_one
    for stream in streams:
        stream.finish()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Give a pipe that can be written to."""
    yield from open_pipe(is_full=False)


@pytest.fixture
def full_pipe() -> Iterator[Pipe]:
    """Give a pipe whose reader stalls."""
    yield from open_pipe(is_full=True)


def open_pipe(*, is_full: bool) -> Iterator[Pipe]:
    """Open a pipe, and close what is left of it in the end; that lets a stalled writer go on."""
    made = Pipe(is_full=is_full)
    yield made
    for descriptor in (made.reader, made.writer):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def open_unread(fifo: Path) -> int:
    """Make a FIFO and open it to be written to, when its reader has gone again."""
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY)
    os.close(reader)
    return writer


def test_lines_come_out_in_order_and_whole(pipe: Pipe, make: Make) -> None:
    """A line that is written in pieces, as by a traceback, comes out when it is at its end."""
    stream = make(pipe.writer)

    print("one", file=stream)
    print("two", 2, file=stream, end="")
    assert pipe.lines(1) == ["one"]
    print("!\nthree\nfour", file=stream)

    assert pipe.lines(3) == ["two 2!", "three", "four"]


def test_pieces_of_several_threads_are_not_mixed(pipe: Pipe, make: Make) -> None:
    """Each thread has its own line in hand."""
    stream = make(pipe.writer)
    stream.write("of one thread, ")

    other = threading.Thread(target=lambda: stream.write("of another\n"))
    other.start()
    other.join()
    stream.write("to the end\n")

    assert pipe.lines(2) == ["of another", "of one thread, to the end"]


def test_text_of_any_kind_is_written(pipe: Pipe, make: Make) -> None:
    """What no encoding has, such as half a surrogate pair, is escaped; bytes are refused."""
    stream = make(pipe.writer)

    stream.write("\udc80 ü\n")
    with pytest.raises(TypeError):
        stream.write(b"bytes\n")  # type: ignore[arg-type] # which is the point

    assert pipe.lines(1) == ["\\udc80 ü"]


def test_a_reader_that_stalls_gets_the_oldest_lines_and_a_count(
    full_pipe: Pipe, make: Make
) -> None:
    """The queue is bounded; what comes when it is full is lost, and told behind the others."""
    stream = make(full_pipe.writer, max_entries=10)
    stream.write("taken out of the queue already\n")
    until(stream._entries.empty)

    for number in range(13):
        stream.write(f"line {number}\n")
    assert stream.lost_lines == 3
    full_pipe.empty()

    lines = full_pipe.lines(12)
    assert lines[1:-1] == [f"line {number}" for number in range(10)]
    assert lines[-1].endswith(f' {LOST} lines=3 reason="the reader is too slow"')


def test_losses_are_told_in_the_form_of_the_other_lines(full_pipe: Pipe, make: Make) -> None:
    """A log of JSON stays one."""
    stream = make(full_pipe.writer, max_entries=1)
    stream.write("{}\n")
    until(stream._entries.empty)
    stream.write("{}\n")
    stream.write("{}\n")
    full_pipe.empty()

    told = json.loads(full_pipe.lines(3)[-1])

    assert (told["event"], told["lines"]) == ("lines of the log were lost", 1)


def test_a_reader_that_is_gone_and_comes_back_is_told_what_is_missing(
    tmp_path: Path, make: Make
) -> None:
    """Before the next line, which is the first that can be written, and once."""
    fifo = tmp_path / "fifo"
    stream = make(open_unread(fifo))
    stream.write("lost\nwith a second line\n")
    until(lambda: stream.lost_lines == 2)

    pipe = Pipe()
    pipe.reader = os.open(fifo, os.O_RDWR)
    stream.write("seen\n")
    stream.write("seen too\n")

    told, *lines = pipe.lines(3)
    assert told.endswith(f' {LOST} lines=2 reason="Broken pipe"')
    assert lines == ["seen", "seen too"]
    stream.finish()


def test_what_is_lost_is_told_though_nothing_else_is_written(tmp_path: Path, make: Make) -> None:
    """Every second it is tried anew."""
    fifo = tmp_path / "fifo"
    stream = make(open_unread(fifo))
    stream.write("lost\n")
    until(lambda: stream.lost_lines == 1)

    pipe = Pipe()
    pipe.reader = os.open(fifo, os.O_RDWR)

    assert LOST in pipe.lines(1)[0]


def test_a_half_written_line_is_ended_before_the_next(tmp_path: Path, make: Make) -> None:
    """The disk filled up in the middle of it: the next line begins at the beginning of one."""
    log = tmp_path / "log"
    code = (
        "import os, resource, signal, sys\n"
        "from mailseal.faces.logstream import LogStream\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))\n"
        "stream = LogStream(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT))\n"
        "stream.write('123456\\n')\n"
        "stream.write('789012\\n')\n"
        "while not stream.lost_lines: pass\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\n"
        "stream.write('end\\n')\n"
        "stream.finish()\n"
    )
    run(code, str(log))

    first, half, told, last = log.read_text().splitlines()
    assert (first, half, last) == ("123456", "789", "end")
    assert told.endswith(f' {LOST} lines=1 reason="File too large"')


def test_a_descriptor_that_somebody_made_non_blocking_is_waited_for(
    full_pipe: Pipe, make: Make
) -> None:
    """O_NONBLOCK belongs to everybody who has it open, such as the shell that started us."""
    os.set_blocking(full_pipe.writer, False)
    stream = make(full_pipe.writer)
    stream.write("line\n")
    until(stream._entries.empty)
    full_pipe.empty()

    assert full_pipe.lines(1) == ["line"]
    assert stream.lost_lines == 0


def test_a_huge_traceback_keeps_its_beginning_and_its_end(pipe: Pipe, make: Make) -> None:
    """One entry cannot fill memory; a line without an end is ended."""
    stream = make(pipe.writer)

    stream.write("begin " + "x" * MAX_ENTRY_CHARACTERS + " end\n")
    begin, _, end = pipe.lines(3)
    stream.write("y" * (MAX_ENTRY_CHARACTERS + 1))
    ended = pipe.lines(3)

    assert begin.startswith("begin x")
    assert end.endswith("x end")
    assert ended[0].startswith("yy")


def test_the_end_does_not_wait_for_a_reader_that_stalls(full_pipe: Pipe, make: Make) -> None:
    """What is in the queue is lost then; the process ends."""
    stream = make(full_pipe.writer)
    stream.write("line\n")

    stream.finish(0.01)

    full_pipe.empty()
    assert full_pipe.lines(1) == ["line"]


def test_words_behind_the_end_are_written_at_once(pipe: Pipe, make: Make) -> None:
    """As of an object that is deleted last: there is no thread any more."""
    stream = make(pipe.writer)
    stream.finish()

    stream.write("late ")
    stream.write("words\n")
    assert pipe.lines(1) == ["late words"]
    stream.write("y" * PIPE_BYTES * 2 + "\n")  # of which the pipe takes a part

    assert os.read(pipe.reader, PIPE_BYTES * 2) == b"y" * PIPE_BYTES
    assert stream.lost_lines == 1


def test_words_behind_the_end_wait_for_nobody_and_are_counted(full_pipe: Pipe, make: Make) -> None:
    """A reader that stalls does not keep the process; one that comes back is told."""
    stream = make(full_pipe.writer)
    stream.finish()

    stream.write("lost\n")
    assert stream.lost_lines == 1
    full_pipe.empty()
    fcntl.fcntl(full_pipe.writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES * 4)  # room for two lines
    stream.write("seen\n")

    told, seen = full_pipe.lines(2)
    assert told.endswith(f' {LOST} lines=1 reason="the reader is too slow"')
    assert seen == "seen"


def test_words_behind_an_end_that_was_not_waited_for_are_counted(
    full_pipe: Pipe, make: Make
) -> None:
    """The thread still waits with an earlier line, so that nothing may be written before it."""
    stream = make(full_pipe.writer)
    stream.write("line\n")
    stream.finish(0.01)

    stream.write("lost\n")

    assert stream.lost_lines == 1
    full_pipe.empty()
    assert os.read(full_pipe.reader, PIPE_BYTES).startswith(b"line\n")


def run(code: str, *arguments: str, **streams: int) -> "subprocess.CompletedProcess[str]":
    """Run a program."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stderr=streams.get("stderr", subprocess.PIPE),
        text=True,
        timeout=GUARD_SECONDS,
        check=False,
    )


CRASH = """
import logging, sys, warnings
from mailseal.faces.logstream import lost_lines, take_over_stderr
take_over_stderr()
take_over_stderr()
logging.getLogger("asyncio").error("of a library")
warnings.warn("of Python")
print("last words", file=sys.stderr)
raise SystemExit(sys.argv[1]) if sys.argv[1:] else ValueError("a fault")
"""


def test_a_crash_is_told_to_the_last_line() -> None:
    """Whatever is written by whomever takes the same way, in order, the traceback too."""
    lines = run(CRASH).stderr.splitlines()

    assert lines[0] == "of a library"
    assert "UserWarning: of Python" in lines[1]
    told = lines.index("last words")
    assert lines[told + 1].startswith("Traceback")
    assert lines[-1] == "ValueError: a fault"


def test_words_of_what_is_deleted_last_are_told() -> None:
    """And of handlers of the exit that were there before."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('of an early handler', file=sys.stderr))\n"
        "from mailseal.faces.logstream import take_over_stderr\n"
        "take_over_stderr()\n"
        "print('in time', file=sys.stderr)\n"
    )
    assert run(code).stderr == "in time\nof an early handler\n"


def test_words_at_the_exit_are_told() -> None:
    """As a command ends that says why in a line."""
    done = run(CRASH, "mailseal: why")

    assert done.returncode == 1
    assert done.stderr.endswith("last words\nmailseal: why\n")


def test_a_crash_with_a_full_disk_has_the_same_status() -> None:
    """Python itself does not stumble over what cannot be written."""
    with Path("/dev/full").open("wb") as full:
        assert run(CRASH, stderr=full.fileno()).returncode == 1
