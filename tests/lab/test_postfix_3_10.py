"""By a Postfix that knows MX patterns: Debian 13's, in front of mailseal's map postfix-3.10."""

import pytest

from lab.catalogue import ATTACKER_HOST, IMPOSTOR_HOST
from lab.daemon import Daemon
from lab.internet import Lab
from lab.packages import Tree
from lab.sender import Delivery, SendingPostfix

from .conftest import QUICK_TABLES, MakeDaemon, ScriptedSocketmap

pytestmark = pytest.mark.lab

POSTFIX_VERSIONS = ("3.10",)

NOT_IN_PATTERNS = "does not match STS MX pattern"
NOT_VERIFIED = "Server certificate not verified"
UNKNOWN_HOST = "gone.forged.test"


def plain(host: str) -> str:
    """Render the answer for a policy that allows one host."""
    return f"secure match={host} servername=hostname"


def attributes(domain: str, host: str, mode: str = "enforce") -> str:
    """Render what follows for a Postfix that knows the attributes."""
    patterns = f"mx_host_pattern={host} " if mode == "enforce" else ""
    return (
        f"policy_type=sts policy_domain={domain} {patterns}"
        f"{{ policy_string = version: STSv1 }} {{ policy_string = mode: {mode} }} "
        f"{{ policy_string = mx: {host} }} {{ policy_string = max_age: 604800 }}"
    )


def full(domain: str, host: str) -> str:
    """Render the whole answer for such a Postfix."""
    return f"{plain(host)} {attributes(domain, host)}"


GOOD = ("good.test", "mx.good.test")
INSECURE = ("dane-insecure-mx.test", "mx.dane-good.test")


def assert_held(lab: Lab, delivery: Delivery, *hosts: str) -> None:
    """Mail is in the queue, not with anybody, and not on its way back."""
    assert delivery.status == "deferred", delivery.reason
    assert delivery.dsn.startswith("4.")
    for host in hosts:
        assert len(lab.mailbox(host)) == 0


def test_it_is_one_that_matches_mx_names(postfix: SendingPostfix) -> None:
    """The checks came with 3.10.5."""
    words = postfix.postfix.run("postconf", "mail_version").split()[-1].split(".")

    assert tuple(int(word) for word in words) >= (3, 10, 5)


@pytest.mark.parametrize(("table", "domain", "reply"), [
    ("postfix", "good.test", plain("mx.good.test")),
    ("QUERY", "good.test", plain("mx.good.test")),
    ("sendmail", "good.test", plain("mx.good.test")),
    ("sts", "good.test", plain("mx.good.test")),
    ("postfix-3.10", "good.test", full(*GOOD)),
    ("postfix-tlsrpt", "good.test", full(*GOOD)),
    ("QUERYwithTLSRPT", "good.test", full(*GOOD)),
    ("postfix", "dane-good.test", "dane-only"),
    ("postfix-3.10", "dane-good.test", "dane-only"),
    ("sendmail", "dane-good.test", plain("mx.dane-good.test")),
    ("postfix-3.10", "dane-insecure-mx.test", full(*INSECURE)),
    ("postfix-3.10", "good-testing.test", ""),
    ("postfix-3.10", "nopolicy.test", ""),
])  # fmt: skip
def test_postmap_shows_each_profile_to_the_byte(
    daemon: Daemon, postfix: SendingPostfix, table: str, domain: str, reply: str
) -> None:
    """Postfix reads from each map exactly what docs/reference/replies.md promises."""
    assert postfix.look_up(domain, daemon.table(table)) == reply


@pytest.mark.parametrize("stranger", [
    ATTACKER_HOST,     # its certificate is valid for its own name
    IMPOSTOR_HOST,     # its certificate is valid for the name that the policy allows
])  # fmt: skip
@pytest.mark.parametrize("is_first", [True, False])
def test_an_mx_outside_the_patterns_gets_nothing(
    lab: Lab, postfix: SendingPostfix, stranger: str, is_first: bool
) -> None:
    """A stranger beside a dead but allowed host: Postfix refuses it by its name.

    The impostor is who takes the mail from Postfix 3.7, which holds certificates alone against
    the policy.
    """
    hosts = (stranger, "mx.forged.test") if is_first else ("mx.forged.test", stranger)
    with lab.dns.together():
        lab.attack.forge_mx("forged.test", *hosts)
        lab.dns.set_records("mx.forged.test", "A", "127.0.25.250")  # nothing listens there

    delivery = postfix.deliver("someone@forged.test")

    assert_held(lab, delivery, stranger)
    assert any(NOT_IN_PATTERNS in line for line in delivery.log_lines)


def test_a_certificate_for_another_mx_of_the_policy_is_refused(
    lab: Lab, postfix: SendingPostfix
) -> None:
    """A host may not answer with the certificate of another, though the policy allows both names.

    ``b``, now at the address of ``a``, shows a certificate that the pattern would cover.
    """
    with lab.dns.together():
        lab.dns.set_mx("wildcard.test", "b.mx.wildcard.test")
        lab.dns.set_records("b.mx.wildcard.test", "A", lab.addresses.mx["a.mx.wildcard.test"])

    delivery = postfix.deliver("someone@wildcard.test")

    assert_held(lab, delivery, "a.mx.wildcard.test", "b.mx.wildcard.test")
    assert delivery.reason == NOT_VERIFIED


def test_a_dead_name_before_a_stranger_lets_mail_wait(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """Mail is deferred, not returned: mailseal answers TEMP where the policy allows no MX."""
    lab.attack.forge_mx("forged.test", UNKNOWN_HOST, ATTACKER_HOST)

    assert daemon.ask("forged.test", "postfix-3.10").startswith("TEMP ")
    assert_held(lab, postfix.deliver("someone@forged.test"), ATTACKER_HOST)


def test_without_that_temp_it_returns_mail_to_its_sender(
    lab: Lab, newer: Tree, socketmap: ScriptedSocketmap
) -> None:
    """The same MX set with a bare policy answer bounces: why the TEMP has to be."""
    lab.attack.forge_mx("forged.test", UNKNOWN_HOST, ATTACKER_HOST)
    socketmap.answers["forged.test"] = "OK " + full("forged.test", "mx.forged.test")
    with lab.sender(socketmap.table("postfix-3.10"), newer=newer) as postfix:
        assert postfix.deliver("someone@forged.test").status == "bounced"


@pytest.mark.parametrize("level", ["may", "dane"])
def test_testing_mode_delivers_whatever_it_is_answered_with(
    lab: Lab, make_daemon: MakeDaemon, newer: Tree, level: str
) -> None:
    """``testing = "may"`` and ``"dane"`` hand the policy over for reports, and stop nothing."""
    daemon = make_daemon({**QUICK_TABLES, "answers": {"testing": f'"{level}"'}})
    daemon.start()
    assert daemon.ask("good-testing.test", "postfix-3.10") == f"OK {level} " + attributes(
        "good-testing.test", "mx.good-testing.test", "testing"
    )
    lab.attack.forge_mx("forged-testing.test", ATTACKER_HOST)
    with lab.sender(daemon.table("postfix-3.10"), newer=newer) as postfix:
        for label in ("good", "wrongname", "nostarttls", "forged"):
            assert postfix.deliver(f"someone@{label}-testing.test").status == "sent"
    assert len(lab.mailbox(ATTACKER_HOST)) == 1
