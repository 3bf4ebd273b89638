"""Every domain of the lab is checked, and what is found is what stands beside its declaration."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.catalogue import catalogue
from lab.daemon import Daemon
from lab.faults import faults
from lab.internet import Lab
from lab.model import Answer, LabDomain, Manner
from mailseal.checks.evidence import SmtpSession
from mailseal.checks.judge import judge
from mailseal.checks.saved import read_evidence

pytestmark = pytest.mark.lab

EXAMINER = Path(__file__).with_name("examiner.py")
DOMAINS: Mapping[str, LabDomain] = {each.name: each for each in (*catalogue(), *faults())}
INFO = "info "

# Times that a test can wait for. All hosts of the lab are of one provider, to whom nobody is
# a burden here.
TABLES = {
    "check": {
        "timeout": '"30s"',
        "session_timeout": '"5s"',
        "fetch_timeout": '"8s"',
        "sessions": "1000",
        "sessions_per_provider": "1000",
        "pause_per_address": '"0s"',
    }
}

# Hosts that keep a client for as long as it will stay, or send for as long as it will read.
HOSTILE = (
    *(
        f"mx-{manner.value}.test"
        for manner in (
            Manner.ENDLESS_GREETING,
            Manner.LONG_LINES,
            Manner.DRIP,
            Manner.TARPIT,
            Manner.ENDLESS_IN_TLS,
        )
    ),
    "mx-many-names.test",
    "host-many-names.test",
    "host-endless-head.test",
    "host-long-header.test",
    "host-endless-body.test",
    "policy-slow.test",
    "record-bomb.test",
    "apex-bomb.test",
    "record-loop.test",
    "record-ring.test",
    "host-loop.test",
    "mx-loop.test",
    "mx-many.test",
    "address-many.test",
)
# What may pass for a lack of STARTTLS with a careless observer.
UNABLE_TO_TELL = (
    *(
        f"mx-{manner.value}.test"
        for manner in (
            Manner.BUSY_GREETING,
            Manner.BUSY_EHLO,
            Manner.BUSY_STARTTLS,
            Manner.LATER_STARTTLS,
            Manner.GREYLISTING,
            Manner.REJECTING,
            Manner.TARPIT,
            Manner.CLOSING,
            Manner.DRIP,
            Manner.WEB_SERVER,
        )
    ),
    "second-busy.test",
    "second-tarpit.test",
    "address-many.test",
    "v6-refused.test",
    "v6-only.test",
)
MAX_SECONDS = 45.0  # for everything; about 8 on an idle machine
MAX_HOSTILE_SECONDS = 30.0  # the whole time for one domain, and no more
MAX_RESIDENT_MB = 300.0  # for everything at the same time; measured 95
MAX_HOSTILE_MB = 64.0  # traced, of all hostile domains at the same time; measured 15
MAX_EVIDENCE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What became of many domains, looked at with one checker."""

    folder: Path
    all_seconds: float
    seconds: dict[str, float]
    codes: dict[str, list[str]]
    traced_mb: float
    resident_mb: float

    def saved(self, domain: str) -> bytes:
        """Return a domain's evidence as it was saved."""
        return (self.folder / domain).read_bytes()

    def sessions(self, domain: str) -> list[SmtpSession]:
        """Return the sessions with a domain's MX hosts."""
        evidence = read_evidence(self.saved(domain))
        return [session for host in evidence.mx_hosts for session in host.sessions]


def examine(lab: Lab, name: str, domains: Iterable[str], *options: str) -> Examined:
    """Look at domains inside the lab, all at the same time."""
    daemon = Daemon(lab.namespace, lab.folder / name, ca_file=lab.ca_file, tables=TABLES)
    folder = daemon.folder / "evidence"
    folder.mkdir()
    asked = {domain: DOMAINS[domain].is_deep for domain in domains}
    done = lab.run(
        [sys.executable, EXAMINER, daemon.config, folder, *options], stdin=json.dumps(asked)
    )
    assert done.stderr == ""
    return Examined(folder=folder, **json.loads(done.stdout))


@pytest.fixture(scope="module")
def examined(whole_lab: Lab) -> Examined:
    """Look at every domain of the lab, once for all tests."""
    whole_lab.restore()
    return examine(whole_lab, "examination", DOMAINS)


@pytest.mark.parametrize("domain", DOMAINS)
def test_exactly_what_is_declared_is_found(examined: Examined, domain: str) -> None:
    """No fault is missed, and none is made up; of mere information there may be more."""
    found, declared = Counter(examined.codes[domain]), Counter(DOMAINS[domain].finds)

    told = Counter({one: times for one, times in found.items() if not one.startswith(INFO)})
    due = Counter({one: times for one, times in declared.items() if not one.startswith(INFO)})
    assert told == due
    assert set(declared) <= set(found)


@pytest.mark.parametrize("domain", DOMAINS)
def test_saved_evidence_is_judged_alike(examined: Examined, domain: str) -> None:
    """Without a network and in another process the findings are the same."""
    findings = judge(read_evidence(examined.saved(domain))).findings

    assert [f"{one.severity} {one.code}" for one in findings] == examined.codes[domain]


@pytest.mark.parametrize("domain", UNABLE_TO_TELL)
def test_a_host_that_does_not_let_us_ask_has_not_said_no(examined: Examined, domain: str) -> None:
    """Whoever is busy, slow or closed may do STARTTLS well: nothing is known."""
    sessions = examined.sessions(domain)

    assert not any("starttls-missing" in code for code in examined.codes[domain])
    assert any(session.failure is not None for session in sessions)
    assert all(session.offers_starttls is not False for session in sessions)


def test_all_domains_together_take_bounded_time_and_memory(examined: Examined) -> None:
    """Nobody waits for the slowest but those who ask about it."""
    assert examined.all_seconds < MAX_SECONDS
    assert examined.resident_mb < MAX_RESIDENT_MB


def test_hostile_servers_cost_little(lab: Lab) -> None:
    """Endless greetings, lines and headers, slow drips, bombs and loops: each ends soon."""
    hostile = examine(lab, "hostile", HOSTILE, "traced")

    assert set(hostile.codes) == set(HOSTILE)
    assert max(hostile.seconds.values()) < MAX_HOSTILE_SECONDS
    assert hostile.traced_mb < MAX_HOSTILE_MB
    assert max(len(hostile.saved(domain)) for domain in HOSTILE) < MAX_EVIDENCE_BYTES


def test_every_odd_manner_is_met_by_some_domain() -> None:
    """What the lab's odd servers can do is all in use."""
    manners = {
        manner
        for domain in DOMAINS.values()
        for host in domain.mx
        for manner in (host.manner, *((host.second.manner,) if host.second else ()))
    }
    answers = {one.policy_host.answer for one in DOMAINS.values() if one.policy_host}

    assert manners == set(Manner)
    assert answers == set(Answer)
