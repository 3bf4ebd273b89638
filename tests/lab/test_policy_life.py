"""By real Postfix: a policy rules from its fetch to its end, and its owner can change it.

RFC 8461 §3.3, §5.1 and §10.2: who can block DNS or the policy host cannot shorten a policy's
life, and who owns the domain is heard before mail is lost. The MX of ``wrongname.test`` has a
certificate for another name: there, mail that waits shows a policy in force, and mail that goes
shows one that is not.
"""

from datetime import UTC, datetime

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.model import policy_text
from lab.sender import SendingPostfix
from lab.service import wait_until

from .conftest import QUICK_TABLES, MakeDaemon

pytestmark = pytest.mark.lab

DOMAIN = "wrongname.test"
MX = "mx.wrongname.test"


def publish(lab: Lab, mode: str, *, record_id: str, max_age: int = 604_800, ttl: int = 1) -> None:
    """Publish a policy for the domain, the file before the record (RFC 8461 §8.3)."""
    lab.policy_host.set_policy(DOMAIN, policy_text(mode, MX, max_age=max_age))
    lab.dns.set_sts(DOMAIN, f"v=STSv1; id={record_id};", ttl=ttl)


def instant(text: str) -> datetime:
    """Read an instant as the service writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def test_a_policy_stays_in_force_when_its_host_is_gone(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """A failed fetch removes no unexpired policy, whoever asks for it."""
    publish(lab, "enforce", record_id="1")
    assert postfix.deliver("before@wrongname.test").status == "deferred"
    lab.policy_host.stop(DOMAIN)

    done = daemon.command("cache", "refresh", DOMAIN, "--format", "json")

    assert '"sts-policy-fetch-error"' in done.stdout
    assert postfix.deliver("after@wrongname.test").status == "deferred"
    assert len(lab.mailbox(MX)) == 0


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_policy_stays_in_force_over_a_restart(lab: Lab, own_daemon: Daemon, how: str) -> None:
    """It comes from the store, though its host is gone, after SIGTERM and after kill -9."""
    with lab.sender(own_daemon.table()) as postfix:
        assert postfix.deliver("before@wrongname.test").status == "deferred"
        assert postfix.deliver("before@good.test").tls == "Verified"
        lab.policy_host.stop(DOMAIN, "good.test")
        own_daemon.stop() if how == "stop" else own_daemon.kill()
        own_daemon.start()

        assert postfix.deliver("after@wrongname.test").status == "deferred"
        assert postfix.deliver("after@good.test").tls == "Verified"


def test_mail_waits_while_mailseal_is_down(lab: Lab, own_daemon: Daemon) -> None:
    """Postfix defers without an answer, and delivers when there is one again."""
    with lab.sender(own_daemon.table()) as postfix:
        own_daemon.stop()
        held = postfix.deliver("someone@good.test")
        assert held.status == "deferred"
        own_daemon.start()

        assert postfix.retry(held.queue_id).tls == "Verified"


def test_a_policy_stays_in_force_when_the_record_cannot_be_looked_up(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """The record's name fails while the rest of DNS works, as with a broken signature."""
    lab.dns.set_sts("signed.test", "v=STSv1; id=1;", ttl=1)
    assert postfix.deliver("before@signed.test").tls == "Verified"
    start = len(daemon.log_lines())
    lab.dns.set_bogus("_mta-sts.signed.test", "TXT")
    checked_at = (daemon.policy("signed.test") or {})["id_checked_at"]
    wait_until(lambda: datetime.now(UTC).timestamp() > instant(checked_at).timestamp() + 2)

    assert postfix.deliver("after@signed.test").tls == "Verified"
    assert not [line for line in daemon.log_lines(start) if "decision changed" in line]


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_known_domains_are_answered_at_once_without_dns(lab: Lab, daemon: Daemon, how: str) -> None:
    """From memory, from the first to the last second; no answer waits for a time-out."""
    known = daemon.ask("good.test")
    lab.dns.stop() if how == "gone" else lab.dns.freeze()
    try:
        began = datetime.now(UTC)
        replies = {daemon.ask("good.test") for _ in range(20)}
        took = datetime.now(UTC) - began
    finally:
        lab.dns.start() if how == "gone" else lab.dns.thaw()

    assert replies == {known}
    assert took.total_seconds() < 1


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_a_policy_outlives_a_restart_without_dns(lab: Lab, own_daemon: Daemon, how: str) -> None:
    """The store alone is enough to enforce; what DANE last said is known from there too."""
    known = own_daemon.ask("good.test")
    signed = own_daemon.ask("dane-good.test")
    assert known.startswith("OK secure ")
    assert signed == "OK dane-only"
    lab.dns.stop() if how == "gone" else lab.dns.freeze()
    try:
        own_daemon.restart()
        replies = own_daemon.ask("good.test"), own_daemon.ask("dane-good.test")
    finally:
        lab.dns.start() if how == "gone" else lab.dns.thaw()

    assert replies == (known, signed)


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_an_unknown_domain_is_answered_within_its_deadline_without_dns(
    lab: Lab, daemon: Daemon, how: str
) -> None:
    """Nothing is known, and RFC 7672 applied host by host is right even so."""
    lab.dns.stop() if how == "gone" else lab.dns.freeze()
    try:
        began = datetime.now(UTC)
        reply = daemon.ask("good.test")
        took = datetime.now(UTC) - began
    finally:
        lab.dns.start() if how == "gone" else lab.dns.thaw()

    assert reply == "OK dane"
    assert took.total_seconds() < 2 + 3  # the zone's deadline is 2 s


def test_a_new_id_brings_the_new_policy_without_a_restart(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """The record is looked at again when its TTL is over, and held mail goes out."""
    publish(lab, "enforce", record_id="1")
    held = postfix.deliver("someone@wrongname.test")
    assert held.status == "deferred"
    publish(lab, "testing", record_id="2")
    daemon.await_answer(DOMAIN, "NOTFOUND ")

    assert postfix.retry(held.queue_id).status == "sent"
    assert (daemon.policy(DOMAIN) or {})["id"] == "2"


def test_a_stricter_policy_is_seen_as_well(lab: Lab, daemon: Daemon) -> None:
    """From testing to enforce, by the same rule: an id is looked at in every mode."""
    publish(lab, "testing", record_id="1")
    assert daemon.ask(DOMAIN) == "NOTFOUND "
    publish(lab, "enforce", record_id="2")

    daemon.await_answer(DOMAIN, "OK secure ")


def test_a_changed_file_under_the_same_id_is_not_seen_before_its_time(
    lab: Lab, daemon: Daemon
) -> None:
    """Owners announce a change by the id; until the daily fetch nobody asks the host again."""
    publish(lab, "enforce", record_id="1")
    daemon.ask(DOMAIN)
    lab.policy_host.forget_requests(DOMAIN)
    lab.policy_host.set_policy(DOMAIN, policy_text("none"))
    checked_at = (daemon.policy(DOMAIN) or {})["id_checked_at"]

    def is_checked_again() -> bool:
        daemon.ask(DOMAIN)
        return bool((daemon.policy(DOMAIN) or {})["id_checked_at"] > checked_at)

    assert wait_until(is_checked_again)
    assert daemon.ask(DOMAIN).startswith("OK secure ")
    assert lab.policy_host.requests(DOMAIN) == 0


def test_a_policy_withdrawn_before_the_last_attempt_no_longer_holds_mail(
    lab: Lab, make_daemon: MakeDaemon
) -> None:
    """An id last checked over ``id_check_max_age`` ago is looked at *before* the answer.

    Else the last attempt before a bounce could go by a policy that its owner has withdrawn
    (RFC 8461 §5.1). The record's TTL of an hour allows no other look by then.
    """
    daemon = make_daemon({**QUICK_TABLES, "sts": {"id_check_max_age": '"2s"'}})
    daemon.start()
    publish(lab, "enforce", record_id="1", ttl=3600)
    with lab.sender(daemon.table()) as postfix:
        held = postfix.deliver("someone@wrongname.test")
        assert held.status == "deferred"
        publish(lab, "none", record_id="2", ttl=3600)
        checked_at = instant((daemon.policy(DOMAIN) or {})["id_checked_at"])
        wait_until(lambda: (datetime.now(UTC) - checked_at).total_seconds() > 3)

        assert postfix.retry(held.queue_id).status == "sent"


def test_a_younger_id_is_not_looked_at_before_the_answer(lab: Lab, daemon: Daemon) -> None:
    """Within the record's TTL the answer is the cached one, and DNS is not asked."""
    publish(lab, "enforce", record_id="1", ttl=3600)
    before = daemon.ask(DOMAIN)
    publish(lab, "none", record_id="2", ttl=3600)

    assert {daemon.ask(DOMAIN) for _ in range(5)} == {before}


def test_a_policy_without_record_rules_until_it_expires(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """Who can hide the record cannot end a policy; its own max_age does (RFC 8461 §3.3)."""
    publish(lab, "enforce", record_id="1", max_age=6)
    held = postfix.deliver("someone@wrongname.test")
    assert held.status == "deferred"
    expires_at = instant((daemon.policy(DOMAIN) or {})["expires_at"])
    lab.attack.hide_record(DOMAIN)
    wait_until(lambda: (expires_at - datetime.now(UTC)).total_seconds() < 3)
    assert daemon.ask(DOMAIN).startswith("OK secure ")

    daemon.await_answer(DOMAIN, "NOTFOUND ", seconds=10)

    assert datetime.now(UTC) >= expires_at
    assert postfix.retry(held.queue_id).status == "sent"


def test_a_hidden_record_leaves_mail_safe(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """An attacker who answers "no such record" and strips STARTTLS still gets nothing."""
    assert daemon.ask("stripped.test").startswith("OK secure ")
    lab.attack.hide_record("stripped.test")

    assert postfix.deliver("someone@stripped.test").status == "deferred"
    assert len(lab.mailbox("mx.stripped.test")) == 0
