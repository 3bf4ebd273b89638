"""``mailseal scan`` as a user meets it, with fakes behind every door."""

import json
import os
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mailseal.checks.catalogue import ENTRIES
from mailseal.checks.evidence import Trouble
from mailseal.checks.finding import Severity
from mailseal.checks.saved import read_evidence
from mailseal.faces.scan.chart import draw
from mailseal.faces.scan.examination import evidence_place
from mailseal.faces.scan.figures import share
from mailseal.faces.scan.pipe import Pipe
from mailseal.faces.scan.progress import Standing, render, render_time
from mailseal.scans.result import read_result, write_result
from mailseal.scans.tally import Tally
from mailseal.services.doubt import MAX_BLOCKED
from mailseal.services.scanner import ScanCounts
from tests.faces.scanworld import ScanWorld


@pytest.fixture
def scans(tmp_path: Path) -> ScanWorld:
    return ScanWorld(tmp_path)


def test_each_domain_comes_to_one_line(scans: ScanWorld) -> None:
    """The list's order gives the numbers; what is no name is told as that."""
    scans.write("example.com", "# not this", "other.example", "no name", "example.com")

    result = scans.scan()

    assert result.exit_code == 0, result.output
    lines = sorted(scans.results(), key=lambda line: int(line["number"]))
    assert [line["domain"] for line in lines] == ["example.com", "other.example", "no name"]
    assert lines[0]["verdict"] == "enforcing-and-healthy"
    assert lines[0]["facts"]["mode"] == "enforce"
    assert lines[0]["facts"]["tls"] == {"TLSv1.3": 1}
    assert lines[2]["fault"].startswith("no domain name: ")
    assert "2 domains looked at, 1 not examined" in result.stderr


@pytest.mark.parametrize(("level", "fetches", "sessions"), [
    ("dns", 0, 0), ("policy", 1, 0), ("smtp", 1, 1),
])  # fmt: skip
def test_a_level_says_whom_to_ask(
    scans: ScanWorld, level: str, fetches: int, sessions: int
) -> None:
    """With dns nobody but the resolvers learns of the scan."""
    scans.write("example.com")

    scans.scan("--level", level)

    assert (len(scans.world.policies.probes), len(scans.world.smtp.probes)) == (fetches, sessions)
    assert scans.results()[0]["depth"] == level


def test_the_same_command_goes_on_and_looks_at_no_domain_twice(scans: ScanWorld) -> None:
    """What stands in the output is done, in whatever order it stands there."""
    scans.write(*(f"d{number}.example" for number in range(100)))
    scans.scan("--level", "dns")
    whole = scans.results()
    kept = whole[::2]
    torn = json.dumps(whole[1])[:50]
    scans.output.write_text("".join(json.dumps(line) + "\n" for line in kept) + torn)
    scans.world.dns.queries.clear()

    result = scans.scan("--level", "dns")

    assert result.exit_code == 0
    assert "50 domains looked at, 50 were there before" in result.stderr
    assert sorted(line["number"] for line in scans.results()) == list(range(1, 101))
    assert scans.results()[:50] == kept
    asked = {name for name, _ in scans.world.dns.queries}
    assert not asked & {line["domain"] for line in kept}


@pytest.mark.parametrize(
    ("tail", "is_cut"),
    [
        (b'{"num', True),  # killed in the middle of a line
        (b'{"number":2,"domain":"d1.exa', True),
        (b"\0\0\0\0", True),  # the power failed
        (b"\0\0\n", True),
        (b'{"number":1,"domain":"d0.example"}', True),  # all but the end of the line
        (b"my notes", False),
        (b"my notes\n", False),
        (b'{"number":2\n{"number":3,"domain":"d2.example"}\n', False),
    ],
)
def test_only_what_a_killed_scan_leaves_is_cut_off(
    scans: ScanWorld, tail: bytes, is_cut: bool
) -> None:
    """A file of something else, named by mistake, is left as it is."""
    scans.write("d0.example", "d1.example")
    before = b'{"number":1,"domain":"d0.example","depth":"dns"}\n' if is_cut else b""
    if b'"number":1' in tail:
        before = b""
    scans.output.write_bytes(before + tail)

    result = scans.scan("--level", "dns")

    if is_cut:
        assert result.exit_code == 0, result.output
        assert sorted(line["number"] for line in scans.results()) == [1, 2]
    else:
        assert result.exit_code != 0
        assert scans.output.read_bytes() == tail


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_an_output_that_is_no_file_is_refused(scans: ScanWorld, options: list[str]) -> None:
    """A device that gives zeros for ever is neither read back nor written to."""
    scans.write("a.example")
    scans.output = Path("/dev/full")

    result = scans.scan("--level", "dns", *options)

    assert result.exit_code != 0
    assert "/dev/full is no regular file" in str(result.exception)
    assert not scans.world.dns.queries


def test_more_zeros_than_a_power_failure_leaves_are_not_cut_off(scans: ScanWorld) -> None:
    """An image of a disk, named by mistake, is not read to its end, and is left as it is."""
    scans.write("a.example")
    scans.output.touch()
    os.truncate(scans.output, 2**40)

    result = scans.scan("--level", "dns")

    assert "line 1, is no result of a scan" in str(result.exception)
    assert scans.output.stat().st_size == 2**40


def test_a_device_or_a_folder_is_no_list(scans: ScanWorld) -> None:
    """It is refused before it is read, as a list and as one of opt-outs."""
    scans.write("a.example")
    device, folder = Path("/dev/zero"), scans.folder

    for words in (["--opt-out", device], ["--column", "1"]):
        scans.list = scans.list if "--opt-out" in words else device
        assert "/dev/zero is a device and no list" in str(scans.scan(*words).exception)
    scans.list = folder
    assert f"{folder} is a folder and no list" in str(scans.scan().exception)
    assert not scans.world.dns.queries


def test_a_list_may_come_through_a_pipe_with_a_name(scans: ScanWorld) -> None:
    """A shell gives such a name for what another command writes; it is read once only."""
    reading, writing = os.pipe()
    os.write(writing, b"a.example\nb.example\n")
    os.close(writing)
    scans.list = Path(f"/dev/fd/{reading}")

    result = scans.scan("--level", "dns")
    os.close(reading)

    assert result.exit_code == 0, result.output
    assert {line["domain"] for line in scans.results()} == {"a.example", "b.example"}


def test_results_of_another_list_or_level_are_not_gone_on_with(scans: ScanWorld) -> None:
    """The message names the file and both ways out; --overwrite takes one of them."""
    scans.write("a.example", "b.example")
    scans.scan("--level", "dns")
    scans.write("c.example", "b.example")

    other_list = scans.scan("--level", "dns")
    other_level = scans.scan("--level", "policy")
    anew = scans.scan("--level", "dns", "--overwrite")

    assert "number 1 is a.example there and c.example" in str(other_list.exception)
    assert "--level dns" in str(other_level.exception)
    assert anew.exit_code == 0
    assert {line["domain"] for line in scans.results()} == {"c.example", "b.example"}


def test_who_has_opted_out_is_left_alone(scans: ScanWorld) -> None:
    """A domain is not asked about at all; a mail host is not connected to, whoever uses it."""
    scans.write("example.com", "other.example")
    opt_out = scans.folder / "optout.txt"
    opt_out.write_text("other.example\nmx1.example.com\n")

    result = scans.scan("--opt-out", opt_out)

    assert result.exit_code == 0
    first, second = sorted(scans.results(), key=lambda line: int(line["number"]))
    assert second == {"number": 2, "domain": "other.example", "fault": "opted out"}
    assert first["facts"]["starttls"] == {"unknown": 1}
    assert scans.world.smtp.probes == []


def test_many_domains_are_bothered_only_with_a_word_about_who_asks(scans: ScanWorld) -> None:
    """A thousand and one servers can ask back, or are not asked."""
    scans.write(*(f"d{number}.example" for number in range(1001)))

    silent = scans.scan("--level", "policy")
    scans.write("example.com")
    named = scans.scan("--level", "policy", "--contact", "https://scan.example/")

    assert (silent.exit_code, named.exit_code) == (2, 0)
    assert "--contact" in silent.stderr
    assert scans.contact == "https://scan.example/"


def test_evidence_is_kept_for_a_second_look(scans: ScanWorld) -> None:
    """A file for each domain, which check --from-evidence reads."""
    scans.write("example.com")
    folder = scans.folder / "evidence"

    scans.scan("--evidence", folder)

    place = evidence_place(folder, "example.com")
    assert read_evidence(place.read_bytes()).domain == "example.com"
    assert scans.run("check", "--from-evidence", place).exit_code in {0, 1}
    assert len(evidence_place(folder, "a" * 253).name) <= 255


def test_a_list_or_an_output_that_cannot_be_used_is_told(scans: ScanWorld) -> None:
    """By name, with what the system says."""
    missing = scans.scan()
    scans.write("example.com")
    scans.output = scans.folder / "no" / "results.jsonl"
    no_folder = scans.scan("--level", "dns")

    for result, name in ((missing, "domains.txt"), (no_folder, "results.jsonl")):
        assert result.exit_code == 1
        assert f"{name}: No such file" in result.stderr


@pytest.mark.parametrize(("count", "code"), [(MAX_BLOCKED - 1, 0), (MAX_BLOCKED + 20, 1)])
def test_a_scan_from_where_port_25_is_blocked_is_not_worth_while(
    scans: ScanWorld, count: int, code: int
) -> None:
    """It ends with a word on that, and nothing counts as done; a few dead servers prove nothing."""
    names = [f"d{number}.example" for number in range(count)]
    scans.write(*names)
    for number, name in enumerate(names):
        address = f"{20 + number}.51.100.1"  # each in a network of its own
        scans.world.dns.mx(name, (10, f"mx.{name}"))
        scans.world.dns.a(f"mx.{name}", address)
        scans.world.smtp.fail(f"mx.{name}", address, Trouble.TIMEOUT)
    scans.is_blocked = True

    result = scans.scan()

    assert result.exit_code == code
    if code:
        assert "--level policy" in str(result.exception)
        assert len(scans.results()) < 5
    else:
        assert len(scans.results()) == count


# -- summary ----------------------------------------------------------------------------------


def test_a_summary_counts_as_text_json_and_picture(scans: ScanWorld) -> None:
    """One pass over the results gives all three."""
    scans.write("example.com", "other.example")
    scans.scan()
    plot = scans.folder / "plot.svg"

    text = scans.run("scan", "summary", scans.output, "--plot", plot)
    document = scans.run("scan", "summary", scans.output, "--format", "json")

    assert text.exit_code == 0, text.output
    assert "neither MX nor address                        1    50.0 %" in text.stdout
    assert "MTA-STS in mode enforce                       1   100.0 %" in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80
    assert json.loads(document.stdout)["mta_sts_mode"] == {"enforce": 1}
    picture = ET.fromstring(plot.read_text())
    assert picture.tag.endswith("svg")
    words = "".join(picture.itertext())
    assert "TLS versions of mail servers" in words


def test_a_summary_leaves_out_a_line_that_is_being_written(scans: ScanWorld) -> None:
    """A scan that runs can be counted; a file of something else cannot."""
    scans.output.write_bytes(b'{"number":1,"domain":"!","fault":"no domain name: x"}\n{"numb')
    running = scans.run("scan", "summary", scans.output)
    scans.output.write_bytes(b"notes\n")
    other = scans.run("scan", "summary", scans.output)
    png = scans.run("scan", "summary", scans.output, "--plot", "plot.png")

    assert running.exit_code == 0
    assert "no domain name" in running.stdout
    assert (other.exit_code, png.exit_code) == (1, 2)
    assert "line 1" in other.stderr
    assert ".svg" in png.stderr


def test_a_picture_is_well_formed_whatever_the_shares_are() -> None:
    """One of a hundred thousand is "<0.01 %", and small shares are drawn against the largest."""
    tally = Tally()
    tally.domains = tally.takes_mail = 100_000
    tally.findings[Severity.ERROR]["mx-not-covered"] = 1
    tally.findings[Severity.WARNING]["tlsrpt-absent"] = 99_999

    words = "".join(ET.fromstring(draw(tally)).itertext())

    assert "of 100,000 domains; the longest bar is <0.01 %" in words
    assert ET.fromstring(draw(Tally())).tag.endswith("svg")


@pytest.mark.parametrize(
    ("count", "of", "text"),
    [
        (0, 0, "-"),
        (0, 5, "0.0 %"),
        (1, 1_000_000, "<0.01 %"),
        (7, 1000, "0.70 %"),
        (999_999, 1_000_000, ">99.9 %"),
        (5, 5, "100.0 %"),
    ],
)
def test_shares_are_never_rounded_to_none_or_all(count: int, of: int, text: str) -> None:
    """One of a million is something."""
    assert share(count, of) == text


def test_the_result_shown_in_the_docs_is_one() -> None:
    """Its fields are read, and its codes are in the catalogue."""
    page = (Path(__file__).parents[2] / "docs/howto/scan-many-domains.md").read_text()
    shown = page.partition("```json\n")[2].partition("```")[0]

    result = read_result(shown.replace("\n", "").encode())

    assert json.loads(write_result(result)) == json.loads(shown)
    assert set(result.findings) <= {entry.code for entry in ENTRIES}


# -- a pipe -----------------------------------------------------------------------------------


def test_a_pipe_gives_lines_as_a_file_does() -> None:
    """Whole lines, pieces of long ones, and the rest at the end."""
    reading, writing = os.pipe()
    os.write(writing, b"a.example\nb.exa")
    os.write(writing, b"mple\n0123456789\nlast")
    os.close(writing)
    pipe = Pipe(reading)

    lines = [pipe.readline(), pipe.readline(), pipe.readline(4), pipe.readline(100)]
    assert lines == [b"a.example\n", b"b.example\n", b"0123", b"456789\n"]
    assert [pipe.readline(), pipe.readline()] == [b"last", b""]
    os.close(reading)


def test_whoever_waits_for_a_pipe_can_be_called_back() -> None:
    """A scan of standard input ends when it is told to, whatever the other end does."""
    reading, writing = os.pipe()
    pipe = Pipe(reading)
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.append(pipe.readline()))
    thread.start()
    pipe.stop()
    thread.join(30)

    assert read == [b""]
    os.close(reading)
    os.close(writing)


# -- progress ---------------------------------------------------------------------------------


def test_progress_fits_a_line_of_a_terminal() -> None:
    """Also for ten million domains."""
    counts = ScanCounts(done=1_234_567, spared=1_000_000, faults=12_345)
    line = render(Standing(counts=counts, duplicates=12, total=10_000_000), 123.4)

    assert line.startswith("2,234,579/10,000,000 (22.3%)  123/s  17 h 28 min left")
    assert len(line) <= 79 + len("  12,345 not examined")
    assert "left" not in render(Standing(counts=counts, duplicates=0, total=None), 5.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 s"), (65, "1 min 5 s"), (1200, "20 min"), (7260, "2 h 1 min"), (200_000, "2 d 7 h")],
)
def test_time_left_is_told_in_two_units(seconds: float, text: str) -> None:
    """Nobody plans a day by its seconds."""
    assert render_time(seconds) == text
