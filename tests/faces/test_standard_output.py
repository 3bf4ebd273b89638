"""What becomes of a command whose words cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailseal.checks.saved import write_evidence
from mailseal.faces.standardoutput import StandardOutputError, guard
from mailseal.testing.evidence import domain_evidence

RUN = (sys.executable, "-c", "from mailseal.wiring import main; main()")
FULL = Path("/dev/full")


@pytest.mark.parametrize("words", ["check", "scan summary", "--help", "doctor --help"])
def test_a_full_disk_is_told_in_a_line(words: str, tmp_path: Path) -> None:
    """Neither a traceback nor "a fault of mailseal", and a code that nobody takes for a verdict."""
    (tmp_path / "evidence.json").write_bytes(write_evidence(domain_evidence()))
    (tmp_path / "results.jsonl").touch()
    more = {
        "check": ["--from-evidence", str(tmp_path / "evidence.json")],
        "scan summary": [str(tmp_path / "results.jsonl")],
    }

    with FULL.open("wb") as full:
        ended = subprocess.run(
            [*RUN, *words.split(), *more.get(words, [])],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    line = "Error: standard output could not be written: No space left on device\n"
    assert (ended.stderr, ended.returncode) == (line, 3)


def test_a_reader_that_has_gone_away_hears_nothing_more() -> None:
    """``| head`` is a wish and no failure."""
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        [*RUN, "--help"], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writing)

    assert ended.stderr == b""


def test_what_cannot_be_written_is_told_once() -> None:
    """Python flushes once more at the end, and would tell the same again in its own words."""
    with FULL.open("w") as full:
        stream = guard(full)
        stream.write("a line\n")
        with pytest.raises(StandardOutputError, match="No space left on device"):
            stream.flush()
        stream.close()


def test_a_guarded_stream_writes_as_before(tmp_path: Path) -> None:
    """Encoding and place are those of the stream that it stands for."""
    with (tmp_path / "out").open("w", encoding="latin-1") as file:
        stream = guard(file)
        stream.write("bücher\n")
        stream.close()

    assert (tmp_path / "out").read_bytes() == "bücher\n".encode("latin-1")
