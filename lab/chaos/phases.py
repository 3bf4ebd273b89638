"""Misfortunes that befall one mailseal, one after the other, each under load and judged."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.chaos.clients import ask_random, be_hostile
from lab.chaos.disk import fill
from lab.chaos.figures import Figures, Scale, megabytes
from lab.chaos.world import KNOWN, MAX_TABLE
from lab.internet import Lab
from lab.kept import KeptDaemon
from lab.load import Load
from lab.model import Answer
from lab.service import wait_until
from lab.unavailable import Unavailable


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
                figures.remarks.append(f"resolver {megabytes(self._resolver_bytes())}")
                host.restore()
                refetching.join()

    def crowd(self) -> None:
        """Open many connections that do nothing, and many that do harm."""
        idle: list[socket.socket] = []
        with self.phase("idle and hostile clients") as figures:
            idle.extend(self._daemon.connect() for _ in range(self._scale.idle_clients))
            stopping = threading.Event()
            hostile = [
                threading.Thread(target=be_hostile, args=(self._daemon, number, stopping))
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
                threading.Thread(target=ask_random, args=(self._daemon.socketmap, n, share))
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


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):
        return 0
