"""``make chaos``: mailseal under every misfortune at once or one after the other, and measured.

All the time clients ask for known domains as Postfix does, and every answer is judged: a wrong
one, or one that had to be given up, is a failure, as is memory that grows past its bound or a
policy that is gone. ``python -m lab.chaos [short]`` prints the figures as a table; the whole run
takes a quarter of an hour, the short one, which the lab's tests run, about a minute.
"""

import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.daemon import read_reply
from lab.internet import Lab
from lab.kept import KeptDaemon
from lab.load import Client, FailedLookupError, Load
from lab.model import Answer
from lab.packages import LIBFAKETIME, fetch
from lab.postgres import throwaway_server
from lab.service import wait_until
from lab.unavailable import Unavailable

SECURE = "OK secure match=mx.good.test servername=hostname"
WILDCARD = "OK secure match=.mx.wildcard.test servername=hostname"
# What is right for each known domain, whatever else is going on.
KNOWN = {
    "good.test": frozenset({SECURE}),
    "wildcard.test": frozenset({WILDCARD}),
    "dane-good.test": frozenset({"OK dane-only"}),
    "good-testing.test": frozenset({"NOTFOUND ", "OK dane"}),
}
MAX_TABLE = 50_000
MAX_MEMORY_BYTES = 400 * 1024 * 1024  # ours: of both processes, with 50 000 answers in memory
DISK_BYTES = 64 * 1024 * 1024
LOST_LINES = b" lines of the log were lost "
TWENTY_MEGABYTES = 20 * 1024 * 1024
TABLES = {
    "limits": {"cached_answers": str(MAX_TABLE), "known_domains": str(MAX_TABLE)},
    "sts": {"id_ttl_min": '"1s"', "failed_txt_ttl": '"1s"'},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of each misfortune there is."""

    kills: int = 40
    pause_seconds: tuple[float, float] = (1.0, 5.0)
    black_hole_seconds: float = 60.0
    fault_seconds: float = 5.0
    idle_clients: int = 1000
    hostile_clients: int = 100
    random_keys: int = 200_000
    database_seconds: float = 10.0


WHOLE = Scale()
SHORT = Scale(
    kills=6,
    pause_seconds=(1.0, 2.0),
    black_hole_seconds=5.0,
    fault_seconds=1.0,
    idle_clients=200,
    hostile_clients=20,
    random_keys=2000,
    database_seconds=2.0,
)


@dataclass(slots=True)
class Figures:
    """What happened in one phase: the look-ups of known domains meanwhile, and more."""

    name: str
    seconds: float = 0.0
    asked: int = 0
    slowest_seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory_bytes: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Tell whether everything was as it should be."""
        return not self.failed and not self.wrong and self.memory_bytes <= MAX_MEMORY_BYTES


class Chaos:
    """One mailseal in one lab, and what is done to them."""

    def __init__(self, lab: Lab, daemon: KeptDaemon, scale: Scale) -> None:
        self._lab = lab
        self._daemon = daemon
        self._scale = scale
        self._dice = random.Random(8461)
        self.figures: list[Figures] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[Figures]:
        """Measure a misfortune under load; afterwards every known policy must still be there."""
        figures = Figures(name)
        began = time.monotonic()
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.25):
                figures.memory_bytes = max(figures.memory_bytes, self.memory_bytes())

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            with Load(self._daemon.socketmap, KNOWN) as load:
                yield figures
        finally:
            ended.set()
            watching.join()
        figures.seconds = time.monotonic() - began
        figures.asked = load.asked
        figures.slowest_seconds = load.slowest_seconds
        figures.failed, figures.wrong = load.failed, load.wrong
        if load.retried:
            figures.remarks.append(f"{load.retried} asked once more")
        if not wait_until(self._daemon.has_resolver, 30):
            figures.wrong.append("no resolver after the phase")
        else:
            wait_until(lambda: not self._lost(), 10)
            figures.wrong += [f"{domain}: its policy is lost" for domain in self._lost()]
        self.figures.append(figures)

    def _lost(self) -> list[str]:
        """Return the known domains, each with a policy of its own, that have none any more."""
        try:
            return [domain for domain in KNOWN if self._daemon.policy(domain) is None]
        except (OSError, ValueError):
            return list(KNOWN)  # who was asked has just been killed

    def memory_bytes(self) -> int:
        """Return what both processes occupy, shared pages counted twice."""
        pids = [self._daemon.pid]
        with suppress(OSError):
            pids += self._daemon.children()
        return sum(_resident_bytes(pid) for pid in pids)

    def run(self) -> list[Figures]:
        """Do everything, one thing after the other; return the figures."""
        self.await_known()
        self.kill()
        self.lose_dns()
        self.fetch_from_hostile_hosts()
        self.crowd()
        self.fill_table()
        self.fill_disk()
        return self.figures

    def await_known(self) -> None:
        """Wait until every known domain is answered as it should be. Raises ``Unavailable``."""
        for key, right in KNOWN.items():
            if not wait_until(lambda key=key, right=right: self._daemon.ask(key) in right, 20):  # type: ignore[misc] # mypy cannot infer a lambda with defaults
                raise Unavailable(f"{key} is not answered as it should be", "read the lab's logs")

    def kill(self) -> None:
        """Kill either process at random, again and again."""
        with self.phase("`kill -9` of either process at random") as figures:
            for _ in range(self._scale.kills):
                time.sleep(self._dice.uniform(*self._scale.pause_seconds))
                self._daemon.kill_one(answerer=self._dice.random() < 0.5)
            figures.remarks.append(f"{self._scale.kills} kills")

    def lose_dns(self) -> None:
        """Let every DNS query go unanswered for a while, with kills in between."""
        self._lab.dns.freeze()
        try:
            with self.phase("DNS black-holed"):
                time.sleep(self._scale.black_hole_seconds / 2)
                self._daemon.kill_one(answerer=True)
                time.sleep(self._scale.black_hole_seconds / 2)
        finally:
            self._lab.dns.thaw()

    def fetch_from_hostile_hosts(self) -> None:
        """Let the policy host of a known domain misbehave in every way while it is refetched."""
        host = self._lab.policy_host
        faults: dict[str, Callable[[], None]] = {
            "never answers": lambda: host.set_answer("good.test", Answer.HANG),
            "answers byte by byte": lambda: host.set_answer("good.test", Answer.DRIBBLE),
            "answers 3xx": lambda: host.set_answer("good.test", Answer.REDIRECT),
            "answers 20 MB": lambda: host.set_policy("good.test", "x: y\r\n" * 3_500_000),
        }
        for name, start in faults.items():
            with self.phase(f"the policy host {name}") as figures:
                start()
                refetching = threading.Thread(target=self._refetch)
                refetching.start()
                time.sleep(self._scale.fault_seconds)
                figures.remarks.append(f"resolver {_megabytes(self._resolver_bytes())}")
                host.restore()
                refetching.join()

    def crowd(self) -> None:
        """Open many connections that do nothing, and many that do harm."""
        idle: list[socket.socket] = []
        with self.phase("idle and hostile clients") as figures:
            idle.extend(self._daemon.connect() for _ in range(self._scale.idle_clients))
            stopping = threading.Event()
            hostile = [
                threading.Thread(target=_be_hostile, args=(self._daemon, number, stopping))
                for number in range(self._scale.hostile_clients)
            ]
            for thread in hostile:
                thread.start()
            time.sleep(self._scale.fault_seconds * 2)
            stopping.set()
            for thread in hostile:
                thread.join()
            figures.remarks.append(
                f"{self._scale.idle_clients} idle, {self._scale.hostile_clients} hostile"
            )
        for connection in idle:
            connection.close()

    def fill_table(self) -> None:
        """Ask for many different keys that nobody knows, more than the table takes."""
        with self.phase("random keys against a bounded table") as figures:
            clients = 40
            share = self._scale.random_keys // clients
            threads = [
                threading.Thread(target=_ask_random, args=(self._daemon.socketmap, n, share))
                for n in range(clients)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            figures.remarks.append(f"{self._scale.random_keys} keys, {MAX_TABLE} places")

    def fill_disk(self) -> None:
        """Leave no room to write, learn a policy, and kill what knows it from memory alone."""
        ballast = self._daemon.inside(self._daemon.state) / "ballast"
        with self.phase("disk full"):
            fill(ballast)
            self._daemon.kill_one(answerer=False)
            time.sleep(self._scale.fault_seconds)
            self._daemon.kill_one(answerer=True)
            time.sleep(self._scale.fault_seconds)
            ballast.unlink()

    def _refetch(self) -> None:
        with suppress(OSError, ValueError):
            self._daemon.control({"op": "refresh", "domain": "good.test"})

    def _resolver_bytes(self) -> int:
        return _resident_bytes(self._daemon.resolver_pid)


def jump_clock(lab: Lab, scale: Scale, figures: list[Figures]) -> None:
    """Run another mailseal whose clock jumps a day ahead and two back."""
    tree = fetch(LIBFAKETIME)
    library = max(tree.path.glob("usr/lib/*/faketime/libfaketime.so.1"))
    stamp = lab.folder / "clock"
    stamp.write_text("+0d")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with running(lab, "skewed", environment=environment) as daemon:
        chaos = Chaos(lab, daemon, scale)
        chaos.await_known()
        for offset, name in (("+1d", "a day ahead"), ("-1d", "a day back")):
            with chaos.phase(f"the clock jumps {name}"):
                stamp.write_text(offset)
                time.sleep(2 + scale.fault_seconds)
                daemon.kill_one(answerer=False)
                time.sleep(2)
        figures += chaos.figures


def lose_log(lab: Lab, scale: Scale, figures: list[Figures]) -> None:
    """Run two more that log every hit, one onto a disk that fills up, one for a stalled reader."""
    tables = {**TABLES, "log": {"sample_hits": "1"}}
    log = lab.folder / "unlogged" / "state" / "log"
    with running(lab, "unlogged", tables=tables, log_to=log) as daemon:
        chaos = Chaos(lab, daemon, scale)
        chaos.await_known()
        with chaos.phase("the disk under the log is full") as unlogged:
            ballast = daemon.inside(daemon.state) / "ballast"
            fill(ballast)
            time.sleep(scale.fault_seconds)
            daemon.kill_one(answerer=True)
            time.sleep(scale.fault_seconds)
            ballast.unlink()
            if not wait_until(lambda: LOST_LINES in daemon.inside(log).read_bytes(), 10):
                unlogged.wrong.append("the log does not tell that it lacks lines")
        figures += chaos.figures
    fifo = lab.folder / "unread"
    os.mkfifo(fifo)
    with running(lab, "stalled", tables=tables, log_to=fifo) as daemon:
        chaos = Chaos(lab, daemon, scale)
        chaos.await_known()
        with chaos.phase("nobody reads the log"):
            time.sleep(scale.fault_seconds * 2)
            daemon.kill_one(answerer=False)
            time.sleep(scale.fault_seconds * 2)
        figures += chaos.figures


def lose_database(lab: Lab, scale: Scale, figures: list[Figures]) -> None:
    """Run another mailseal on PostgreSQL, and take that away for a while."""
    with throwaway_server() as server:
        tables = {**TABLES, "store": {"url": f'"{server.url}"'}}
        with running(lab, "shared", tables=tables) as daemon:
            chaos = Chaos(lab, daemon, scale)
            chaos.await_known()
            with chaos.phase("PostgreSQL away, then back"):
                server.stop()
                time.sleep(scale.database_seconds)
                server.start()
                time.sleep(scale.database_seconds)
            figures += chaos.figures


@contextmanager
def running(
    lab: Lab,
    name: str,
    *,
    tables: dict[str, dict[str, str]] | None = None,
    environment: dict[str, str] | None = None,
    log_to: Path | None = None,
) -> Iterator[KeptDaemon]:
    """Run a mailseal of its own, its state on a small file system."""
    daemon = KeptDaemon(
        lab.namespace,
        lab.folder / name,
        ca_file=lab.ca_file,
        tables=tables or TABLES,
        environment=environment,
        log_to=log_to,
    )
    daemon.state.mkdir(mode=0o700)
    options = f"size={DISK_BYTES},mode=0700"
    lab.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", daemon.state], check=True)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
        lab.run(["umount", "-l", daemon.state], check=True)


def run(lab: Lab, scale: Scale) -> list[Figures]:
    """Do it all; return the figures."""
    with running(lab, "chaos") as daemon:
        figures = Chaos(lab, daemon, scale).run()
    lose_log(lab, scale, figures)
    jump_clock(lab, scale, figures)
    lose_database(lab, scale, figures)
    return figures


def render(figures: list[Figures]) -> str:
    """Write the figures as a table in Markdown."""
    lines = [
        "| misfortune | for | look-ups of known domains | slowest | failed | wrong | memory | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} | {one.seconds:.0f} s | {one.asked} | {one.slowest_seconds * 1000:.0f} ms "
        f"| {len(one.failed)} | {len(one.wrong)} | {_megabytes(one.memory_bytes)} "
        f"| {', '.join(one.remarks)} |"
        for one in figures
    ]
    return "\n".join(lines) + "\n"


def _be_hostile(daemon: KeptDaemon, number: int, stopping: threading.Event) -> None:
    """Send garbage, half requests, floods, or read nothing; until told to stop."""
    dice = random.Random(number)
    tricks = (
        lambda: dice.randbytes(4096),
        lambda: b"999999999:",
        lambda: b"17:postfix good",
        lambda: b"17:postfix good.test," * 500,
        lambda: b"13:nomap example," * 20,
    )
    while not stopping.is_set():
        with suppress(OSError, EOFError, ValueError), daemon.connect() as connection:
            connection.settimeout(0.2)
            connection.sendall(dice.choice(tricks)())
            if number % 2:
                read_reply(connection)
        stopping.wait(0.05)


def _ask_random(path: Path, number: int, count: int) -> None:
    client = Client(path)
    for one in range(count):
        with suppress(FailedLookupError):
            client.ask(f"r{number}-{one}.nxdomain.test")
    client.close()


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):
        return 0


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"


def main(words: list[str]) -> int:
    """Run it, print the figures, return 1 if anything was not as it should be."""
    scale = SHORT if words == ["short"] else WHOLE
    try:
        with Lab.start() as lab:
            figures = run(lab, scale)
    except Unavailable as unavailable:
        print(f"lab: {unavailable.reason}; {unavailable.remedy}", file=sys.stderr)
        return 1
    print(render(figures), end="")
    for one in figures:
        for fault in (one.failed + one.wrong)[:10]:
            print(f"{one.name}: {fault}", file=sys.stderr)
    return 0 if all(one.is_good for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
