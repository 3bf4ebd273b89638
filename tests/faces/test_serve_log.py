"""``mailseal serve`` with a log that cannot be written, or that nobody reads: mail is answered."""

import contextlib
import fcntl
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.test_serve_http import metrics
from tests.journeys.serving import GUARD_SECONDS, MAILSEAL, Serving, frame, until

KNOWN = b"postfix known.test"
PIPE_BYTES = 4096
AT_ONCE_SECONDS = 0.4  # below a tick of the answerer; a busy machine is not blamed
HITS = 1000
TICKS_SECONDS = 1.6  # three ticks, each of which writes what was sampled


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """Give a service that logs every hit and is not started yet."""
    service = Serving(tmp_path, more="[log]\nsample_hits = 1")
    yield service
    if hasattr(service, "process"):
        service.stop()


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Open a file as a descriptor."""
    descriptor = os.open(path, flags)
    yield descriptor
    os.close(descriptor)


def lost(serving: Serving) -> dict[str, float]:
    """Return how many lines each process has lost, by its name."""
    return {
        labels[0]: value
        for (name, labels), value in metrics(serving.folder / "http").items()
        if name == "mailseal_log_lines_lost_total"
    }


def kill_resolver(serving: Serving) -> None:
    """Kill it, which the answerer logs, and wait until another one works."""
    _, before = serving.pids
    os.kill(before, signal.SIGKILL)
    until(lambda: bool(serving.children) and serving.children != [before])
    until(lambda: bool(lost(serving)))


def answers(serving: Serving) -> bool:
    """Tell whether both processes answer, the one from memory and the other anew."""
    return serving.ask(KNOWN) == b"OK dane" and serving.process.poll() is None


def test_a_full_disk_under_the_log_stops_nothing(serving: Serving) -> None:
    """Every line fails with ENOSPC, in both processes; each is counted, the start goes well."""
    with opened(Path("/dev/full"), os.O_WRONLY) as full:
        serving.start(full)
    assert answers(serving)
    kill_resolver(serving)
    assert serving.ask(b"postfix other.test") == b"OK dane"

    until(lambda: all(lost(serving).values()), "nothing is lost")
    assert serving.stop() == 0


def test_a_reader_that_is_gone_stops_nothing(serving: Serving) -> None:
    """Every line fails with EPIPE, warnings about the configuration too."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    serving.start(write_end)
    os.close(write_end)
    assert answers(serving)
    kill_resolver(serving)

    assert answers(serving)
    until(lambda: all(lost(serving).values()), "nothing is lost")
    assert serving.stop() == 0


def test_no_standard_error_at_all_stops_nothing(serving: Serving, tmp_path: Path) -> None:
    """Its number is not given to a connection, which would be sent the log."""
    program = tmp_path / "closed"
    program.write_text(f'#!/bin/sh\nexec "{MAILSEAL}" "$@" 2>&-\n')
    program.chmod(0o755)
    serving.start(program=program)

    assert answers(serving)
    for pid in serving.pids:
        assert Path(f"/proc/{pid}/fd/2").readlink() == Path("/dev/null")
    assert serving.stop() == 0


def test_a_log_that_comes_back_tells_how_much_it_lacks(serving: Serving) -> None:
    """A FIFO can be read again; one line of each process says how many lines are missing."""
    fifo = serving.folder / "fifo"
    os.mkfifo(fifo)
    with opened(fifo, os.O_RDONLY | os.O_NONBLOCK), opened(fifo, os.O_WRONLY) as writer:
        write_end = os.dup(writer)
    serving.start(write_end)
    os.close(write_end)
    kill_resolver(serving)
    assert answers(serving)
    until(lambda: all(lost(serving).values()), "nothing is lost")

    with opened(fifo, os.O_RDONLY | os.O_NONBLOCK) as reader:
        lines = drained(reader, until_seen=2, of=b"lines of the log were lost")

    told = [line for line in lines if b"lines of the log were lost" in line]
    assert all(b' reason="Broken pipe"' in line for line in told)


def test_a_reader_that_stalls_delays_no_answer(serving: Serving) -> None:
    """A pipe of 4 KiB is full from the start; all lines come out, whole, once it is read."""
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.write(write_end, b"-" * (PIPE_BYTES - 1) + b"\n")
    serving.start(write_end)
    os.close(write_end)
    assert answers(serving)

    slowest, hits = 0.0, 0
    with serving.connect() as client:
        end = time.monotonic() + TICKS_SECONDS
        while hits < HITS or time.monotonic() < end:
            began = time.monotonic()
            client.sendall(frame(KNOWN))
            assert client.recv(1000) == b"7:OK dane,"
            slowest = max(slowest, time.monotonic() - began)
            hits += 1

    assert slowest < AT_ONCE_SECONDS
    lines = drained(read_end, until_seen=100, of=b" answered from memory ")
    os.close(read_end)
    assert lines[0].strip(b"-") == b""
    whole = [line for line in lines[1:] if not line.startswith(b"warning: ")]
    # Of the answerer's own lines; the resolver's stand anywhere between them.
    own = [line for line in whole if b" mailseal answers " in line or b" from memory " in line]
    assert b" mailseal answers " in own[0]
    assert all(line[:2] == b"20" and (b" info " in line) == 1 for line in whole)


def drained(reader: int, *, until_seen: int, of: bytes) -> list[bytes]:
    """Read whole lines until so many of them have some bytes in them."""
    read = b""

    def is_seen() -> bool:
        nonlocal read
        if select.select([reader], [], [], GUARD_SECONDS)[0]:
            with contextlib.suppress(BlockingIOError):
                read += os.read(reader, 65_536)
        return read.count(of) >= until_seen and read.endswith(b"\n")

    until(is_seen, "the lines do not come")
    return read.splitlines()
