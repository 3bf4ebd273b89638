"""By real Postfix: hosts behind aliases, hosts whose TLSA fails, and each setting of DANE.

What each state of a host leads to is in ``test_dane_table.py``.
"""

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.sender import SendingPostfix

from .conftest import QUICK_TABLES, MakeDaemon

pytestmark = pytest.mark.lab

POSTFIX_VERSIONS = ("3.7", "3.10")

SECURE = "OK secure match={} servername=hostname"
DANE_HOST = "mx.dane-good.test"  # its certificate is self-signed: only DANE verifies it
DANE_TLSA = f"_25._tcp.{DANE_HOST}"


def started(make_daemon: MakeDaemon, **tables: dict[str, str]) -> Daemon:
    """Start a mailseal with some settings of its own."""
    daemon = make_daemon({**QUICK_TABLES, **tables})
    daemon.start()
    return daemon


# -- aliases (RFC 7672 §2.2.2) ---------------------------------------------------------------


def test_tlsa_at_the_expanded_name_counts(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """The MX record names an alias; the records stand at the name behind it."""
    with lab.dns.together():
        lab.dns.set_mx("dane-good.test", "alias.dane-good.test")
        lab.dns.set_records("alias.dane-good.test", "CNAME", f"{DANE_HOST}.")

    assert daemon.ask("dane-good.test") == "OK dane-only"
    delivery = postfix.deliver("someone@dane-good.test")
    assert (delivery.status, delivery.tls) == ("sent", "Verified")
    assert len(lab.mailbox(DANE_HOST)) == 1


def test_tlsa_at_the_alias_counts_where_the_target_has_none(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """Both are signed; the expanded name is asked first, and says that there is nothing."""
    records = lab.dns.records(DANE_TLSA, "TLSA")
    with lab.dns.together():
        lab.dns.set_mx("dane-good.test", "alias.dane-good.test")
        lab.dns.set_records("alias.dane-good.test", "CNAME", f"{DANE_HOST}.")
        lab.dns.set_records("_25._tcp.alias.dane-good.test", "TLSA", *records)
        lab.dns.remove(DANE_TLSA)

    assert daemon.ask("dane-good.test") == "OK dane-only"
    assert postfix.deliver("someone@dane-good.test").tls == "Verified"


def test_tlsa_at_a_secure_alias_counts_where_its_target_is_not_signed(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """The alias is proven, what is behind it is not: only the host's own name is left."""
    records = lab.dns.records(DANE_TLSA, "TLSA")
    with lab.dns.together():
        lab.dns.set_mx("dane-good.test", "alias.dane-good.test")
        lab.dns.set_records("alias.dane-good.test", "CNAME", "behind.good.test.")
        lab.dns.set_records("_25._tcp.alias.dane-good.test", "TLSA", *records)
        lab.dns.set_records("behind.good.test", "A", lab.addresses.mx[DANE_HOST])

    assert daemon.ask("dane-good.test") == "OK dane-only"
    assert postfix.deliver("someone@dane-good.test").tls == "Verified"


# -- look-ups that fail ----------------------------------------------------------------------


def test_mail_goes_out_when_an_attacker_blocks_tlsa_no_longer(lab: Lab, daemon: Daemon) -> None:
    """Queries for the records vanish on the way, all others are answered: mail waits meanwhile."""
    lab.dns.drop_queries(DANE_TLSA)
    # One without a memory: smtp processes keep TLSA records for their TTL.
    with lab.sender(daemon.table()) as postfix:
        delivery = postfix.deliver("someone@dane-good.test")
        assert delivery.status == "deferred"
        assert "TLSA lookup error" in delivery.reason
        assert len(lab.mailbox(DANE_HOST)) == 0
        lab.dns.drop_queries(DANE_TLSA, drop=False)

        assert postfix.retry(delivery.queue_id).tls == "Verified"


def test_what_dane_proved_outlives_dns_and_a_restart(lab: Lab, make_daemon: MakeDaemon) -> None:
    """With no DNS at all the last verdict decides beside a stored policy."""
    daemon = started(make_daemon)
    assert daemon.ask("dane-good.test") == "OK dane-only"
    assert daemon.ask("dane-first.test") == "OK dane-only"
    assert daemon.ask("signed.test") == SECURE.format("mx.signed.test")
    lab.dns.stop()
    try:
        daemon.restart()

        assert daemon.ask("dane-good.test") == "OK dane-only"
        assert daemon.ask("dane-first.test") == "OK dane-only"
        assert daemon.ask("signed.test") == SECURE.format("mx.signed.test")
        assert daemon.ask("dane-nopolicy.test") == "OK dane"  # never heard of
    finally:
        lab.dns.start()


# -- every setting ---------------------------------------------------------------------------


@pytest.mark.parametrize(("partial", "first", "last"), [
    ("dane-only", "OK dane-only", "OK dane-only"),
    ("narrow", SECURE.format("mx2.dane-first.test"), SECURE.format("mx1.dane-last.test")),
])  # fmt: skip
def test_partial_dane_is_the_operators_choice(
    lab: Lab, make_daemon: MakeDaemon, partial: str, first: str, last: str
) -> None:
    """Whichever way, mail is verified: by DANE at one host, or by the policy at the other."""
    daemon = started(make_daemon, dane={"partial": f'"{partial}"'})
    assert daemon.ask("dane-first.test") == first
    assert daemon.ask("dane-last.test") == last

    used = {"dane-only": ("mx1.dane-first.test", "mx2.dane-last.test"),
            "narrow": ("mx2.dane-first.test", "mx1.dane-last.test")}[partial]  # fmt: skip
    with lab.sender(daemon.table()) as postfix:
        for label, host in zip(("dane-first", "dane-last"), used, strict=True):
            delivery = postfix.deliver(f"someone@{label}.test")
            assert (delivery.status, delivery.tls) == ("sent", "Verified")
            assert delivery.relay.startswith(host)


def test_a_postfix_that_does_dane_by_itself_is_left_to_it(
    lab: Lab, make_daemon: MakeDaemon
) -> None:
    """With ``mta_default = dane`` nothing weaker than main.cf's own level is answered."""
    daemon = started(make_daemon, answers={"mta_default": '"dane"'})
    lab.dns.remove("_mta-sts.dane-unusable.test")
    lab.dns.remove("_mta-sts.dane-first.test")

    assert daemon.ask("dane-unusable.test") == "NOTFOUND "
    assert daemon.ask("dane-first.test") == "NOTFOUND "
    assert daemon.ask("bogus.test") == "NOTFOUND "
    assert daemon.ask("dane-nopolicy.test") == "OK dane-only"
    assert daemon.ask("good.test") == SECURE.format("mx.good.test")
    with lab.sender(daemon.table(), security_level="dane") as postfix:
        assert postfix.deliver("someone@dane-first.test").tls == "Verified"


def test_without_dane_the_policy_alone_decides(lab: Lab, make_daemon: MakeDaemon) -> None:
    """For a Postfix without DNSSEC, which would defer at dane-only."""
    daemon = started(make_daemon, dane={"enabled": "false"})

    assert daemon.ask("dane-nopolicy.test") == "NOTFOUND "
    with lab.sender(daemon.table(), smtp_dns_support_level="enabled") as postfix:
        assert postfix.deliver("someone@dane-nopolicy.test").status == "sent"
        assert postfix.deliver("someone@dane-issuer.test").tls == "Verified"
        assert postfix.deliver("someone@dane-good.test").status == "deferred"  # self-signed


def test_fail_closed_lets_mail_wait_while_a_record_cannot_be_looked_up(
    make_daemon: MakeDaemon,
) -> None:
    """Without it such mail goes out as if mailseal were not there."""
    daemon = started(make_daemon, answers={"fail_closed": '"4h"'})

    assert daemon.ask("servfail.test").startswith("TEMP MTA-STS of servfail.test is unknown")
    assert daemon.ask("nopolicy.test") == "NOTFOUND "
