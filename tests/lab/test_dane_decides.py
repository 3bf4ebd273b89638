"""By real Postfix: where DANE can judge it does, with or without an enforce policy (RFC 7672)."""

import pytest

from lab.ca import Flaw
from lab.daemon import Daemon
from lab.internet import Lab
from lab.sender import SendingPostfix

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

POSTFIX_VERSIONS = ("3.7", "3.10")


def secure(*hosts: str) -> str:
    """Render the answer for a policy that allows these hosts."""
    return f"OK secure match={':'.join(hosts)} servername=hostname"


@pytest.mark.parametrize(("label", "reply"), [
    ("dane-good", "OK dane-only"),             # all hosts have usable TLSA records
    ("dane-mismatch", "OK dane-only"),         # usable, though nothing will match them
    ("dane-issuer", "OK dane-only"),
    ("dane-nopolicy", "OK dane-only"),         # DANE needs no policy
    ("dane-bogus", "OK dane-only"),            # the look-up fails: as strict, and it heals
    ("dane-unusable", secure("mx.dane-unusable.test")),
    ("signed", secure("mx.signed.test")),      # proven to have none
    ("dane-first", "OK dane-only"),            # the best host has it
    ("dane-last", secure("mx1.dane-last.test")),   # only the worse one: narrowed to the best
    ("dane-insecure-mx", secure("mx.dane-good.test")),  # an unsigned MX set proves nothing
    ("bogus", "OK dane"),                      # no policy to be had, no MX set either
    ("null-mx", "NOTFOUND "),                  # takes no mail at all
])  # fmt: skip
def test_each_kind_of_domain_gets_the_answer_of_the_table(
    daemon: Daemon, label: str, reply: str
) -> None:
    """Postfix is told what docs/explain/decisions.md says."""
    assert daemon.ask(f"{label}.test") == reply


@pytest.mark.parametrize("zone", ["sendmail", "sts", "exim"])
@pytest.mark.parametrize(("label", "reply"), [
    ("dane-good", secure("mx.dane-good.test")),
    ("dane-first", secure("mx1.dane-first.test", "mx2.dane-first.test")),
    ("dane-nopolicy", "NOTFOUND "),
    ("dane-insecure-mx", secure("mx.dane-good.test")),
    ("bogus", "NOTFOUND "),
])  # fmt: skip
def test_other_mtas_never_see_a_dane_word(
    daemon: Daemon, zone: str, label: str, reply: str
) -> None:
    """They do DANE by themselves, and would take the word for "no policy"."""
    assert daemon.ask(f"{label}.test", zone) == reply


@pytest.mark.parametrize(("label", "status", "tls"), [
    ("dane-good", "sent", "Verified"),      # the certificate is self-signed: the policy would fail
    ("dane-issuer", "sent", "Verified"),
    ("dane-nopolicy", "sent", "Verified"),
    ("dane-first", "sent", "Verified"),
    ("dane-mismatch", "deferred", "Untrusted"),   # the certificate is fine: the policy would pass
    ("dane-bogus", "deferred", None),
    ("dane-unusable", "sent", "Verified"),        # by the policy
    ("signed", "sent", "Verified"),               # by the policy
    ("dane-last", "sent", "Verified"),            # by the policy
    ("dane-insecure-mx", "deferred", "Untrusted"),   # by the policy: self-signed
])  # fmt: skip
def test_postfix_delivers_by_dane_first_and_by_the_policy_else(
    postfix: SendingPostfix, label: str, status: str, tls: str | None
) -> None:
    """MTA-STS neither overrides a failing DANE nor spoils a good one (RFC 8461 §2)."""
    delivery = postfix.deliver(f"someone@{label}.test")

    assert (delivery.status, delivery.tls) == (status, tls)


def test_a_dane_host_needs_no_policy_host(lab: Lab, daemon: Daemon) -> None:
    """A policy host with a bad certificate changes nothing where DANE decides."""
    lab.policy_host.set_certificate("dane-good.test", Flaw.EXPIRED)

    assert daemon.ask("dane-good.test") == "OK dane-only"


def test_a_worse_host_with_tlsa_does_not_go_before_a_better_one_without(
    lab: Lab, postfix: SendingPostfix
) -> None:
    """RFC 7672 §2.2.1: mail goes to the best host, verified by the policy."""
    delivery = postfix.deliver("someone@dane-last.test")

    assert delivery.relay.startswith("mx1.dane-last.test")
    assert len(lab.mailbox("mx2.dane-last.test")) == 0


def test_an_mta_without_dnssec_is_told_nothing_of_dane(make_daemon: MakeDaemon) -> None:
    """With ``dane.enabled = false`` the policy alone decides."""
    daemon = make_daemon({"dane": {"enabled": "false"}})
    daemon.start()

    assert daemon.ask("dane-first.test") == secure("mx1.dane-first.test", "mx2.dane-first.test")
    assert daemon.ask("dane-nopolicy.test") == "NOTFOUND "
