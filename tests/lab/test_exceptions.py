"""By real Postfix: what the operator's overrides, pins and strict zones do with the mail."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from mailseal.envelope import PrivateKey, new_private_key, seal
from mailseal.mtasts.pins import PAYLOAD_TYPE, PinList, parse_pins, render_list

from .conftest import QUICK_TABLES, MakeDaemon

pytestmark = pytest.mark.lab

KEY = PrivateKey(new_private_key())
# The MX has a certificate for another name: mail that waits shows a policy in force.
PINNED = "wrongname.test"
PINS = {
    PINNED: {"mx": [f"mx.{PINNED}"]},
    "good.test": {"mx": ["mx.good.test"]},
    "dane-mismatch.test": {"mx": ["mx.dane-mismatch.test"]},
}


def write_pins(path: Path, *, key: PrivateKey = KEY) -> None:
    """Sign a list that is issued now."""
    now = datetime.now(UTC).replace(microsecond=0)
    found = PinList(issued=now, expires=now + timedelta(days=1), pins=parse_pins(PINS))
    path.write_bytes(seal(render_list(found), PAYLOAD_TYPE, [key]))


def pinning(lab: Lab, make_daemon: MakeDaemon, *, key: PrivateKey = KEY) -> Daemon:
    """Start a mailseal with the list, which one key signs and KEY may sign."""
    path = lab.folder / "pins.json"
    write_pins(path, key=key)
    daemon = make_daemon(
        QUICK_TABLES | {"pins": {"source": f'"{path}"', "keys": f'["{KEY.public}"]'}}
    )
    daemon.start()
    return daemon


def block(lab: Lab, *domains: str) -> None:
    """Let nobody find the domains' policies."""
    for domain in domains:
        lab.dns.drop_queries(f"_mta-sts.{domain}")
        lab.policy_host.stop(domain)


def test_a_pin_protects_the_very_first_mail(lab: Lab, make_daemon: MakeDaemon) -> None:
    """Though the record is blocked and the policy host is gone, nobody else gets it."""
    block(lab, PINNED, "good.test")
    daemon = pinning(lab, make_daemon)
    with lab.sender(daemon.table()) as postfix:
        held = postfix.deliver(f"someone@{PINNED}")
        sent = postfix.deliver("someone@good.test")

    assert held.status == "deferred"
    assert held.reason == "Server certificate not verified"
    assert len(lab.mailbox(f"mx.{PINNED}")) == 0
    assert (sent.status, sent.tls) == ("sent", "Verified")
    assert "policy_from=pin" in daemon.await_log(f"decision made next_hop={PINNED}")


def test_a_list_that_nobody_trusted_has_signed_pins_nothing(
    lab: Lab, make_daemon: MakeDaemon
) -> None:
    """It is refused with a line in the log, and the first mail goes out as without it."""
    block(lab, PINNED)
    daemon = pinning(lab, make_daemon, key=PrivateKey(new_private_key()))
    with lab.sender(daemon.table()) as postfix:
        delivery = postfix.deliver(f"someone@{PINNED}")

    assert delivery.status == "sent"
    assert "no signature is good" in daemon.await_log("pin list refused")


def test_the_domains_own_policy_replaces_its_pin_and_dane_goes_before_it(
    lab: Lab, make_daemon: MakeDaemon
) -> None:
    """The pin does not hold mail back that its domain lets go, nor let go what DANE holds."""
    lab.policy_host.set_policy(PINNED, "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n")
    daemon = pinning(lab, make_daemon)
    with lab.sender(daemon.table()) as postfix:
        own = postfix.deliver(f"someone@{PINNED}")
        dane = postfix.deliver("someone@dane-mismatch.test")

    assert own.status == "sent"
    assert daemon.ask("dane-mismatch.test") == "OK dane-only"
    assert dane.status == "deferred"


def test_sts_off_lets_mail_through_and_leaves_dane_on(lab: Lab, make_daemon: MakeDaemon) -> None:
    """The policy of uncovered.test allows no MX host at all; dane-mismatch.test has bad TLSA."""
    domains = '["uncovered.test", "dane-mismatch.test", "dane-good.test"]'
    daemon = make_daemon(
        QUICK_TABLES
        | {"[overrides]": {"domains": domains, "sts": '"off"', "comment": '"ticket 4711"'}}
    )
    daemon.start()
    with lab.sender(daemon.table()) as postfix:
        broken = postfix.deliver("someone@uncovered.test")
        good = postfix.deliver("someone@dane-good.test")
        bad = postfix.deliver("someone@dane-mismatch.test")

    assert broken.status == "sent"
    assert (good.status, good.tls) == ("sent", "Verified")
    assert bad.status == "deferred"
    assert 'override_comment="ticket 4711"' in daemon.await_log("next_hop=uncovered.test")


def test_dane_off_lets_mail_through_by_the_policy(lab: Lab, make_daemon: MakeDaemon) -> None:
    """The TLSA records are wrong, the certificate is fine, and the policy asks for just that."""
    keys = {"domains": '[".test"]', "dane": '"off"', "expires": '"2099-01-01"'}
    daemon = make_daemon(QUICK_TABLES | {"[overrides]": keys})
    daemon.start()
    with lab.sender(daemon.table()) as postfix:
        delivery = postfix.deliver("someone@dane-mismatch.test")

    assert (delivery.status, delivery.tls) == ("sent", "Verified")


def test_a_strict_zone_holds_back_what_others_let_go(lab: Lab, make_daemon: MakeDaemon) -> None:
    """One policy in mode testing, two zones, two answers; SNI is a zone's choice as well."""
    strict = {"profile": '"postfix"', "strict_testing": "true", "sni": "false"}
    daemon = make_daemon(QUICK_TABLES | {"zones.strict": strict})
    daemon.start()
    with lab.sender(daemon.table("strict")) as postfix:
        held = postfix.deliver("someone@wrongname-testing.test")

    assert held.status == "deferred"
    assert daemon.ask("wrongname-testing.test") == "NOTFOUND "
    assert daemon.ask("wrongname-testing.test", "strict") == (
        "OK secure match=mx.wrongname-testing.test"
    )
