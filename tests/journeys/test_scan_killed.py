"""A scan that is killed again and again, as a whole process against a scripted resolver."""

import json
import random
import signal
import subprocess
from pathlib import Path
from typing import Self

import pytest

from mailseal.faces.scan.run import INTERRUPTED
from tests.journeys.scriptednames import scripted_names
from tests.journeys.serving import GUARD_SECONDS, MAILSEAL, until

DOMAINS = 3000
LAST = f"d{DOMAINS - 1}.example"
KILLS = 10


class Scan:
    """A list, an output, and the command that goes from one to the other."""

    def __init__(self, folder: Path, port: int) -> None:
        self.output = folder / "results.jsonl"
        self.log = folder / "log"
        listed = folder / "domains.txt"
        names = [f"d{number}.example" for number in range(DOMAINS)]
        # Some stand there twice, and comments give lines other numbers than entries have.
        listed.write_text("# all of them\n" + "\n".join([*names, *names[:100]]) + "\n")
        config = folder / "mailseal.toml"
        config.write_text(
            f'state_dir = "{folder}/state"\n[dns]\nresolvers = ["127.0.0.1:{port}"]\n'
        )
        words = ["scan", listed, "--output", self.output, "--level", "dns", "--config", config]
        self.command = [str(word) for word in (MAILSEAL, *words)]
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what a test has left running, such as one that failed."""
        for process in self._started:
            process.kill()
            process.wait()

    def start(self, stdin: int | None = None) -> "subprocess.Popen[bytes]":
        """Start the command in a session of its own: it shares no processor with other tests'."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command, stdin=stdin, stdout=log, stderr=log, start_new_session=True
            )
        self._started.append(process)
        return process

    @property
    def size(self) -> int:
        return self.output.stat().st_size if self.output.exists() else 0

    def wait_until_grown(self, process: "subprocess.Popen[bytes]", *, by: int = 1) -> None:
        """Return when the output has grown, or the scan has ended before."""
        end = self.size + by
        until(lambda: self.size >= end or process.poll() is not None)

    def finish(self) -> list[int]:
        """Let it come to its end; return the numbers of the results, in order."""
        assert self.start().wait(GUARD_SECONDS) == 0, self.log.read_text()
        return [json.loads(line)["number"] for line in self.output.read_text().splitlines()]


def test_a_scan_killed_ten_times_ends_with_each_domain_once(tmp_path: Path) -> None:
    """kill -9 at any moment costs a moment's work and nothing else."""
    chance = random.Random(4)
    with scripted_names() as names, Scan(tmp_path, names.port) as scan:
        names.unanswered = LAST  # or a quick scan would end before it is killed
        for _ in range(KILLS):
            process = scan.start()
            scan.wait_until_grown(process, by=chance.randrange(1, 20_000))
            process.kill()
            assert process.wait(GUARD_SECONDS) == -signal.SIGKILL, scan.log.read_text()
        names.unanswered = None
        numbers = scan.finish()

        assert sorted(numbers) == list(range(1, DOMAINS + 1))
        asked = [names.asked[f"d{number}.example"] for number in range(DOMAINS)]
        assert min(asked) >= 1
        assert sum(asked) < 3 * DOMAINS  # most were looked at once


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_scan_that_is_told_to_end_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """It says how to go on, without a traceback, and leaves no torn line."""
    with scripted_names() as names, Scan(tmp_path, names.port) as scan:
        names.unanswered = LAST
        process = scan.start()
        scan.wait_until_grown(process, by=5000)
        process.send_signal(number)

        assert process.wait(GUARD_SECONDS) == INTERRUPTED
        assert "run the same command again" in scan.log.read_text()
        assert "Traceback" not in scan.log.read_text()
        assert scan.output.read_bytes().endswith(b"}\n")
        names.unanswered = None
        assert sorted(scan.finish()) == list(range(1, DOMAINS + 1))


def test_a_scan_of_a_silent_pipe_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """What came until then is in the output, though the other end of the pipe says nothing."""
    with scripted_names() as names, Scan(tmp_path, names.port) as scan:
        scan.command[2] = "-"
        process = scan.start(stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(b"d1.example\n" * 300 + b"d2.example\n" * 300)
        process.stdin.flush()
        until(lambda: scan.output.exists() and scan.output.read_bytes().count(b"\n") == 2)
        process.terminate()

        assert process.wait(GUARD_SECONDS) == INTERRUPTED
        process.stdin.close()
        domains = [json.loads(line)["domain"] for line in scan.output.read_text().splitlines()]
        assert sorted(domains) == ["d1.example", "d2.example"]


def test_a_scan_without_a_resolver_ends_and_nothing_counts_as_done(tmp_path: Path) -> None:
    """The list is looked at once somebody answers again."""
    with scripted_names() as names:
        closed = Scan(tmp_path, names.port)
    done = subprocess.run(closed.command, capture_output=True, timeout=GUARD_SECONDS, check=False)

    assert done.returncode == 1
    assert b"no resolver has answered" in done.stderr
    assert b"Traceback" not in done.stderr
    assert closed.size == 0


def test_two_scans_do_not_write_into_one_file(tmp_path: Path) -> None:
    """The second says so and leaves it alone."""
    with scripted_names() as names, Scan(tmp_path, names.port) as scan:
        names.unanswered = LAST
        first = scan.start()
        scan.wait_until_grown(first)

        second = subprocess.run(
            scan.command, capture_output=True, timeout=GUARD_SECONDS, check=False
        )

    assert second.returncode == 1
    assert b"being written by another scan" in second.stderr
