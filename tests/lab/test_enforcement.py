"""By real Postfix: mail goes to an honest MX alone where a policy is enforced (RFC 8461 §4, §5)."""

import pytest

from lab.catalogue import ATTACKER_HOST, IMPOSTOR_HOST
from lab.daemon import Daemon
from lab.internet import Lab
from lab.sender import Delivery, SendingPostfix

from .conftest import ONLY_3_7

pytestmark = pytest.mark.lab

POSTFIX_VERSIONS = ("3.7", "3.10")

NO_STARTTLS = "TLS is required, but was not offered"
NOT_VERIFIED = "Server certificate not verified"
NOT_IN_PATTERNS = "does not match STS MX pattern"  # in the log of Postfix 3.10.5 and later
NO_ANSWER = "client TLS configuration problem"  # Postfix was answered TEMP

FAULTS = [
    ("stripped", NO_STARTTLS),          # somebody on the way takes it out
    ("nostarttls", NO_STARTTLS),        # the server has none
    ("wrongname", NOT_VERIFIED),        # a valid certificate, but of another name
    ("expired", NOT_VERIFIED),
    ("selfsigned", NOT_VERIFIED),
    ("unknownca", NOT_VERIFIED),
]  # fmt: skip

# An answer of the attacker's that is in force for a second only, so that tests can see it end.
SHORT_TTL = 1


def assert_held(lab: Lab, delivery: Delivery, *hosts: str) -> None:
    """Mail is in the queue, not with anybody, and not on its way back."""
    assert delivery.status == "deferred"
    assert delivery.dsn.startswith("4.")
    for host in hosts:
        assert len(lab.mailbox(host)) == 0


@pytest.mark.parametrize(("domain", "host"), [
    ("good.test", "mx.good.test"),
    ("wildcard.test", "a.mx.wildcard.test"),     # "mx: *.mx.wildcard.test"
    ("implicit-mx.test", "implicit-mx.test"),    # no MX record: the domain is the host
    ("cname.test", "mx.cname.test"),             # the record is reached by an alias
    ("signed.test", "mx.signed.test"),           # DNSSEC, but no TLSA records
    ("xn--bcher-kva.test", "mx.xn--bcher-kva.test"),
])  # fmt: skip
def test_an_honest_mx_is_verified(
    lab: Lab, postfix: SendingPostfix, domain: str, host: str
) -> None:
    """An enforced policy makes Postfix verify the certificate, and mail arrives."""
    delivery = postfix.deliver(f"someone@{domain}")

    assert (delivery.status, delivery.tls) == ("sent", "Verified")
    assert lab.mailbox(host).recipients() == (f"someone@{domain}",)


@pytest.mark.parametrize(("label", "reason"), FAULTS)
def test_a_broken_or_attacked_mx_gets_nothing(
    lab: Lab, postfix: SendingPostfix, label: str, reason: str
) -> None:
    """No STARTTLS or no valid certificate: mail waits in the queue (RFC 8461 §5)."""
    delivery = postfix.deliver(f"someone@{label}.test")

    assert_held(lab, delivery, f"mx.{label}.test")
    assert reason in delivery.reason


@pytest.mark.parametrize("label", [label for label, _ in FAULTS])
def test_the_same_faults_stop_nothing_in_testing_mode(
    lab: Lab, postfix: SendingPostfix, label: str
) -> None:
    """A policy in mode testing changes no delivery (RFC 8461 §5)."""
    delivery = postfix.deliver(f"someone@{label}-testing.test")

    assert delivery.status == "sent"
    assert len(lab.mailbox(f"mx.{label}-testing.test")) == 1


@pytest.mark.parametrize("attacker", [
    ATTACKER_HOST,     # its certificate is valid for its own name
    IMPOSTOR_HOST,     # its certificate is valid for the name that the policy allows
])  # fmt: skip
def test_a_forged_mx_gets_nothing(lab: Lab, postfix: SendingPostfix, attacker: str) -> None:
    """No MX name is allowed by the policy: not even a connection is made."""
    lab.attack.forge_mx("forged.test", attacker)

    delivery = postfix.deliver("someone@forged.test")

    assert_held(lab, delivery, attacker, "mx.forged.test")
    assert delivery.relay == "none"


@pytest.mark.parametrize("attacker", [ATTACKER_HOST, IMPOSTOR_HOST])
def test_a_forged_mx_gets_mail_in_testing_mode(
    lab: Lab, postfix: SendingPostfix, attacker: str
) -> None:
    """A policy in mode testing protects nobody, and must not hold mail back either."""
    lab.attack.forge_mx("forged-testing.test", attacker)

    assert postfix.deliver("someone@forged-testing.test").status == "sent"
    assert len(lab.mailbox(attacker)) == 1


@pytest.mark.parametrize("attacker", [ATTACKER_HOST, IMPOSTOR_HOST])
def test_an_mx_forged_after_the_first_answer_gets_nothing_once_its_ttl_is_over(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix, attacker: str
) -> None:
    """An answer is given no longer than the MX set that it was made of may be relied on."""
    lab.dns.set_mx("forged.test", "mx.forged.test", ttl=SHORT_TTL)
    assert postfix.deliver("before@forged.test").tls == "Verified"
    lab.attack.forge_mx("forged.test", attacker)
    daemon.await_answer("forged.test", "TEMP ", seconds=SHORT_TTL + 5)

    delivery = postfix.deliver("after@forged.test")

    assert_held(lab, delivery, attacker)
    assert lab.mailbox("mx.forged.test").recipients() == ("before@forged.test",)


def test_an_answer_that_outlives_the_true_mx_set_still_stops_a_stranger(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """Until that TTL is over Postfix compares names itself: the attacker's own is no good.

    3.7 compares those of the certificate, 3.10 does not even connect.
    """
    assert daemon.ask("forged.test").startswith("OK secure ")
    lab.attack.forge_mx("forged.test", ATTACKER_HOST)

    delivery = postfix.deliver("someone@forged.test")

    assert daemon.ask("forged.test").startswith("OK secure ")
    assert_held(lab, delivery, ATTACKER_HOST)
    assert delivery.reason == NOT_VERIFIED or NOT_IN_PATTERNS in "".join(delivery.log_lines)


def test_the_honest_mx_gets_mail_as_soon_as_the_forgery_is_over(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """Held mail needs no help: the answer lives no longer than the forged MX set."""
    lab.dns.set_mx("forged.test", ATTACKER_HOST, ttl=SHORT_TTL)
    held = postfix.deliver("someone@forged.test")
    assert held.status == "deferred"
    lab.dns.set_mx("forged.test", "mx.forged.test")
    for zone in ("postfix", "postfix-3.10"):
        daemon.await_answer("forged.test", "OK secure ", zone=zone)

    assert postfix.retry(held.queue_id).tls == "Verified"


def test_a_policy_that_allows_no_mx_holds_mail_with_its_reason(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """The owner forgot to list the MX, which nobody can tell from an attack."""
    assert_held(lab, postfix.deliver("someone@uncovered.test"), "mx.uncovered.test")
    assert daemon.ask("uncovered.test") == (
        "TEMP MTA-STS policy of uncovered.test allows none of its MX hosts (mx.uncovered.test)"
    )


@pytest.mark.parametrize("domain", ["nopolicy.test", "plain.test", "none.test"])
def test_without_a_policy_mail_goes_as_ever(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix, domain: str
) -> None:
    """No policy, or one in mode none: the MTA's own default decides."""
    assert daemon.ask(domain) == "NOTFOUND "
    assert postfix.deliver(f"someone@{domain}").status == "sent"


DEAD_ADDRESS = "127.0.25.250"  # nothing listens there


@pytest.mark.parametrize(
    ("is_known", "reasons"),
    [
        (True, (NOT_VERIFIED, "Connection refused")),  # 3.10 tries the allowed host alone
        (False, (NO_ANSWER,)),  # no host is left to deliver to, and Postfix might return the mail
    ],
)
def test_an_allowed_name_that_is_dead_does_not_open_the_door_for_a_stranger(
    lab: Lab, postfix: SendingPostfix, is_known: bool, reasons: tuple[str, ...]
) -> None:
    """Beside an allowed name, forged to lead nowhere, the attacker's own host gets nothing."""
    with lab.dns.together():
        lab.attack.forge_mx("forged.test", "mx.forged.test", ATTACKER_HOST)
        if is_known:
            lab.dns.set_records("mx.forged.test", "A", DEAD_ADDRESS)
        else:
            lab.dns.remove("mx.forged.test")

    delivery = postfix.deliver("someone@forged.test")

    assert_held(lab, delivery, ATTACKER_HOST)
    assert any(reason in delivery.reason for reason in reasons)


def test_a_stranger_before_the_honest_mx_is_passed_over(lab: Lab, postfix: SendingPostfix) -> None:
    """A forged MX set that still holds the true host: mail goes there and nowhere else."""
    lab.attack.forge_mx("forged.test", ATTACKER_HOST, "mx.forged.test")

    delivery = postfix.deliver("someone@forged.test")

    assert (delivery.status, delivery.tls) == ("sent", "Verified")
    assert len(lab.mailbox("mx.forged.test")) == 1
    assert len(lab.mailbox(ATTACKER_HOST)) == 0


def test_a_forged_address_of_an_allowed_name_leads_nowhere(
    lab: Lab, postfix: SendingPostfix
) -> None:
    """The attacker's host under the honest name has no certificate for it."""
    lab.dns.set_records("mx.forged.test", "A", lab.addresses.mx[ATTACKER_HOST])

    assert_held(lab, postfix.deliver("someone@forged.test"), ATTACKER_HOST)


@ONLY_3_7
@pytest.mark.parametrize("hosts", [
    (IMPOSTOR_HOST, "mx.forged.test"),
    ("mx.forged.test", IMPOSTOR_HOST),     # and the allowed one is dead
])  # fmt: skip
def test_postfix_3_7_cannot_tell_an_impostor_beside_an_allowed_name(
    lab: Lab, postfix: SendingPostfix, hosts: tuple[str, ...]
) -> None:
    """What no answer can prevent: it matches certificates with the policy, not MX names.

    From 3.10.5 on it does both, with the zone ``postfix-3.10``. An impostor with a certificate
    for an allowed name has won under that name as well, if he can forge its address too.
    """
    with lab.dns.together():
        lab.attack.forge_mx("forged.test", *hosts)
        lab.dns.set_records("mx.forged.test", "A", DEAD_ADDRESS)

    assert postfix.deliver("someone@forged.test").relay.startswith(IMPOSTOR_HOST)


def test_postfix_returns_mail_for_names_without_address_before_it_asks(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """What no answer can prevent either: it resolves MX hosts first, and bounces without any."""
    start = len(daemon.log_lines())
    lab.attack.forge_mx("wildcard.test", "gone.mx.wildcard.test")

    assert postfix.deliver("someone@wildcard.test").status == "bounced"
    assert not [line for line in daemon.log_lines(start) if "decision made" in line]
