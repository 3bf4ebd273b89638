"""DNS and policy hosts that are unusual and right: mailseal copes as a mail server must."""

import time
from pathlib import Path

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.model import policy_text
from lab.sender import SendingPostfix

pytestmark = pytest.mark.lab

SECURE = "OK secure match=mx.good.test servername=hostname"
DEAD_ADDRESS = "127.0.80.250"  # nothing listens there


def test_a_record_among_many_other_texts_is_found(lab: Lab, daemon: Daemon) -> None:
    """The answer is too long for a datagram: it comes over TCP, and only one text is a record."""
    others = [f"other-text-{number:03} {'x' * 200}" for number in range(60)]
    lab.dns.set_txt("_mta-sts.good.test", *others, "v=STSv1; id=1;")

    assert daemon.ask("good.test") == SECURE


def test_a_policy_host_with_a_dead_address_is_reached_at_another(lab: Lab, daemon: Daemon) -> None:
    """Every address is tried."""
    alive = lab.addresses.policy_hosts["good.test"]
    lab.dns.set_records("mta-sts.good.test", "A", DEAD_ADDRESS, alive)
    lab.dns.set_records("mta-sts.good.test", "AAAA", "2001:db8::1")

    assert daemon.ask("good.test") == SECURE


def test_a_policy_host_may_be_an_alias(lab: Lab, daemon: Daemon) -> None:
    """As with a policy hosted by somebody else (RFC 8461 §8.2)."""
    lab.dns.remove("mta-sts.good.test", "A")
    lab.dns.set_records("mta-sts.good.test", "CNAME", "elsewhere.good.test.")
    lab.dns.set_records("elsewhere.good.test", "A", lab.addresses.policy_hosts["good.test"])

    assert daemon.ask("good.test") == SECURE


def test_a_hundred_mx_hosts_are_no_obstacle(lab: Lab, daemon: Daemon) -> None:
    """The honest one is best; how many follow does not matter."""
    others = [f"mx{number}.good.test" for number in range(100)]
    lab.dns.set_mx("good.test", "mx.good.test", *others)

    assert daemon.ask("good.test") == SECURE


def test_a_policy_of_many_patterns_is_answered_whole(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """Hundreds of patterns make a long reply, and Postfix takes it."""
    patterns = [f"mx{number}.many.example.net" for number in range(500)]
    lab.policy_host.set_policy("good.test", policy_text("enforce", *patterns, "mx.good.test"))

    assert postfix.deliver("someone@good.test").tls == "Verified"
    assert daemon.ask("good.test").count(":") == 500


def test_an_mx_host_of_another_zone_is_held_to_the_policy(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix
) -> None:
    """Hosted mail: the policy names the provider's host, and its certificate is checked."""
    lab.dns.set_mx("good.test", "mx.signed.test")
    lab.policy_host.set_policy("good.test", policy_text("enforce", "*.signed.test"))

    assert postfix.deliver("someone@good.test").tls == "Verified"
    assert len(lab.mailbox("mx.signed.test")) == 1


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_fetch_under_way_holds_up_no_end(own_daemon: Daemon, how: str) -> None:
    """Neither process waits for a policy host that never answers."""
    assert own_daemon.ask("policy-slow.test", "sendmail") == "NOTFOUND "
    resolver = own_daemon.resolver_pid
    began = time.monotonic()

    own_daemon.stop() if how == "stop" else own_daemon.kill()

    assert time.monotonic() - began < 5  # a fetch may take a minute
    assert not Path(f"/proc/{resolver}").exists()
