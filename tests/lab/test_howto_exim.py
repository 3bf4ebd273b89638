"""The configuration of docs/howto/exim.md, as it stands there, delivers with a real Exim."""

import re
from pathlib import Path

import pytest

from lab.catalogue import ATTACKER_HOST
from lab.daemon import Daemon
from lab.internet import Lab

pytestmark = pytest.mark.lab

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


def deliver(lab: Lab, daemon: Daemon, recipient: str) -> str:
    """Send a message by the how-to's configuration; return Exim's log of it."""
    folder = lab.folder / f"howto-{recipient}"
    (folder / "spool").mkdir(parents=True)
    for each in (folder, folder / "spool"):
        each.chmod(0o777)
    tree = lab.namespace.trees["exim"]
    exim = tree.file("usr/sbin/exim4")
    text = WHOLE.format(
        folder=folder,
        exim=exim,
        main=block("main").replace("inet:127.0.0.1:8462", str(daemon.line)),
        routers=block("routers"),
        transports=block("transports").replace(
            "tls_verify_certificates = system", f"tls_verify_certificates = {lab.ca_file}"
        ),
    )
    configuration = folder / "exim.conf"
    configuration.write_text(text)
    done = lab.run(
        [exim, "-C", configuration, "-odf", "-f", "someone@sender.test", recipient],
        stdin="Subject: how-to\n\nHello.\n",
        environment={"LD_LIBRARY_PATH": tree.library_path()},
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("label", "host", "said"), [
    ("good", "mx.good.test", "T=smtp_mailseal"),
    ("wildcard", "a.mx.wildcard.test", "T=smtp_mailseal"),
    ("dane-good", "mx.dane-good.test", "CV=dane"),          # DANE first, the policy besides
    ("nopolicy", "mx.nopolicy.test", "T=remote_smtp"),
])  # fmt: skip
def test_mail_goes_where_it_may(lab: Lab, daemon: Daemon, label: str, host: str, said: str) -> None:
    """Verified by the policy or by DANE, and as ever without a policy."""
    log = deliver(lab, daemon, f"someone@{label}.test")

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
    log = deliver(lab, daemon, f"someone@{label}.test")

    assert f"== someone@{label}.test" in log
    assert said in log
    assert len(lab.mailbox(f"mx.{label}.test")) == 0


def test_a_stranger_beside_an_allowed_host_is_not_connected_to(lab: Lab, daemon: Daemon) -> None:
    """The event of the transport holds each MX host's name against the policy."""
    lab.attack.forge_mx("forged.test", ATTACKER_HOST, "mx.forged.test")

    log = deliver(lab, daemon, "someone@forged.test")

    assert f"H={ATTACKER_HOST}" in log
    assert "Event requests alternate response" in log
    assert len(lab.mailbox(ATTACKER_HOST)) == 0
    assert len(lab.mailbox("mx.forged.test")) == 1
