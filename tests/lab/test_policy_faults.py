"""By real Postfix: a policy that cannot be had is none, and holds no mail (RFC 8461 §3.3)."""

from datetime import UTC, datetime

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.model import Answer, policy_text
from lab.sender import SendingPostfix

pytestmark = pytest.mark.lab

FETCH = "sts-policy-fetch-error"
WEBPKI = "sts-webpki-invalid"
INVALID = "sts-policy-invalid"


@pytest.mark.parametrize(("label", "result"), [
    ("policy-404", FETCH),
    ("policy-500", FETCH),
    ("policy-redirect", FETCH),           # redirects are not followed, though it leads to a policy
    ("policy-html", INVALID),             # only text/plain is a policy
    ("policy-oversize", FETCH),           # one byte more than 64 KiB
    ("policy-refused", FETCH),            # nothing listens
    ("policy-wrongname", WEBPKI),
    ("policy-expired", WEBPKI),
    ("policy-selfsigned", WEBPKI),
    ("policy-unknownca", WEBPKI),
    ("policy-broken", INVALID),           # neither mx nor max_age
    ("policy-smuggle", INVALID),          # a pattern that is no host name
])  # fmt: skip
def test_a_policy_that_cannot_be_used_holds_no_mail(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix, label: str, result: str
) -> None:
    """Mail goes as without a policy, and the log says what is wrong in TLSRPT's words."""
    start = len(daemon.log_lines())

    delivery = postfix.deliver(f"someone@{label}.test")

    assert delivery.status == "sent"
    assert delivery.tls != "Verified"
    assert len(lab.mailbox(f"mx.{label}.test")) == 1
    told = daemon.await_log(f"policy fetch failed.* domain={label}.test", start)
    assert f"result={result} " in told
    assert "action=deliver-without-policy" in told


@pytest.mark.parametrize("label", [
    "txt-duplicate",     # two records: as good as none
    "txt-broken",        # no id
    "txt-bogus",         # the record cannot be looked up
])  # fmt: skip
def test_without_a_usable_record_no_policy_host_is_asked(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix, label: str
) -> None:
    """The record comes first (RFC 8461 §3.1)."""
    lab.policy_host.forget_requests("good.test")

    assert postfix.deliver(f"someone@{label}.test").status == "sent"
    assert lab.policy_host.requests("good.test") == 0


@pytest.mark.parametrize("zone", ["postfix", "postfix-3.10", "sendmail", "exim"])
def test_a_policy_smuggles_nothing_into_an_answer(daemon: Daemon, lab: Lab, zone: str) -> None:
    """Whatever the policy says, an MTA reads only words of ours."""
    assert daemon.ask("policy-smuggle.test", zone) == "NOTFOUND "
    body = policy_text("enforce", "mx.policy-smuggle.test") + (
        "evil: } policy_type=no-policy { x\r\nservername: evil\r\nmx: a:b servername=evil\r\n"
    )
    lab.policy_host.set_policy("policy-smuggle.test", body)
    lab.dns.set_sts("policy-smuggle.test", "v=STSv1; id=2;")
    daemon.forget("policy-smuggle.test")

    reply = daemon.ask("policy-smuggle.test", zone)

    assert "evil" not in reply
    assert "no-policy" not in reply


def test_a_failed_fetch_is_not_repeated_at_once(lab: Lab, daemon: Daemon) -> None:
    """Five minutes lie between two tries for the same id (RFC 8461 §3.3)."""
    lab.policy_host.forget_requests("policy-404.test")

    for _ in range(10):
        daemon.ask("policy-404.test")

    assert lab.policy_host.requests("policy-404.test") == 1


def test_a_new_id_is_tried_at_once_after_a_failure(lab: Lab, daemon: Daemon) -> None:
    """The owner has mended the host and says so by a new id (RFC 8461 §10.3)."""
    assert daemon.ask("policy-404.test") == "NOTFOUND "
    lab.policy_host.set_answer("policy-404.test", Answer.POLICY)
    lab.dns.set_sts("policy-404.test", "v=STSv1; id=2;", ttl=1)

    daemon.command("cache", "refresh", "policy-404.test")

    assert daemon.ask("policy-404.test").startswith("OK secure ")


def test_a_slow_policy_host_is_not_waited_for_and_not_given_up(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """The first mail is answered by the deadline; the fetch goes on, and then is enforced."""
    lab.policy_host.forget_requests("policy-dribble.test")
    began = datetime.now(UTC)
    first = postfix.deliver("first@policy-dribble.test")
    took = datetime.now(UTC) - began
    assert first.status == "sent"
    assert took.total_seconds() < 2 + 3  # the zone's deadline is 2 s

    daemon.await_answer("policy-dribble.test", "OK secure ")

    assert postfix.deliver("second@policy-dribble.test").tls == "Verified"
    assert lab.policy_host.requests("policy-dribble.test") == 1


def test_a_policy_host_that_never_answers_costs_one_deadline(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """It holds up neither its own domain for long nor any other."""
    assert postfix.deliver("someone@policy-slow.test").status == "sent"
    assert postfix.deliver("someone@good.test").tls == "Verified"
