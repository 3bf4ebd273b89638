"""The namespace in which the small Internet and mailseal itself run, and what starts them there.

Ports 53 and 443 are the real ones, so the cold figures need a network namespace, which takes root;
nothing of the machine's own network is touched. UNIX sockets cross the border: load generators
stay outside.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.internet import RESOLVER
from bench.processes import Server, pin
from bench.questions import framed_request
from lab.namespace import Namespace
from lab.unavailable import Unavailable

HERE = Path(__file__).parent.parent
MAILSEAL = Path(sys.executable).with_name("mailseal")
READY_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.001  # how exactly the time to the first answer is known

PORT = 8461  # of the namespace's own loopback, where nobody else listens

# What is not here is as it is by default: DANE is on and tested, the log says what is worth it.
CONFIGURATION = """\
state_dir = "{folder}/state"

[[listen]]
protocol = "socketmap"
address = "unix:{folder}/socketmap"

[[listen]]
protocol = "socketmap"
address = "127.0.0.1:{port}"

[http]
address = "unix:{folder}/http"

[dns]
resolvers = ["{resolver}"]

[https]
ca_file = "{ca_file}"
allow_private_addresses = true
"""


class Internet:
    """The running small Internet (``bench.internet``)."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._namespace = namespace
        self._process = self.spawn(
            [sys.executable, "-m", "bench.internet", folder], is_talking=True
        )
        if self._read() != "ready":
            raise RuntimeError(f"the small Internet does not start: {self.log()}")

    def spawn(
        self, command: Sequence[str | Path], *, is_talking: bool = False
    ) -> "subprocess.Popen[bytes]":
        """Start a program inside, its log in the folder; with pipes when ``is_talking``."""
        pipe = subprocess.PIPE if is_talking else None
        with (self.folder / "log").open("ab") as log:
            return self._namespace.spawn(
                command, cwd=HERE, stdin=pipe or subprocess.DEVNULL, stdout=pipe or log, stderr=log
            )

    def configuration(self, folder: Path) -> Path:
        """Write the configuration of a mailseal with its state and socket in a folder."""
        path = folder / "mailseal.toml"
        path.write_text(
            CONFIGURATION.format(folder=folder, port=PORT, resolver=RESOLVER, ca_file=self.ca_file)
        )
        return path

    def wrap(self, command: Sequence[str | Path]) -> list[str]:
        """Return the command that runs a program inside, under the same process id."""
        return self._namespace.command(command, HERE)

    def tell(self, words: str) -> int:
        """Say ``hold``, ``release`` or ``count DOMAIN``; return the number it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(words.encode() + b"\n")
        self._process.stdin.flush()
        return int(self._read())

    def give_way(self, cpu: int) -> None:
        """Use that CPU alone, and only what others leave of it."""
        pin(self._process.pid, cpu)
        os.setpriority(os.PRIO_PROCESS, self._process.pid, 19)

    def log(self) -> str:
        """Return the end of what all programs inside have logged."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()


@contextlib.contextmanager
def internet() -> Iterator[Internet]:
    """Run a small Internet until the block ends; raises ``Unavailable``."""
    if os.geteuid() != 0:
        raise Unavailable(
            "this needs a network namespace of its own, which takes root", 'run "sudo make bench"'
        )
    with tempfile.TemporaryDirectory(prefix="mailseal-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "internet"
        folder.mkdir()
        namespace = Namespace.open(folder, {}, {})
        try:
            yield Internet(namespace, folder)
        finally:
            namespace.close()


class Service(Server):
    """A running ``mailseal serve``, both of its processes; TCP is for those inside alone."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        path: str,
        began: float,
        log: Callable[[], str],
    ) -> None:
        super().__init__(process, PORT, path)
        self.path = path
        self.http = Path(path).with_name("http")
        self._began = began
        self._log = log

    def connect(self) -> socket.socket:
        """Connect as soon as it listens."""
        while True:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(self.path)
            except OSError as error:
                client.close()
                if self.process.poll() is not None or self.seconds() > READY_SECONDS:
                    raise RuntimeError(f"mailseal does not listen: {self._log()}") from error
                time.sleep(POLL_SECONDS)
            else:
                return client

    def seconds(self) -> float:
        """Tell how long ago it was started."""
        return time.monotonic() - self._began


@contextlib.contextmanager
def mailseal(surroundings: Internet, folder: Path, *, cpu: int | None = None) -> Iterator[Service]:
    """Run ``mailseal serve`` with its state below ``folder`` until the block ends."""
    configuration = surroundings.configuration(folder)
    socket_path = folder / "socketmap"
    began = time.monotonic()
    process = surroundings.spawn([MAILSEAL, "serve", "--config", configuration])
    pin(process.pid, cpu)  # and with it the resolver, which is not there yet
    try:
        yield Service(process, str(socket_path), began, surroundings.log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(client: socket.socket, number: int) -> bytes:
    """Ask about a domain and return the framed reply."""
    client.sendall(framed_request(number))
    reply = b""
    while not reply.endswith(b","):
        data = client.recv(65_536)
        if not data:
            raise RuntimeError("mailseal closed a connection")
        reply += data
    return reply


def raise_file_limit(wanted: int) -> None:
    """Let this process hold so many files open; raises ``RuntimeError`` where it may not."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError) as error:
        raise RuntimeError(f"{wanted} open files are needed, allowed are {hard}") from error
