"""``mailseal check``: what it gathers, keeps and reads, and the exit code of a plug-in."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from mailseal import wiring
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.judge import Judgement
from mailseal.checks.saved import read_evidence, write_evidence
from mailseal.config import Config
from mailseal.faces.check.exitcode import worst
from mailseal.faces.cli import cli
from mailseal.services.checker import Checker
from mailseal.testing.evidence import DOMAIN, domain_evidence, failed, records
from tests.services.checkworld import World, good_world

SAVED = write_evidence(domain_evidence())


class Desk:
    """A command line in a world of fakes; stands in for ``mailseal.wiring``."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self.opened = 0
        self.config_file = folder / "mailseal.toml"
        self.config_file.write_text(f'state_dir = "{folder}"\n')

    def set_up_logging(self, settings: object) -> None:
        """Leave the log to the test."""

    @contextlib.asynccontextmanager
    async def open_checker(self, config: Config) -> AsyncIterator[Checker]:
        """Give a checker of fakes."""
        self.opened += 1
        yield self.world.checker

    def run(self, *arguments: str | Path) -> Result:
        """Run ``mailseal check`` as in a terminal."""
        words = ["check", *map(str, arguments), "--config", str(self.config_file)]
        return CliRunner().invoke(cli, words, obj=self)

    def run_json(self, *arguments: str | Path) -> Any:
        """Run it with ``--format json``, and read what it prints."""
        return json.loads(self.run(*arguments, "--format", "json").stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give a command line in a world where example.com is well."""
    return Desk(tmp_path, good_world())


@pytest.mark.parametrize(
    "given",
    ["user@example.com", "https://example.com/mail", "smtp://example.com:25"],
)
def test_an_address_or_url_is_told_its_domain(desk: Desk, given: str) -> None:
    """What people have at hand to copy is often more than the name."""
    result = desk.run(given)
    assert result.exit_code == 3
    assert "did you mean example.com?" in result.output


def test_a_domain_is_gathered_and_judged(desk: Desk) -> None:
    """The verdict comes first, by the domain's name."""
    result = desk.run(DOMAIN)

    assert result.stdout.startswith(f"{DOMAIN}: ")
    assert desk.world.smtp.count("mx1.example.com") == 1


def test_a_name_is_taken_as_people_write_it(desk: Desk) -> None:
    """Upper case, a final dot and U-labels are one domain, looked at once."""
    document = desk.run_json("EXAMPLE.com.", "example.com")
    assert document["domain"] == DOMAIN

    assert desk.run_json("bücher.example")["domain"] == "xn--bcher-kva.example"


def test_several_domains_share_one_checker(desk: Desk) -> None:
    """They come out in the order in which they were named."""
    result = desk.run("b.example", DOMAIN, "a.example", "--format", "json")
    domains = [json.loads(line)["domain"] for line in result.stdout.splitlines()]

    assert domains == ["b.example", DOMAIN, "a.example"]
    assert desk.opened == 1


def test_options_reach_the_checker(desk: Desk) -> None:
    """Depth, deep and selectors decide who is asked."""
    desk.run(DOMAIN, "--depth", "dns", "--dkim", "s1")
    assert desk.world.policies.probes == []
    assert desk.world.dns.count(f"s1._domainkey.{DOMAIN}") == 1

    desk.run(DOMAIN, "--deep")
    assert desk.world.smtp.deep_probes == 1


# -- evidence that is kept ------------------------------------------------------------------


def test_evidence_that_was_kept_is_judged_alike_without_a_network(
    desk: Desk, tmp_path: Path
) -> None:
    """What is said about a domain depends on what was observed and on nothing else."""
    path = tmp_path / "evidence.jsonl"
    first = desk.run(DOMAIN, "other.example", "--save-evidence", path)
    again = desk.run("--from-evidence", path)

    assert again.stdout == first.stdout
    assert again.exit_code == first.exit_code
    assert desk.opened == 1


def test_a_folder_gets_a_file_for_each_domain(desk: Desk, tmp_path: Path) -> None:
    """And is read back whole."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    desk.run(DOMAIN, "other.example", "--save-evidence", folder)

    assert sorted(path.name for path in folder.iterdir()) == [
        "example.com.json",
        "other.example.json",
    ]
    assert read_evidence((folder / "example.com.json").read_bytes()).domain == DOMAIN
    assert desk.run("--from-evidence", folder).stdout.count("other.example: ") == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{}", "line 1: it is no saved evidence"),
        (b"\n\n", "holds no evidence"),
        (SAVED + b"\n{", "line 2"),
        (SAVED.replace(b"2026-06-30T00:00:00Z", b"2026-06-30T00:00:00"), "not in UTC"),
        (SAVED.replace(b'"192.0.2.10"', b'"nonsense"'), "no address"),
    ],
)
def test_a_file_that_is_no_evidence_is_refused_by_line(
    desk: Desk, tmp_path: Path, text: bytes, why: str
) -> None:
    """Wrong usage is 3: 2 would tell monitoring that the domain is broken."""
    path = tmp_path / "evidence"
    path.write_bytes(text)
    result = desk.run("--from-evidence", path)

    assert result.exit_code == 3
    assert why in result.stderr


def test_a_fault_of_our_own_is_unknown_and_no_warning(desk: Desk) -> None:
    """Python's own exit code would be 1, which monitoring reads as "warnings"."""

    async def gather(*_: object, **__: object) -> object:
        raise ValueError("\x1b[31mnonsense")

    desk.world = cast("World", SimpleNamespace(checker=SimpleNamespace(gather=gather)))
    result = desk.run(DOMAIN)

    assert result.exit_code == 3
    assert "a fault of mailseal, so nothing was found out: ValueError at " in result.stderr
    assert "please report this line" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_place_that_cannot_be_written_is_named(desk: Desk, tmp_path: Path) -> None:
    """A missing folder is told before anybody is asked, a full disk behind the report."""
    result = desk.run(DOMAIN, "--save-evidence", tmp_path / "missing" / "file")

    assert result.exit_code == 3
    assert f"there is no folder {tmp_path / 'missing'}; make it" in result.stderr
    assert desk.opened == 0

    result = desk.run(DOMAIN, "--save-evidence", "/dev/full")
    assert result.exit_code == 3
    assert "cannot write /dev/full" in result.stderr
    assert "Usage:" not in result.stderr  # nothing was wrong with the command
    assert result.stdout.startswith(f"{DOMAIN}: ")


# -- forms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("text", f"{DOMAIN}: "),
        ("json", "{\n"),
        ("html", "<!DOCTYPE html>"),
        ("junit", "<?xml "),
        ("nagios", ("OK - ", "WARNING - ", "UNKNOWN - ")),
    ],
)
def test_each_form_is_for_its_reader(desk: Desk, form: str, start: str | tuple[str, ...]) -> None:
    """The exit code is the same whatever the form."""
    result = desk.run(DOMAIN, "--format", form)

    assert result.stdout.startswith(start)
    assert result.exit_code == desk.run(DOMAIN).exit_code
    assert result.stderr == ""  # progress is for terminals


def test_a_page_is_utf_8_whatever_the_terminal(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cron job has no locale, and its report must open in a browser all the same."""
    path = tmp_path / "evidence"
    desk.run(DOMAIN, "--save-evidence", path)
    words = ["check", "--from-evidence", str(path)]
    page = CliRunner(charset="ascii").invoke(cli, [*words, "--format", "html"], obj=desk)
    text = CliRunner(charset="ascii").invoke(cli, words, obj=desk)

    assert "✓" in page.stdout_bytes.decode("utf-8")
    assert text.stdout_bytes.isascii()
    assert b"+ MTA-STS record" in text.stdout_bytes


def test_evidence_is_in_the_object_when_asked_for(desk: Desk) -> None:
    """One run gives the judgement and what it was made of."""
    assert "evidence" not in desk.run_json(DOMAIN)
    assert desk.run_json(DOMAIN, "--include-evidence")["evidence"]["domain"] == DOMAIN


def test_an_interruption_exits_3(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 would tell monitoring that there are warnings."""

    @contextlib.asynccontextmanager
    async def open_checker(config: Config) -> AsyncIterator[Checker]:
        raise KeyboardInterrupt
        yield desk.world.checker

    monkeypatch.setattr(desk, "open_checker", open_checker)
    result = desk.run(DOMAIN)

    assert result.exit_code == 3
    assert "interrupted" in result.stderr


# -- exit codes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.example", "--from-evidence", "/dev/null"),  # one or the other
        ("192.0.2.1",),  # no domain
        ("a..b",),
        ("--depth", "all", "a.example"),
        ("--nonsense",),
        ("--format", "pdf", "a.example"),
        ("--include-evidence", "a.example"),
        ("a.example", "--dkim", "no selector"),
        ("--from-evidence", "/nonexistent"),
        ("--from-evidence", "/dev/null", "--save-evidence", "/dev/null"),
    ],
)
def test_wrong_usage_exits_3(desk: Desk, arguments: tuple[str, ...]) -> None:
    """Nothing is asked, and the message says what was wrong."""
    result = desk.run(*arguments)

    assert result.exit_code == 3
    assert "Error:" in result.stderr
    assert desk.opened == 0


def test_a_file_of_evidence_and_a_domain_are_not_judged_together(desk: Desk) -> None:
    """Else somebody would believe that the domain had been looked at."""
    result = desk.run("a.example", "--from-evidence", "/dev/null")

    assert "name no domain beside it" in result.stderr


def test_an_unusable_configuration_exits_3(desk: Desk) -> None:
    """To monitoring that is no fault of the domain."""
    desk.config_file.write_text("[check]\nsessions = 0\n")
    result = desk.run(DOMAIN)

    assert result.exit_code == 3
    assert "sessions is 0" in result.stderr


def test_without_any_configuration_the_defaults_do(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has installed nothing but the program can check a domain."""
    monkeypatch.delenv("MAILSEAL_CONFIG", raising=False)
    monkeypatch.setattr("mailseal.config.reading.DEFAULT_PATH", Path("/nonexistent/mailseal.toml"))
    result = CliRunner().invoke(cli, ["check", DOMAIN], obj=desk)

    assert desk.opened == 1
    assert result.stdout.startswith(f"{DOMAIN}: ")


def test_what_could_not_be_found_out_exits_3(desk: Desk, tmp_path: Path) -> None:
    """A resolver that fails is no proof that all is well, nor that anything is broken."""
    evidence = domain_evidence(own_records=records(sts=failed()))
    path = tmp_path / "evidence"
    path.write_bytes(write_evidence(replace(evidence, policy_host=None)))

    assert desk.run("--from-evidence", path).exit_code == 3


def test_a_machine_that_cannot_look_exits_3(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without certificate authorities nobody could tell a good policy host from a bad one."""
    missing = tmp_path / "missing.pem"
    desk.config_file.write_text(f'[https]\nca_file = "{missing}"\n')
    monkeypatch.setattr(desk, "open_checker", wiring.open_checker)  # the real doors
    result = desk.run(DOMAIN)

    assert result.exit_code == 3
    assert str(missing) in result.stderr


ERROR, UNKNOWN, WARNING, INFO = Severity.ERROR, Severity.UNKNOWN, Severity.WARNING, Severity.INFO


@pytest.mark.parametrize(
    ("severities", "code"),
    [
        ([], 0),
        ([()], 0),
        ([(INFO,)], 0),
        ([(WARNING,), (INFO,)], 1),
        ([(UNKNOWN, WARNING)], 3),
        ([(WARNING,), (UNKNOWN,)], 3),
        ([(UNKNOWN,), (ERROR,), (WARNING,)], 2),
    ],
)
def test_of_several_domains_the_worst_counts(
    severities: list[tuple[Severity, ...]], code: int
) -> None:
    """In the order 2, 3, 1, 0, as a monitoring plug-in's reader expects it."""
    judgements = [
        SimpleNamespace(
            findings=tuple(Finding(code="x", severity=one, subject="x", seen="X.") for one in of)
        )
        for of in severities
    ]
    assert worst(cast("list[Judgement]", judgements)) == code
