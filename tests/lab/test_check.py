"""``mailseal check`` against real name servers, policy hosts and mail servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.__main__ import CONFIGURATION
from lab.daemon import MAILSEAL, Daemon
from lab.internet import Lab
from mailseal.answers import Found
from mailseal.checks.evidence import Depth, Evidence, Stage
from mailseal.checks.saved import read_evidence

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab


@pytest.fixture
def desk(make_daemon: MakeDaemon) -> Daemon:
    """Give a configuration of the lab; no service runs."""
    return make_daemon({})


def observe(desk: Daemon, lab: Lab, domain: str, *options: str) -> tuple[Evidence, Any]:
    """Check a domain; return what was observed, and the judgement as JSON."""
    path = lab.folder / f"evidence-{domain}.json"
    done = desk.command("check", domain, "--format", "json", "--save-evidence", path, *options)
    assert done.stderr == ""
    seen = path if path.exists() else desk.inside(path)
    return read_evidence(seen.read_bytes()), json.loads(done.stdout)


def test_a_good_domain_is_observed_from_end_to_end(desk: Daemon, lab: Lab) -> None:
    """One command meets the resolver, the policy host and the mail server."""
    evidence, document = observe(desk, lab, "good.test")

    assert document["domain"] == "good.test"
    assert document["exit_code"] in (0, 1)
    assert evidence.depth is Depth.SMTP
    assert evidence.observer.validates is True
    assert isinstance(evidence.records.sts, Found)
    assert evidence.policy_host is not None
    for fetch in evidence.policy_host.fetches:
        assert (fetch.status, fetch.failure) == (200, None)
        assert fetch.tls is not None
        assert fetch.tls.distrust == ""
    for host in evidence.mx_hosts:
        for session in host.sessions:
            assert session.stage is Stage.EHLO_AGAIN, session.failure
            assert session.offers_starttls
            assert session.tls is not None
            assert session.tls.distrust == ""


def test_the_lab_has_a_configuration_to_offer(lab: Lab) -> None:
    """Whoever tries mailseal in a shell of the lab meets its servers as the Internet's."""
    config = lab.folder / "mailseal.toml"
    config.write_text(CONFIGURATION.format(ca_file=lab.ca_file))
    done = lab.run([MAILSEAL, "check", "good.test", "--config", config])

    assert done.stdout.startswith("good.test: enforcing and healthy\n"), done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("domain", "distrust"),
    [("expired.test", "expired"), ("selfsigned.test", "self-signed")],
)
def test_a_bad_certificate_is_seen_for_what_it_is(
    desk: Daemon, lab: Lab, domain: str, distrust: str
) -> None:
    """STARTTLS is there, and the chain is named as what is wrong."""
    evidence, document = observe(desk, lab, domain)

    (session,) = evidence.mx_hosts[0].sessions
    assert session.offers_starttls
    assert session.tls is not None
    assert session.tls.distrust == distrust
    assert document["exit_code"] == 2


def test_saved_evidence_is_judged_alike_without_a_network(
    desk: Daemon, lab: Lab, tmp_path: Path
) -> None:
    """The second run asks nobody, and says the same."""
    path = lab.folder / "evidence.jsonl"
    first = desk.command("check", "good.test", "nostarttls.test", "--save-evidence", path)
    again = desk.command("check", "--from-evidence", path)

    assert again.stdout == first.stdout
    assert again.returncode == first.returncode == 2


def test_a_deep_look_asks_the_servers_of_the_zone(desk: Daemon, lab: Lab) -> None:
    """Each says what it has, and when its signatures end."""
    evidence, _ = observe(desk, lab, "dane-good.test", "--deep", "--depth", "dns")
    records = evidence.records

    assert {one.rdtype for one in records.authorities} >= {"SOA", "TXT"}
    assert [one for one in records.authorities if one.failure] == []
    assert records.signatures is not None
    assert records.signatures.first_expiry is not None
    assert records.signatures.first_expiry > evidence.finished_at
