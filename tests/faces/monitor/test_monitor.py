"""The commands of watching: domains come and go, looks are shown, alerts are tried."""

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mailseal
from mailseal.config import Config
from mailseal.faces.cli import cli
from mailseal.ports.storeerrors import StoreFullError
from mailseal.services.watchservice import WatchService
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import MX_HOST, domain_evidence, host, session, tls
from tests.services.watchworld import DOMAIN, HOUR, MINUTE, World, broken


class Wiring:
    """What the commands are given instead of the real object graph."""

    def __init__(self) -> None:
        self.world = World()
        self.clock = self.world.clock
        self.config: Config | None = None

    def set_up_logging(self, _settings: Any) -> None:
        """Leave logging as it is."""

    @asynccontextmanager
    async def open_watch(self, config: Config) -> AsyncIterator[WatchService]:
        """Give the actors of the world."""
        self.config = config
        world = self.world
        yield WatchService(history=world.history, watcher=world.watcher, herald=world.herald)


@pytest.fixture
def wiring(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """Give a world, and a configuration that is there."""
    path = tmp_path_factory.mktemp("config") / "mailseal.toml"
    path.write_text("[monitor]\nmax_domains = 3\n")
    monkeypatch.setenv("MAILSEAL_CONFIG", str(path))
    return Wiring()


def run(wiring: Wiring, *arguments: str, exits: int = 0) -> Result:
    """Run a command and hold it to its exit code."""
    result = CliRunner().invoke(cli, ["monitor", *arguments], obj=wiring)
    assert result.exit_code == exits, result.output
    return result


def test_domains_are_added_listed_and_removed(wiring: Wiring) -> None:
    """Each says what came of it; what is not watched cannot be removed."""
    assert "is watched from now on" in run(wiring, "add", "example.com", "Example.NET").stdout
    assert "was watched" in run(wiring, "add", "example.com").stdout
    assert "example.net" in run(wiring, "list").stdout
    assert "not looked at yet" in run(wiring, "list").stdout
    assert "is forgotten" in run(wiring, "remove", "example.net").stdout
    assert "was not watched" in run(wiring, "remove", "example.net", exits=1).stdout
    assert json.loads(run(wiring, "list", "--format", "json").stdout)["domain"] == "example.com"


def test_a_list_is_read_in_words_within_80_columns(wiring: Wiring) -> None:
    """The verdict as ``check`` says it, and only the counts that are not nought."""
    run(wiring, "add", "example.com")
    wiring.world.evidence[DOMAIN] = broken()
    run(wiring, "run", exits=2)
    (line,) = run(wiring, "list").stdout.splitlines()
    assert line.startswith("example.com ")
    assert "enforcing and losing mail" in line
    assert "2 errors," in line or "1 error," in line
    assert " 0 " not in line
    assert len(line) <= 80


def test_nothing_watched_says_what_to_run(wiring: Wiring) -> None:
    """An empty list is no error; a monitoring system that asks about nobody has to notice."""
    assert "mailseal monitor add DOMAIN" in run(wiring, "list").stderr
    assert "mailseal monitor add DOMAIN" in run(wiring, "run", exits=3).stderr


def test_the_state_of_a_service_without_a_file_can_be_named(wiring: Wiring, tmp_path: Path) -> None:
    """As for ``serve``, so that what "make run" has started can watch, too."""
    run(wiring, "add", "example.com", "--state-dir", str(tmp_path))
    assert wiring.config is not None
    assert wiring.config.state_dir == tmp_path


def test_more_than_are_allowed_are_refused(wiring: Wiring) -> None:
    """The number of series in Prometheus is bounded by it."""
    run(wiring, "add", "a.example", "b.example", "c.example")
    result = CliRunner().invoke(cli, ["monitor", "add", "d.example"], obj=wiring)
    assert isinstance(result.exception, StoreFullError)  # told in a line by ``main``


def test_a_run_tells_what_is_new_and_exits_as_monitoring_wants(wiring: Wiring) -> None:
    """And sends it; the second run has no news."""
    run(wiring, "add", "example.com")
    wiring.world.evidence[DOMAIN] = broken()
    first = run(wiring, "run", "example.com", exits=2)
    assert "enforcing and losing mail" in first.stdout
    assert "new: certificate-self-signed" in first.stdout
    assert len(wiring.world.mail.sent) == 1
    assert "new:" not in run(wiring, "run", exits=2).stdout
    assert len(wiring.world.mail.sent) == 1
    wiring.world.evidence[DOMAIN] = domain_evidence()
    assert "is not watched" in run(wiring, "run", "other.example", exits=3).stdout


def test_what_cannot_look_exits_as_unknown(wiring: Wiring) -> None:
    """A machine without authorities says nothing about the domain."""
    run(wiring, "add", "example.com")
    wiring.world.error = mailseal.Error("no authorities")
    assert "no authorities" in run(wiring, "run", exits=3).output
    run(wiring, "run", "--none", exits=3)


def test_a_run_that_is_interrupted_has_no_verdict(wiring: Wiring) -> None:
    """Exit code 1 would say that there are warnings."""
    run(wiring, "add", "example.com")
    wiring.world.error = KeyboardInterrupt()
    result = run(wiring, "run", exits=3)
    assert "interrupted" in result.stderr


def test_a_domain_is_shown_with_dates_and_ends(wiring: Wiring) -> None:
    """What is there since when, what ends when; with history what is over, too."""
    run(wiring, "add", "example.com")
    wiring.world.evidence[DOMAIN] = broken()
    run(wiring, "run", exits=2)
    wiring.clock.advance(HOUR)
    run(wiring, "run", exits=2)

    text = run(wiring, "show", "example.com").stdout
    assert "ERROR certificate-self-signed: mx1.example.com" in text
    assert "NOTE " not in text.partition("ERROR ")[0]
    assert "since 2026-06-30 00:00, last seen 2026-06-30 01:00" in text
    assert "certificate of mta-sts.example.com" in text
    assert "Looks:" not in text
    assert "  Do: " in text
    assert max(len(line) for line in text.splitlines()) <= 80

    wiring.world.evidence[DOMAIN] = domain_evidence()
    for _ in range(2):
        wiring.clock.advance(15 * MINUTE)
        run(wiring, "run", exits=0)
    history = run(wiring, "show", "example.com", "--history").stdout
    assert "2026-06-30 to 2026-06-30  ERROR certificate-self-signed" in history
    assert history.count("enforcing and losing mail") == 2

    document = json.loads(
        run(wiring, "show", "example.com", "--history", "--format", "json").stdout
    )
    assert document["verdict"] == "enforcing-and-healthy"
    assert document["resolved"][0]["told"] == "error"
    assert len(document["looks"]) == 4
    run(wiring, "show", "other.example", exits=1)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=3, hours=20), "(3 days)"),
        (timedelta(days=1), "(1 day)"),
        (-timedelta(hours=30), "(1 day ago)"),
        (-timedelta(days=2), "(2 days ago)"),
    ],
)
def test_what_has_ended_is_told_as_past(wiring: Wiring, left: timedelta, said: str) -> None:
    """A certificate of yesterday has no days left."""
    end = wiring.clock.now() + left
    chain = make_chain((MX_HOST,), not_after=end)
    run(wiring, "add", "example.com")
    wiring.world.evidence[DOMAIN] = domain_evidence(
        host(sessions=(session(handshake=tls(chain=chain)),))
    )
    CliRunner().invoke(cli, ["monitor", "run"], obj=wiring)

    shown = run(wiring, "show", "example.com").stdout
    assert f"{end:%Y-%m-%d}  certificate of {MX_HOST} {said}" in shown


def test_the_last_look_can_be_judged_again(wiring: Wiring, tmp_path: Path) -> None:
    """Its evidence is what ``check --from-evidence`` reads; what is damaged is told as that."""
    run(wiring, "add", "example.com")
    path = tmp_path / "evidence.json"
    assert (
        "no evidence" in run(wiring, "show", DOMAIN, "--save-evidence", str(path), exits=1).output
    )
    wiring.world.evidence[DOMAIN] = broken()
    run(wiring, "run", exits=2)
    run(wiring, "show", DOMAIN, "--save-evidence", str(path))
    again = CliRunner().invoke(cli, ["check", "--from-evidence", str(path)], obj=wiring)
    assert again.exit_code == 2
    assert "certificate-self-signed" in again.output

    seen = wiring.world.history.observations[DOMAIN]
    for damaged in (b"?", zlib.compress(b"x" * 100)[:-4]):
        seen[-1] = replace(seen[-1], evidence=damaged)
        result = run(wiring, "show", DOMAIN, "--save-evidence", str(path), exits=1)
        assert "damaged" in result.output


def test_an_alert_can_be_tried(wiring: Wiring) -> None:
    """Each way says whether it worked."""
    result = run(wiring, "test-alert")
    assert result.stdout == "mail: sent\nwebhook: sent\n"
    wiring.world.webhook.failure = "answered 404"
    assert "webhook: answered 404" in run(wiring, "test-alert", exits=1).output
    wiring.world.herald._senders = ()
    assert "mail_to" in run(wiring, "test-alert", exits=1).output
