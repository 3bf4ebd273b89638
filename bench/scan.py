"""Scans: domains a second against checkdmarc's serial loop, and memory by the length of the list.

Two thousand domains that share forty mail servers, from the record to the TLS session, by
``mailseal scan`` as it comes; with ``--complete`` it asks for SPF, DMARC and CAA as well, and that
rate is told, too. checkdmarc runs on a part of the corpus that has as many domains for each mail
server as the whole. Neither's start is counted: ours is what a scan of one domain takes. Both use
the same resolver and servers, in turns.

Without delay one domain in ten publishes MTA-STS, which is still more than ten times as many as in
lists of real ones (0.7 percent of the top million in 2026, by URIports); with delay all do. The
rate where all do is told without delay, too: there a scan takes two processors and the servers a
part of a third, so the figure falls where there are only two and others use them as well.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import scanworld
from bench.otherchecker import CheckerEnvironment, prepare
from bench.scanworld import DOMAINS, PER_HOST, RESOLVER
from lab.namespace import Namespace
from lab.unavailable import Unavailable

HERE = Path(__file__).parent.parent
MAILSEAL = Path(sys.executable).with_name("mailseal")
POLL_SECONDS = 0.05
ALL, SOME = 1, 10  # of how many domains one publishes MTA-STS
SHORT_LIST, LONG_LIST = 20_000, 100_000
LONGEST_GROWTH_MB = 5.0

# Every DNS answer and every SMTP answer late by so many milliseconds.
PROMPT, DELAYED, SLOW = (0, 0), (20, 50), (100, 300)

TARGETS = {
    "scan_time_percent": 100 / 8,  # of checkdmarc's time for a domain
    "scan_delayed_time_percent": 100 / 30,
    "scan_slow_ms_per_domain": 1000 / 80,
    "scan_memory_growth_mb": LONGEST_GROWTH_MB,
}

CONFIGURATION = """\
state_dir = "{folder}/state"

[dns]
resolvers = ["{resolver}"]

[https]
ca_file = "{ca_file}"
allow_private_addresses = true

[check]
name = "bench.example.com"
contact = "postmaster@bench.example.com"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one scan took."""

    domains: int
    seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Domains a second."""
        return self.domains / self.seconds


class World:
    """The running servers, and a scanner among them."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._namespace = namespace
        self._every = ALL
        self._servers = {role: self._start(role) for role in scanworld.ROLES}
        for server in self._servers.values():
            self._read(server, "ready")
        self._config = folder / "mailseal.toml"
        self._config.write_text(
            CONFIGURATION.format(folder=folder, resolver=RESOLVER, ca_file=self.ca_file)
        )

    def set(self, dns_ms: int, smtp_ms: int, every: int = ALL) -> None:
        """Let answers be late, and one of ``every`` domains publish MTA-STS, from now on."""
        self._every = every
        for role, milliseconds in (("dns", dns_ms), ("smtp", smtp_ms)):
            server = self._servers[role]
            assert server.stdin is not None
            server.stdin.write(b"%d %d\n" % (milliseconds, every))
            server.stdin.flush()
            self._read(server, "ok")

    def scan(self, count: int, *options: str) -> Scan:
        """Scan the first ``count`` domains; raises ``RuntimeError`` where not all went well."""
        names, output = self.folder / "names.txt", self.folder / "results.jsonl"
        if not names.exists() or names.stat().st_size != count * len(scanworld.domain(0) + "\n"):
            with names.open("w") as file:
                file.writelines(f"{scanworld.domain(number)}\n" for number in range(count))
        command: list[str | Path] = [
            MAILSEAL,
            "scan",
            names,
            "--output",
            output,
            "--overwrite",
            "--quiet",
            *options,
        ]
        began = time.monotonic()
        process = self._spawn([*command, "--config", self._config])
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_mb(process.pid))
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - began
        if process.returncode:
            raise RuntimeError(f"the scan ended with {process.returncode}: {self.log()}")
        _check(output, count, -(-count // self._every))
        return Scan(domains=count, seconds=seconds, peak_mb=peak)

    def check_serially(self, environment: CheckerEnvironment, count: int) -> float:
        """Return how many domains a second checkdmarc does, on the first ``count``."""
        names = [scanworld.domain(number) for number in range(count)]
        done = self._namespace.run(
            [environment.python, HERE / "bench" / "scan_serial.py", RESOLVER, *names],
            environment={
                "SSL_CERT_FILE": str(self.ca_file),
                "REQUESTS_CA_BUNDLE": str(self.ca_file),
            },
            timeout=600,
        )
        if done.returncode:
            raise RuntimeError(f"checkdmarc ended with {done.returncode}: {done.stderr[-2000:]}")
        seconds, valid = done.stdout.split()[-2:]
        if int(valid) != -(-count // self._every):
            raise RuntimeError(f"checkdmarc found {valid} valid policies among {count}")
        return count / float(seconds)

    def log(self) -> str:
        """Return the end of what all programs inside have said."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def _start(self, role: str) -> "subprocess.Popen[bytes]":
        return self._spawn(
            [sys.executable, "-m", "bench.scanworld", role, self.folder], is_talking=True
        )

    def _spawn(
        self, command: Sequence[str | Path], *, is_talking: bool = False
    ) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE if is_talking else None
        with (self.folder / "log").open("ab") as log:
            return self._namespace.spawn(
                command, cwd=HERE, stdin=pipe or subprocess.DEVNULL, stdout=pipe or log, stderr=log
            )

    def _read(self, server: "subprocess.Popen[bytes]", due: str) -> None:
        assert server.stdout is not None
        if server.stdout.readline().decode().strip() != due:
            raise RuntimeError(f"a server of the scan does not work: {self.log()}")


@contextlib.contextmanager
def world(say: Callable[[str], None]) -> Iterator[World]:
    """Run the servers until the block ends; raises ``Unavailable``."""
    if os.geteuid() != 0:
        raise Unavailable(
            "this needs a network namespace of its own, which takes root", 'run "sudo make bench"'
        )
    with tempfile.TemporaryDirectory(prefix="mailseal-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "scan"
        folder.mkdir()
        scanworld.certify(folder, say)
        # What asks the machine's resolver, as the other checker's look for a mail server does.
        etc = {"resolv.conf": f"nameserver {RESOLVER}\n"}
        namespace = Namespace.open(folder, etc, {})
        try:
            yield World(namespace, folder)
        finally:
            namespace.close()


def measure(say: Callable[[str], None]) -> dict[str, float]:
    """Measure all but the longest list."""
    figures: dict[str, float] = {}
    with world(say) as servers:
        # Lists of 20 000 and more have no policy hosts that answer: only DNS is asked.
        short = servers.scan(SHORT_LIST, "--level", "dns")
        long = servers.scan(LONG_LIST, "--level", "dns")
        say(
            f"{short.peak_mb:.1f} MB after {SHORT_LIST} names at {short.rate:.0f} a second,"
            f" {long.peak_mb:.1f} MB after {LONG_LIST} at {long.rate:.0f}"
        )
        figures["scan_memory_growth_mb"] = round(long.peak_mb - short.peak_mb, 2)
        servers.set(*SLOW)
        slow = servers.scan(DOMAINS)
        say(f"{slow.rate:.0f} domains a second with DNS and SMTP late by {SLOW} ms")
        figures["scan_slow_ms_per_domain"] = round(1000 / slow.rate, 2)
        try:
            environment = prepare(say)
        except RuntimeError as error:
            say(f"not compared with checkdmarc: {error}")
            return figures
        for key, delay, every, part in (
            ("scan_time_percent", PROMPT, SOME, 4 * PER_HOST),
            ("scan_published_time_percent", PROMPT, ALL, 4 * PER_HOST),
            ("scan_delayed_time_percent", DELAYED, ALL, PER_HOST),
        ):
            servers.set(*delay, every)
            ours = theirs = 0.0
            start = min(servers.scan(1).seconds for _ in range(2))
            for _ in range(2):  # in turns, and the best of each counts
                theirs = max(theirs, servers.check_serially(environment, part))
                ours = max(ours, DOMAINS / (servers.scan(DOMAINS).seconds - start))
            complete = DOMAINS / (servers.scan(DOMAINS, "--complete").seconds - start)
            say(
                f"{ours:.0f} domains a second with DNS and SMTP late by {delay} ms where one in "
                f"{every} publishes, "
                f"{environment.version} {theirs:.2f}: {ours / theirs:.1f} times as many; "
                f"{complete:.0f} with --complete"
            )
            figures[key] = round(100 * theirs / ours, 3)
    return figures


def _check(output: Path, count: int, publishing: int) -> None:
    """Make sure that every domain is there once, and was seen as what it is."""
    seen: Counter[tuple[str, str]] = Counter()
    is_there = bytearray(count + 1)
    with output.open("rb") as file:
        for line in file:
            result = json.loads(line)
            seen[result["facts"]["sts"], result["verdict"]] += 1
            is_there[result["number"]] += 1
    if seen.total() != count or sum(is_there) != count or max(is_there) > 1:
        raise RuntimeError(f"not every domain is there once: {seen.total()} of {count}")
    if sorted(seen.values()) != sorted(filter(None, (publishing, count - publishing))):
        raise RuntimeError(f"the domains were not seen as what they are: {dict(seen)}")


def _peak_mb(pid: int) -> float:
    """Return the most memory that a process has had, zero if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = (line.split() for line in status.splitlines())
    return next((int(words[1]) / 1000 for words in lines if words[0] == "VmHWM:"), 0.0)
