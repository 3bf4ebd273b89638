"""``mailseal serve`` as both of its processes, without a network: for whole-process tests."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

import mailseal

GUARD_SECONDS = 60.0  # only reached by what would hang otherwise, on however busy a machine
MAILSEAL = Path(sys.executable).with_name("mailseal")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

# Nobody answers DNS there: every look-up is refused at once, and nothing leaves the machine.
CONFIG = """\
state_dir = "{folder}/state"

[[listen]]
protocol = "socketmap"
address = "unix:{folder}/socketmap"

[[listen]]
protocol = "line"
address = "unix:{folder}/line"

[dns]
resolvers = ["127.0.0.1:{closed_port}"]
timeout = "500ms"
[http]
address = "unix:{folder}/http"

{more}
"""


def until(claim: Callable[[], bool], what: str = "it did not happen") -> None:
    """Return when something outside this process has come true."""
    end = time.monotonic() + GUARD_SECONDS
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.005)


class Serving:
    """A running service; ``stop`` it."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.config = folder / "mailseal.toml"
        self.socketmap = folder / "socketmap"
        self.line = folder / "line"
        self.log = folder / "log"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            closed_port = probe.getsockname()[1]
        self.config.write_text(CONFIG.format(folder=folder, closed_port=closed_port, more=more))
        self.process: subprocess.Popen[bytes]

    def launch(self, stderr: int | None = None, *, program: Path = MAILSEAL) -> None:
        """Start it and wait until it takes questions; ``stderr`` is a descriptor for its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program, "serve", "--config", self.config],
                stderr=log if stderr is None else stderr,
                stdout=log,
                # As under a service manager. Linux shares processors out by session, so that the
                # resolver, which is nice, waits for its own answerer and not for all other tests.
                start_new_session=True,
            )
        until(lambda: self.socketmap.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def start(self, stderr: int | None = None, *, program: Path = MAILSEAL) -> None:
        """Start it and wait until both processes work."""
        self.launch(stderr, program=program)
        until(
            lambda: (
                (self.folder / "state" / "control.sock").exists() or self.process.poll() is not None
            ),
            self.log.read_text(),
        )
        assert self.process.poll() is None, self.log.read_text()

    def stop(self) -> int:
        """End it as a service manager would; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GUARD_SECONDS)

    @property
    def children(self) -> list[int]:
        """The resolver; during a reload two, after a crash none."""
        own = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{own}/task/{own}/children").read_text().split()]

    @property
    def pids(self) -> tuple[int, int]:
        """The answerer and its resolver."""
        return self.process.pid, self.children[0]

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """Put the file in force by SIGHUP; leave when it is and the old resolver is gone."""
        done = " configuration reloaded "
        before = self.log.read_text().count(done)
        self.process.send_signal(signal.SIGHUP)
        yield
        until(lambda: self.log.read_text().count(done) > before, "it was not reloaded")
        until(lambda: len(self.children) == 1, "the old resolver stays")

    def reload(self) -> None:
        """Put the file in force by SIGHUP, and wait until it is."""
        with self.reloading():
            pass

    @contextlib.contextmanager
    def lent(self) -> Iterator["Serving"]:
        """Lend it, running, to a test that leaves it running: the log is empty, the file its own.

        What the test put in force by a reload stays so until the next one.
        """
        until(lambda: len(self.children) == 1, "there is no resolver, or more than one")
        os.truncate(self.log, 0)
        config = self.config.read_text()
        yield self
        self.config.write_text(config)

    def connect(self, path: Path | None = None) -> socket.socket:
        """Open a connection, by default for socketmap."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(GUARD_SECONDS)
        client.connect(os.fspath(path or self.socketmap))
        return client

    def ask(self, payload: bytes) -> bytes:
        """Send one request's payload with a connection of its own; return the reply's."""
        with self.connect() as client:
            client.sendall(frame(payload))
            client.shutdown(socket.SHUT_WR)
            return unframe(read_to_end(client))


def frame(payload: bytes) -> bytes:
    """Make a netstring."""
    return b"%d:%b," % (len(payload), payload)


def unframe(stream: bytes) -> bytes:
    """Take the frame off one reply, and insist that there is nothing else."""
    digits, colon, rest = stream.partition(b":")
    assert colon
    assert len(rest) == int(digits) + 1
    assert rest.endswith(b",")
    return rest[:-1]


def read_to_end(client: socket.socket) -> bytes:
    """Read until the service closes the connection; a reset is an end as well."""
    received = b""
    try:
        while data := client.recv(65_536):
            received += data
    except ConnectionResetError:
        pass
    return received


def open_files(pid: int) -> int:
    """Count a process's descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_bytes(pid: int) -> int:
    """Return the memory that a process occupies."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def program_for_everybody(folder: Path) -> Path:
    """Return a mailseal that a user without rights can run; skip where there is no way to one.

    Where this Python is root's own, the system's runs the same code, if it is as new.
    """
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    packages = (mailseal.__file__, click.__file__)
    path = os.pathsep.join(str(Path(file).parents[1]) for file in packages)
    by_system = folder / "mailseal"
    by_system.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {system} -c "
        '"from mailseal.wiring import main; main()" "$@"\n'
    )
    by_system.chmod(0o755)
    for program in (MAILSEAL, by_system):
        # By way of a shell: some kernels let setpriv itself start what the user may not.
        trial = subprocess.run(
            [*NOBODY, "/bin/sh", "-c", '"$0" --version', program], capture_output=True, check=False
        )
        if trial.returncode == 0:
            return program
    pytest.skip("another user cannot run this mailseal")


def open_to_everybody(folder: Path) -> None:
    """Let other users come to a folder below pytest's, whose own folders are private."""
    for one in (folder, *folder.parents):
        if one == folder or one.name.startswith(("pytest-", "popen-")):
            one.chmod(0o755)
