"""What a check foresees is what a real sender does: the outlook beside deliveries of Postfix."""

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.sender import SendingPostfix
from mailseal.checks.evidence import Evidence
from mailseal.checks.outlook import Reach, foresee_dane, foresee_sts
from mailseal.checks.reading import read
from mailseal.checks.saved import read_evidence
from mailseal.dane.host import TlsaState
from mailseal.mtasts.policy import Mode

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

DOMAINS = tuple(
    f"{label}.test"
    for label in (
        "good",
        "stripped",
        "nostarttls",
        "wrongname",
        "expired",
        "selfsigned",
        "unknownca",
        "good-testing",
        "stripped-testing",
        "wrongname-testing",
        "none",
        "nopolicy",
        "plain",
        "wildcard",
        "uncovered",
        "implicit-mx",
        "signed",
        "dane-good",
        "dane-mismatch",
        "dane-issuer",
        "dane-unusable",
        "dane-first",
        "dane-last",
        "dane-bogus",
        "dane-nopolicy",
        "dane-insecure-mx",
        "policy-404",
        "txt-duplicate",
        "cname",
    )
)
LOST = {
    "stripped.test",
    "nostarttls.test",
    "wrongname.test",
    "expired.test",
    "selfsigned.test",
    "unknownca.test",
    "uncovered.test",
    "dane-mismatch.test",
    "dane-bogus.test",
    "dane-insecure-mx.test",
}


def foresee_delivery(evidence: Evidence) -> bool:
    """Say whether a sender that knows both standards delivers: DANE goes first (RFC 8461 §2)."""
    reading = read(evidence)
    dane = foresee_dane(reading)
    states = {host.dane.state for host in reading.hosts}
    if dane is not None and states & {TlsaState.USABLE, TlsaState.FAILED}:
        return dane.reach is not Reach.NONE
    if reading.mode is Mode.ENFORCE:
        return foresee_sts(reading, reading.policy).reach is not Reach.NONE
    return True


def test_mail_goes_where_the_outlook_says(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix, make_daemon: MakeDaemon
) -> None:
    """One check of all domains, one message to each: what was foreseen came true."""
    desk = make_daemon({})
    path = lab.folder / "outlook.jsonl"
    desk.command("check", *DOMAINS, "--save-evidence", path)
    lines = (path if path.exists() else desk.inside(path)).read_bytes().splitlines()
    foreseen = {one.domain: foresee_delivery(one) for one in map(read_evidence, lines)}
    deliveries = postfix.deliver_all(f"someone@{domain}" for domain in DOMAINS)

    assert set(foreseen) == set(DOMAINS)
    happened = {domain: deliveries[f"someone@{domain}"].status for domain in DOMAINS}
    assert happened == {
        domain: "sent" if is_delivered else "deferred" for domain, is_delivered in foreseen.items()
    }
    assert {domain for domain, status in happened.items() if status == "deferred"} == LOST
    assert daemon.ask("dane-good.test") == "OK dane-only"
