"""The configuration of docs/howto/exim.md, as it stands there, delivers with a real Exim."""

import itertools
import re
from pathlib import Path

import pytest

from lab.catalogue import ATTACKER_HOST
from lab.daemon import Daemon
from lab.internet import Lab
from lab.service import wait_until

from .conftest import QUICK_TABLES, MakeBreaker, MakeDaemon

pytestmark = pytest.mark.lab

_numbers = itertools.count(1)

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "exim.md"

# What the how-to takes for granted: a configuration that delivers, and who may do it.
WHOLE = """\
primary_hostname = sender.test
spool_directory = {folder}/spool
log_file_path = {folder}/%s.log
exim_user = mail
exim_path = {exim}
keep_environment = LD_LIBRARY_PATH
domainlist local_domains = sender.test
{main}
begin routers
{routers}
dnslookup:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote_smtp
  no_more
begin transports
{transports}
remote_smtp:
  driver = smtp
begin retry
* * F,2h,15m
"""


def block(name: str) -> str:
    """Return one of the how-to's blocks."""
    found = re.search(rf"^```exim {name}\n(.*?)^```$", HOWTO.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


class HowTo:
    """An Exim with the how-to's configuration, and a queue of its own.

    ``address`` is what the daemon's line listener has for ``${readsocket}``; ``fallback`` is a
    fallback host that the transport of enforced domains gets as well.
    """

    def __init__(self, lab: Lab, address: Path | str, fallback: str = "") -> None:
        self.lab = lab
        self.address = str(address)
        self.fallback = fallback
        self.folder = lab.folder / f"howto{next(_numbers)}"
        (self.folder / "spool").mkdir(parents=True)
        for each in (self.folder, self.folder / "spool"):
            each.chmod(0o777)
        self.tree = lab.namespace.trees["exim"]
        self.exim = self.tree.file("usr/sbin/exim4")
        self.trust(lab.ca_file)

    def trust(self, ca_file: Path) -> None:
        """Write the configuration, with other roots than the system's."""
        transports = (
            block("transports")
            .replace("tls_verify_certificates = system", f"tls_verify_certificates = {ca_file}")
            .replace("driver = smtp\n", f"driver = smtp\n  fallback_hosts = {self.fallback}\n")
        )
        text = WHOLE.format(
            folder=self.folder,
            exim=self.exim,
            main=block("main").replace("inet:127.0.0.1:8462", self.address),
            routers=block("routers"),
            transports=transports,
        )
        (self.folder / "exim.conf").write_text(text)

    def send(self, *recipients: str) -> str:
        """Send a message and wait for its first attempt; return Exim's log of it."""
        return self.run(
            "-odf",
            "-f",
            "someone@sender.test",
            *recipients,
            stdin="Subject: how-to\n\nHello.\n",
        )

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run Exim; return what it prints."""
        done = self.lab.run(
            [self.exim, "-C", self.folder / "exim.conf", *arguments],
            stdin=stdin,
            environment={"LD_LIBRARY_PATH": self.tree.library_path()},
        )
        return done.stdout + done.stderr


def deliver(lab: Lab, address: Path | str, *recipients: str, fallback: str = "") -> str:
    """Send a message by the how-to's configuration; return Exim's log of it."""
    return HowTo(lab, address, fallback).send(*recipients)


@pytest.mark.parametrize(("label", "host", "said"), [
    ("good", "mx.good.test", "T=smtp_mailseal"),
    ("wildcard", "a.mx.wildcard.test", "T=smtp_mailseal"),
    ("dane-good", "mx.dane-good.test", "CV=dane"),          # DANE first, the policy besides
    ("nopolicy", "mx.nopolicy.test", "T=remote_smtp"),
])  # fmt: skip
def test_mail_goes_where_it_may(lab: Lab, daemon: Daemon, label: str, host: str, said: str) -> None:
    """Verified by the policy or by DANE, and as ever without a policy."""
    log = deliver(lab, daemon.line, f"someone@{label}.test")

    assert f"=> someone@{label}.test" in log
    assert said in log
    assert len(lab.mailbox(host)) == 1


@pytest.mark.parametrize(("label", "said"), [
    ("stripped", "TLS session is required"),
    ("wrongname", "certificate verification failed"),
    ("uncovered", "allows none of its MX hosts"),
])  # fmt: skip
def test_mail_waits_where_it_must(lab: Lab, daemon: Daemon, label: str, said: str) -> None:
    """Clear text, a wrong certificate, an MX host outside the policy: deferred."""
    log = deliver(lab, daemon.line, f"someone@{label}.test")

    assert f"== someone@{label}.test" in log
    assert said in log
    assert len(lab.mailbox(f"mx.{label}.test")) == 0


def test_a_stranger_beside_an_allowed_host_is_not_connected_to(lab: Lab, daemon: Daemon) -> None:
    """The event of the transport holds each MX host's name against the policy."""
    lab.attack.forge_mx("forged.test", ATTACKER_HOST, "mx.forged.test")

    log = deliver(lab, daemon.line, "someone@forged.test")

    assert f"H={ATTACKER_HOST}" in log
    assert "Event requests alternate response" in log
    assert len(lab.mailbox(ATTACKER_HOST)) == 0
    assert len(lab.mailbox("mx.forged.test")) == 1


def test_a_fallback_host_is_held_against_the_policy(lab: Lab, daemon: Daemon) -> None:
    """What the policy holds back does not go another way."""
    log = deliver(lab, daemon.line, "someone@stripped.test", fallback="mx.nopolicy.test")

    assert "H=mx.nopolicy.test" in log
    assert "== someone@stripped.test" in log
    assert len(lab.mailbox("mx.nopolicy.test")) == 0


@pytest.mark.parametrize("deed", ["fin", "rst", "read-fin", "read-rst", "say:", "say:OK"])
def test_no_answer_is_no_permission(lab: Lab, make_breaker: MakeBreaker, deed: str) -> None:
    """A connection that was accepted and broke off, at any moment, lets the mail wait."""
    address = make_breaker(deed)

    log = deliver(lab, f"inet:{address}", "someone@nopolicy.test")

    assert "== someone@nopolicy.test R=mailseal_asks defer" in log
    assert len(lab.mailbox("mx.nopolicy.test")) == 0


def test_a_daemon_that_is_not_there_lets_mail_wait(lab: Lab) -> None:
    """The connection itself fails, which is what Exim calls DOWN."""
    log = deliver(lab, "inet:127.0.0.1:1", "someone@nopolicy.test")

    assert "== someone@nopolicy.test R=mailseal_asks defer" in log
    assert "mailseal: DOWN" in log


def test_the_first_answer_is_the_one_that_counts(lab: Lab, make_breaker: MakeBreaker) -> None:
    """Nothing is asked twice, so that a second answer could send mail another way."""
    address = make_breaker("say:OK secure match=mx.stripped.test servername=hostname\n", "fin")

    log = deliver(lab, f"inet:{address}", "someone@stripped.test")

    assert "== someone@stripped.test R=mailseal_enforced T=smtp_mailseal" in log
    assert "TLS session is required" in log
    assert len(lab.mailbox("mx.stripped.test")) == 0


@pytest.mark.parametrize("answer", [
    "OK secure match=mx.nopol",                     # cut off in the middle
    "OK secure match=",                             # nothing is allowed
    "OK secure match= servername=hostname",
    "OK secure match=: servername=hostname",
])  # fmt: skip
def test_an_answer_that_names_no_host_lets_none_pass(
    lab: Lab, make_breaker: MakeBreaker, answer: str
) -> None:
    """Half an answer allows less than a whole one, never more."""
    log = deliver(lab, f"inet:{make_breaker('say:' + answer)}", "someone@nopolicy.test")

    assert "== someone@nopolicy.test" in log
    assert len(lab.mailbox("mx.nopolicy.test")) == 0


def test_domains_with_the_same_hosts_go_each_by_their_own_policy(lab: Lab, daemon: Daemon) -> None:
    """One message to two domains, whose policies allow one each of the hosts that both have."""
    hosts = ("mx.good.test", "a.mx.wildcard.test")
    lab.attack.forge_mx("good.test", *hosts)
    lab.attack.forge_mx("wildcard.test", *hosts)

    log = deliver(lab, daemon.line, "someone@good.test", "someone@wildcard.test")

    assert re.search(r"=> someone@good\.test .* H=mx\.good\.test ", log)
    assert re.search(r"=> someone@wildcard\.test .* H=a\.mx\.wildcard\.test ", log)


def test_other_mail_does_not_follow_on_a_connection(lab: Lab, daemon: Daemon) -> None:
    """Two messages that wait for the same hosts: the second policy forbids the first one's host.

    Exim likes to send the next message over the connection that it has, and then no event
    looks at its host.
    """
    hosts = ("mx.good.test", "a.mx.wildcard.test")
    lab.attack.forge_mx("good.test", *hosts)
    lab.attack.forge_mx("wildcard.test", *hosts)
    howto = HowTo(lab, daemon.line)
    howto.trust(Path("/dev/null"))
    for recipient in ("someone@wildcard.test", "someone@good.test"):
        assert f"== {recipient}" in howto.send(recipient)
    howto.trust(lab.ca_file)

    howto.run("-qff")

    assert wait_until(lambda: [len(lab.mailbox(host)) for host in hosts] == [1, 1], 10)


def test_a_full_service_lets_mail_wait(lab: Lab, make_daemon: MakeDaemon) -> None:
    """It answers before it closes a connection; DOWN is where Exim wrote after the end."""
    daemon = make_daemon({**QUICK_TABLES, "limits": {"connections": "1"}})
    daemon.start()
    with daemon.connect():
        said = {lab.exim.ask_line(str(daemon.line), "nopolicy.test") for _ in range(10)}
        log = deliver(lab, daemon.line, "someone@nopolicy.test")

    assert said <= {"TEMP mailseal is overloaded, see its log", "DOWN"}
    assert "== someone@nopolicy.test R=mailseal_asks defer" in log
