"""The lab is what it says: real servers, good and broken, seen by real MTAs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.ca import Flaw
from lab.catalogue import ATTACKER_HOST, IMPOSTOR_HOST, catalogue
from lab.internet import Lab
from lab.model import policy_text
from lab.sender import SendingPostfix
from lab.unavailable import Unavailable
from tests.realservers import give_up_on_lab

from .conftest import ScriptedSocketmap

pytestmark = pytest.mark.lab

BROKEN = ("stripped", "nostarttls", "wrongname", "expired", "selfsigned", "unknownca")


def secure(label: str) -> str:
    """Render the answer for an enforce policy that names the one MX."""
    return f"OK secure match=mx.{label}.test servername=hostname"


def look_up(lab: Lab, name: str, rdtype: str, seconds: int = 5) -> tuple[str, bool]:
    """Ask the lab's resolver from inside; the response code and the AD flag."""
    script = (
        "import sys, dns.message, dns.query, dns.rcode, dns.flags\n"
        "query = dns.message.make_query(sys.argv[1], sys.argv[2], want_dnssec=True)\n"
        "try:\n"
        "    reply = dns.query.udp(query, '127.0.0.53', timeout=float(sys.argv[3]))\n"
        "    print(dns.rcode.to_text(reply.rcode()), bool(reply.flags & dns.flags.AD))\n"
        "except dns.exception.Timeout:\n"
        "    print('timeout False')\n"
    )
    said = lab.run([sys.executable, "-c", script, name, rdtype, str(seconds)], check=True).stdout
    code, authentic = said.split()
    return code, authentic == "True"


def fetch(lab: Lab, domain: str, seconds: int = 5) -> str:
    """Ask a policy host from inside; the status and the body, or the name of the failure."""
    script = (
        "import ssl, sys, urllib.request\n"
        "context = ssl.create_default_context(cafile=sys.argv[2])\n"
        "url = f'https://mta-sts.{sys.argv[1]}/.well-known/mta-sts.txt'\n"
        "class Stay(urllib.request.HTTPRedirectHandler):\n"
        "    def redirect_request(self, *_): return None\n"
        "opener = urllib.request.build_opener("
        "urllib.request.HTTPSHandler(context=context), Stay)\n"
        "try:\n"
        "    with opener.open(url, timeout=float(sys.argv[3])) as reply:\n"
        "        print(reply.status, reply.headers['Content-Type'], reply.read().decode())\n"
        "except urllib.error.HTTPError as error:\n"
        "    print(error.code)\n"
        "except Exception as error:\n"
        "    print(repr(error))\n"
    )
    command = [sys.executable, "-c", script, domain, str(lab.ca_file), str(seconds)]
    return lab.run(command, check=True).stdout


@pytest.mark.parametrize(("name", "rdtype", "code", "authentic"), [
    (".", "SOA", "NOERROR", True),
    ("signed.test", "MX", "NOERROR", True),
    ("_25._tcp.mx.dane-good.test", "TLSA", "NOERROR", True),
    ("_25._tcp.mx.signed.test", "TLSA", "NXDOMAIN", True),
    ("good.test", "MX", "NOERROR", False),                       # unsigned, proven so
    ("_mta-sts.good.test", "TXT", "NOERROR", False),
    ("nxdomain.test", "MX", "NXDOMAIN", True),
    ("_mta-sts.bogus.test", "TXT", "SERVFAIL", False),           # every signature is broken
    ("_mta-sts.txt-bogus.test", "TXT", "SERVFAIL", False),       # one signature is broken
    ("txt-bogus.test", "MX", "NOERROR", True),
    ("_25._tcp.mx.dane-bogus.test", "TLSA", "SERVFAIL", False),
    ("servfail.test", "TXT", "SERVFAIL", False),
    ("timeout.test", "TXT", "timeout", False),
])  # fmt: skip
def test_dns_says_what_the_catalogue_promises(
    lab: Lab, name: str, rdtype: str, code: str, authentic: bool
) -> None:
    """Signed, unsigned, bogus, failing, silent and missing names are told apart."""
    assert look_up(lab, name, rdtype, seconds=1 if code == "timeout" else 5) == (code, authentic)


def test_dns_changes_at_once_and_comes_back(lab: Lab) -> None:
    """A changed record is in force when the call returns; restore undoes it."""
    assert look_up(lab, "_mta-sts.signed.test", "TXT") == ("NOERROR", True)
    lab.dns.remove("_mta-sts.signed.test")
    assert look_up(lab, "_mta-sts.signed.test", "TXT") == ("NXDOMAIN", True)
    lab.dns.set_bogus("signed.test", "MX")
    assert look_up(lab, "signed.test", "MX") == ("SERVFAIL", False)
    lab.restore()
    assert look_up(lab, "_mta-sts.signed.test", "TXT") == ("NOERROR", True)
    assert look_up(lab, "signed.test", "MX") == ("NOERROR", True)


def test_dns_can_be_gone(lab: Lab) -> None:
    """Without resolver there is no answer; it comes back as it was."""
    lab.dns.stop()
    assert look_up(lab, "good.test", "MX", seconds=1)[0] == "timeout"
    lab.dns.start()
    assert look_up(lab, "good.test", "MX")[0] == "NOERROR"
    lab.dns.freeze()
    assert look_up(lab, "good.test", "MX", seconds=1)[0] == "timeout"
    lab.dns.thaw()
    assert look_up(lab, "good.test", "MX")[0] == "NOERROR"


@pytest.mark.parametrize(("label", "said"), [
    ("good", "200 text/plain version: STSv1"),
    ("none", "mode: none"),
    ("cname", "200 text/plain"),
    ("policy-html", "200 text/html"),
    ("policy-404", "404"),
    ("policy-500", "500"),
    ("policy-redirect", "301"),
    ("policy-oversize", "xxxx"),
    ("policy-slow", "timed out"),
    ("policy-refused", "refused"),
    ("policy-expired", "certificate has expired"),
    ("policy-wrongname", "Hostname mismatch"),
    ("policy-selfsigned", "self-signed certificate"),
    ("policy-unknownca", "unable to get"),
])  # fmt: skip
def test_policy_hosts_do_what_the_catalogue_promises(lab: Lab, label: str, said: str) -> None:
    """Each policy host is good, or wrong in its own way."""
    assert said in fetch(lab, f"{label}.test", seconds=1 if said == "timed out" else 5)


def test_policy_hosts_change_at_run_time_and_count_requests(lab: Lab) -> None:
    """Body, certificate and presence of one host change; others go on; requests count."""
    host = lab.policy_host
    host.forget_requests("good.test")
    assert "mode: enforce" in fetch(lab, "good.test")
    host.set_policy("good.test", policy_text("none"))
    assert "mode: none" in fetch(lab, "good.test")
    assert host.requests("good.test") == 2
    host.stop("good.test")
    assert "refused" in fetch(lab, "good.test")
    assert "200" in fetch(lab, "good-testing.test")
    host.start("good.test")
    host.set_certificate("good.test", Flaw.EXPIRED)
    assert "expired" in fetch(lab, "good.test")
    lab.restore()
    assert "mode: enforce" in fetch(lab, "good.test")
    assert host.requests("good.test") == 3


def test_a_good_mx_is_verified(
    lab: Lab, socketmap: ScriptedSocketmap, sender: SendingPostfix
) -> None:
    """With ``secure match=`` Postfix verifies the honest MX and delivers."""
    socketmap.answers["good.test"] = secure("good")
    delivery = sender.deliver("someone@good.test")
    assert (delivery.status, delivery.tls) == ("sent", "Verified")
    assert lab.mailbox("mx.good.test").recipients() == ("someone@good.test",)


@pytest.mark.parametrize("label", BROKEN)
def test_a_broken_mx_gets_nothing_under_secure(
    lab: Lab, socketmap: ScriptedSocketmap, sender: SendingPostfix, label: str
) -> None:
    """The broken hosts make Postfix defer where it must verify."""
    socketmap.answers[f"{label}.test"] = secure(label)
    delivery = sender.deliver(f"someone@{label}.test")
    assert delivery.status == "deferred"
    assert delivery.dsn == "4.7.5" if label not in ("stripped", "nostarttls") else "4.7.4"
    assert len(lab.mailbox(f"mx.{label}.test")) == 0


@pytest.mark.parametrize("label", [*BROKEN, "plain", "wildcard", "implicit-mx"])
def test_a_broken_mx_gets_mail_when_nobody_asks(lab: Lab, label: str) -> None:
    """Without a policy daemon Postfix delivers to every one of them: the attack works."""
    with lab.sender() as sender:
        delivery = sender.deliver(f"someone@{label}.test")
        assert delivery.status == "sent"
        assert delivery.tls != "Verified"


def test_a_forged_mx_gets_mail_unless_postfix_must_match(
    lab: Lab, socketmap: ScriptedSocketmap, sender: SendingPostfix
) -> None:
    """The attacker's certificate is good for his own name, the impostor's for another's."""
    lab.attack.forge_mx("forged.test")
    assert sender.deliver("someone@forged.test").relay.startswith(ATTACKER_HOST)
    socketmap.answers["forged.test"] = secure("forged")
    assert sender.deliver("someone@forged.test").status == "deferred"
    lab.attack.forge_mx("forged.test", IMPOSTOR_HOST)
    # Postfix before 3.10.5 compares the certificate's names only: known deviation.
    assert sender.deliver("someone@forged.test").status == "sent"
    assert len(lab.mailbox(ATTACKER_HOST)) == 1
    assert len(lab.mailbox(IMPOSTOR_HOST)) == 1
    assert len(lab.mailbox("mx.forged.test")) == 0


def test_a_signed_domain_cannot_be_forged(lab: Lab) -> None:
    """Forged answers for a signed zone would be bogus, so the lab refuses to play them."""
    with pytest.raises(ValueError, match="signed"):
        lab.attack.forge_mx("signed.test")


@pytest.mark.parametrize(("label", "status", "tls"), [
    ("dane-good", "sent", "Verified"),
    ("dane-issuer", "sent", "Verified"),
    ("dane-first", "sent", "Verified"),
    ("dane-nopolicy", "sent", "Verified"),
    ("dane-mismatch", "deferred", "Untrusted"),
    ("dane-bogus", "deferred", None),
    ("dane-unusable", "deferred", None),
    ("signed", "deferred", None),               # no TLSA at all
])  # fmt: skip
def test_dane_is_judged_by_postfix(
    lab: Lab,
    socketmap: ScriptedSocketmap,
    sender: SendingPostfix,
    label: str,
    status: str,
    tls: str | None,
) -> None:
    """With ``dane-only`` the TLSA records decide, whatever the Web PKI says."""
    socketmap.answers[f"{label}.test"] = "OK dane-only"
    delivery = sender.deliver(f"someone@{label}.test")
    assert (delivery.status, delivery.tls) == (status, tls)


def test_a_deferred_message_is_retried_on_demand(
    socketmap: ScriptedSocketmap, sender: SendingPostfix
) -> None:
    """What was held goes out once the daemon's answer allows it."""
    socketmap.answers["expired.test"] = secure("expired")
    held = sender.deliver("someone@expired.test")
    assert held.status == "deferred"
    socketmap.answers["expired.test"] = "OK may"
    assert sender.retry(held.queue_id).status == "sent"


def test_a_temporary_failure_defers(socketmap: ScriptedSocketmap, sender: SendingPostfix) -> None:
    """TEMP makes Postfix keep the mail."""
    socketmap.answers["good.test"] = "TEMP not now"
    delivery = sender.deliver("someone@good.test")
    assert (delivery.status, delivery.dsn) == ("deferred", "4.7.5")


def test_two_senders_run_side_by_side(lab: Lab, socketmap: ScriptedSocketmap) -> None:
    """One asks, one does not: what a demonstration needs."""
    socketmap.answers["expired.test"] = secure("expired")
    with lab.sender() as careless, lab.sender(socketmap.table()) as careful:
        assert careless.deliver("someone@expired.test").status == "sent"
        assert careful.deliver("someone@expired.test").status == "deferred"


def test_a_sender_is_pointed_elsewhere(
    socketmap: ScriptedSocketmap, sender: SendingPostfix
) -> None:
    """``configure`` takes effect for the next message; postmap asks as Postfix would."""
    socketmap.answers["expired.test"] = secure("expired")
    assert sender.look_up("expired.test", socketmap.table()) == secure("expired").removeprefix(
        "OK "
    )
    assert sender.look_up("other.test", socketmap.table()) == ""
    sender.configure(smtp_tls_policy_maps="")
    assert sender.deliver("someone@expired.test").status == "sent"


def test_sendmail_answers(lab: Lab, socketmap: ScriptedSocketmap) -> None:
    """Sendmail's own rules read the answers (FEATURE(sts))."""
    address = f"unix:{socketmap.path}"
    socketmap.answers["good.test"] = secure("good")
    socketmap.answers["wild.test"] = "OK secure match=.mx.wild.test servername=hostname"
    socketmap.answers["broken.test"] = "TEMP not now"
    assert lab.sendmail.map_lookup("good.test", address) == secure("good").removeprefix("OK ")
    assert lab.sendmail.map_lookup("other.test", address) is None
    assert lab.sendmail.map_lookup("broken.test", address) == "<TMPF>"
    assert "sts good.test" in socketmap.asked
    assert lab.sendmail.set_sni("a@good.test", "mx.good.test", address) == (
        "sts=secure ; servername=hostname"
    )
    assert lab.sendmail.check("a@good.test", "mx.good.test", address=address) == "ok"
    assert lab.sendmail.check("a@wild.test", "a.mx.wild.test", address=address) == "ok"
    for recipient, server in [
        ("a@good.test", "mx.evil.test"),
        ("a@wild.test", "a.b.mx.wild.test"),
        ("a@broken.test", "mx.broken.test"),
    ]:
        assert lab.sendmail.check(recipient, server, address=address).startswith("$# error")
    wrong = lab.sendmail.check("a@good.test", "mx.good.test", ["mx.evil.test"], address)
    assert "not listed in SANs" in wrong


def test_exim_answers(lab: Lab, socketmap: ScriptedSocketmap) -> None:
    """Exim's ``${readsocket}`` reads the raw answers."""
    socketmap.answers["good.test"] = secure("good")
    reply = secure("good")
    said = lab.exim.ask_socketmap(str(socketmap.path), "exim", "good.test")
    assert said == f"{len(reply)}:{reply},"
    assert lab.exim.ask_socketmap(str(socketmap.path), "exim", "x.test") == "9:NOTFOUND ,"
    assert lab.exim.ask_line("inet:127.0.0.1:1", "good.test") == "DOWN"


def test_every_host_of_the_catalogue_is_there(lab: Lab) -> None:
    """Each MX host listens on its own address."""
    hosts = [host.name for domain in catalogue() for host in domain.mx]
    assert len(set(hosts)) == len(hosts)
    assert all(lab.namespace.is_listening(lab.addresses.mx[name], 25) for name in hosts)


def test_nothing_is_left_behind_by_a_crash() -> None:
    """When the process that uses a lab dies, its processes and files go too."""
    script = (
        "import os\n"
        "from lab.internet import Lab\n"
        "with Lab.start() as lab:\n"
        "    process = lab.spawn(['sleep', '600'])\n"
        "    print(lab.folder, process.pid, lab.dns.resolver.service.pid, flush=True)\n"
        "    os._exit(1)\n"
    )
    crashed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unavailable" in crashed.stderr:
        give_up_on_lab(Unavailable(crashed.stderr.splitlines()[-1], "see there"))
    folder, *pids = crashed.stdout.split()
    deadline = time.monotonic() + 10
    places = [Path(folder), *(Path("/proc") / pid for pid in pids)]
    while any(place.exists() for place in places) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [place for place in places if place.exists()]
