"""Real Sendmail and Exim ask mailseal itself, with the recipes that their how-tos give."""

import pytest

from lab.daemon import Daemon
from lab.internet import Lab

pytestmark = pytest.mark.lab

SECURE = "secure match=mx.good.test servername=hostname"
HELD = "TEMP MTA-STS policy of uncovered.test allows none of its MX hosts (mx.uncovered.test)"


@pytest.mark.parametrize(("domain", "value"), [
    ("good.test", SECURE),
    ("nopolicy.test", None),
    ("uncovered.test", "<TMPF>"),          # mail has to wait
    ("dane-nopolicy.test", None),          # Sendmail does DANE by itself
    ("dane-good.test", "secure match=mx.dane-good.test servername=hostname"),
])  # fmt: skip
def test_sendmail_finds_a_policy(lab: Lab, daemon: Daemon, domain: str, value: str | None) -> None:
    """FEATURE(sts) asks at its default address for ``sts DOMAIN``."""
    assert lab.sendmail.map_lookup(domain) == value


def test_sendmail_is_asked_over_a_unix_socket_too(lab: Lab, daemon: Daemon) -> None:
    """The same answer, at the address of a socket."""
    assert lab.sendmail.map_lookup("good.test", f"unix:{daemon.socketmap}") == SECURE


@pytest.mark.parametrize(("names", "verdict"), [
    (["mx.good.test"], "ok"),
    (["mx.evil.test"], "not listed in SANs"),
])  # fmt: skip
def test_sendmail_verifies_the_certificate(
    lab: Lab, daemon: Daemon, names: list[str], verdict: str
) -> None:
    """STS_Check lets a message go to a server with an allowed certificate only."""
    assert verdict in lab.sendmail.check("a@good.test", "mx.good.test", names)


def test_sendmail_lets_mail_go_without_a_policy(lab: Lab, daemon: Daemon) -> None:
    """Not found means no STS."""
    assert lab.sendmail.check("a@nopolicy.test", "mx.nopolicy.test", ["x.test"]) == "ok"


def test_sendmail_defers_what_has_to_wait(lab: Lab, daemon: Daemon) -> None:
    """TEMP becomes a reply of 4xx, so that the message stays in the queue."""
    said = lab.sendmail.check("a@uncovered.test", "mx.uncovered.test")

    assert said.startswith("$# error")
    assert "450 STS lookup temp fail" in said


def test_sendmail_defers_while_mailseal_is_down(lab: Lab, daemon: Daemon) -> None:
    """``-T<TMPF>``: no answer is no permission, for any domain."""
    said = lab.sendmail.check("a@nopolicy.test", "mx.nopolicy.test", address="inet:5469@127.0.0.1")

    assert "450 STS lookup temp fail" in said


def test_sendmail_holds_a_fallback_host_against_the_policy(lab: Lab, daemon: Daemon) -> None:
    """A host that is no MX of the domain has no name that its policy allows."""
    said = lab.sendmail.check("a@good.test", "relay.test", ["relay.test"])

    assert said.startswith("$# error")
    assert "relay . test not found in" in said


def test_sendmail_sends_the_name_of_the_host(lab: Lab, daemon: Daemon) -> None:
    """``servername=hostname`` becomes SNI (RFC 8461 §4.2)."""
    assert "servername=hostname" in lab.sendmail.set_sni("a@good.test", "mx.good.test")


@pytest.mark.parametrize(("domain", "line"), [
    ("good.test", f"OK {SECURE}"),
    ("nopolicy.test", "NOTFOUND "),
    ("uncovered.test", HELD),
    ("dane-nopolicy.test", "NOTFOUND "),   # Exim does DANE by itself
    ("dane-good.test", "OK secure match=mx.dane-good.test servername=hostname"),
    ("[implicit-mx.test]:25", "OK secure match=implicit-mx.test servername=hostname"),
    ("a..b", "NOTFOUND "),
])  # fmt: skip
def test_exim_gets_the_same_over_both_protocols(
    lab: Lab, daemon: Daemon, domain: str, line: str
) -> None:
    """``${readsocket}`` reads a line, or a netstring."""
    netstring = lab.exim.ask_socketmap(str(daemon.socketmap), "exim", domain)

    assert netstring == f"{len(line)}:{line},"
    assert lab.exim.ask_line(str(daemon.line), domain) == line.rstrip()


@pytest.mark.parametrize(("domain", "said"), [
    ("good.test", "transport = smtp_sts"),
    ("nopolicy.test", "transport = smtp_plain"),
    ("uncovered.test", HELD),
])  # fmt: skip
def test_exim_routes_by_the_answer(lab: Lab, daemon: Daemon, domain: str, said: str) -> None:
    """A router makes of the line: a strict transport, the usual one, or a wait with its reason."""
    assert said in lab.exim.route(f"someone@{domain}", str(daemon.line))


def test_exim_defers_while_mailseal_is_down(lab: Lab, daemon: Daemon) -> None:
    """No answer is no permission."""
    said = lab.exim.route("someone@good.test", f"{daemon.line}.gone")

    assert "TEMP mailseal is down" in said
