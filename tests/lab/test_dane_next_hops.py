"""By real servers: DANE for relays at their port, and while MX fails."""

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.packages import Tree
from lab.sender import SendingPostfix

pytestmark = pytest.mark.lab

POSTFIX_VERSIONS = ("3.7", "3.10")

HOST = "mx.dane-good.test"
TLSA = f"_25._tcp.{HOST}"
UNKNOWN = "DANE is unknown and must not be overridden"


@pytest.mark.parametrize(("key", "reply"), [
    (f"[{HOST}]", "OK dane-only"),
    (f"[{HOST}]:25", "OK dane-only"),
    (f"[{HOST}]:smtp", "OK dane-only"),
    (f"[{HOST}]:mail", "OK dane-only"),         # by /etc/services alone
    (f"[{HOST}]:nosuch", "OK dane"),            # at which port, nobody knows
    (f"[{HOST}]:587", "NOTFOUND "),             # its records are for port 25
    (f"[{HOST}]:submission", "NOTFOUND "),
    ("dane-good.test:25", "OK dane-only"),
])  # fmt: skip
def test_a_relay_has_the_tlsa_of_its_port(daemon: Daemon, key: str, reply: str) -> None:
    """Service names are looked up as their numbers (RFC 7672 §2.2.3)."""
    assert daemon.ask(key) == reply


def test_tlsa_of_another_port_counts_for_that_port(lab: Lab, own_daemon: Daemon) -> None:
    """A submission server with records of its own."""
    lab.dns.set_records(f"_587._tcp.{HOST}", "TLSA", *lab.dns.records(TLSA, "TLSA"))

    assert own_daemon.ask(f"[{HOST}]:submission") == "OK dane-only"
    assert own_daemon.ask(f"[{HOST}]:587") == "OK dane-only"


def test_an_mx_set_that_fails_before_anything_was_learnt_lets_mail_wait(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """With a policy nobody knows whether it would override DANE; without one it is Postfix's."""
    lab.dns.set_bogus("dane-good.test", "MX")
    lab.dns.set_bogus("dane-nopolicy.test", "MX")

    reply = daemon.ask("dane-good.test")
    assert reply.startswith("TEMP dane-good.test: MX look-up: ")
    assert reply.endswith(UNKNOWN)
    assert daemon.ask("dane-good.test", "sendmail").startswith("OK secure ")
    assert daemon.ask("dane-nopolicy.test") == "OK dane"
    for label in ("dane-good", "dane-nopolicy"):
        assert postfix.deliver(f"someone@{label}.test").status == "deferred"


@pytest.mark.parametrize(("label", "start"), [
    ("dane-good", "OK dane-only"),
    ("dane-first", "OK dane-only"),           # was mixed
    ("signed", "OK secure match=mx.signed.test "),
])  # fmt: skip
def test_an_mx_set_that_fails_later_is_answered_by_the_last_verdict(
    lab: Lab, own_daemon: Daemon, label: str, start: str
) -> None:
    """After a restart too, so that nothing but the store can know it."""
    assert own_daemon.ask(f"{label}.test").startswith(start)
    lab.dns.set_bogus(f"{label}.test", "MX")
    own_daemon.restart()

    assert own_daemon.ask(f"{label}.test").startswith(start)


def test_expired_signatures_weaken_nothing(lab: Lab, own_daemon: Daemon, newer: Tree) -> None:
    """The owner forgot to sign anew: nothing of the zone can be had, and mail waits or is safe."""
    assert own_daemon.ask("dane-good.test") == "OK dane-only"
    for domain in ("dane-good.test", "dane-nopolicy.test"):
        lab.dns.let_expire(domain)
    own_daemon.restart()

    assert own_daemon.ask("dane-good.test") == "OK dane-only"
    assert own_daemon.ask("dane-nopolicy.test") == "OK dane"
    for zone, tree in (("postfix", None), ("postfix-3.10", newer)):
        with lab.sender(own_daemon.table(zone), newer=tree) as postfix:
            for domain in ("dane-good.test", "dane-nopolicy.test"):
                delivery = postfix.deliver(f"someone@{domain}")
                assert delivery.status == "deferred"
                assert f"Name service error for name={domain} type=MX" in delivery.reason
    assert len(lab.mailbox(HOST)) == 0
