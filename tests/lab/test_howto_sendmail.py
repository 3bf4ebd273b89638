"""The configuration of docs/howto/sendmail.md, as it stands there, run by a real Sendmail."""

import itertools
import re
from pathlib import Path

import pytest

from lab.catalogue import IMPOSTOR_HOST
from lab.daemon import Daemon
from lab.internet import Lab
from lab.namespace import ETC_LAB
from lab.sendmail import make_configuration

pytestmark = pytest.mark.lab

_numbers = itertools.count(1)

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "sendmail.md"

# What the how-to takes for granted: a configuration that delivers.
WHOLE = """\
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `sendmail.test')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`STATUS_FILE', `{folder}/statistics')dnl
undefine(`ALIAS_FILE')dnl
{features}
MAILER(`local')dnl
MAILER(`smtp')dnl
{rules}
"""

# Sendmail's own classes of urgency, so that a queue is worked off in the order it was filled.
PRECEDENCES = ("special-delivery", "first-class", "list", "bulk")

FORGETFUL = "define(`confMCI_CACHE_SIZE', `0')dnl\n"


def block(name: str) -> str:
    """Return one of the how-to's blocks."""
    found = re.search(rf"^```m4 {name}\n(.*?)^```$", HOWTO.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


class HowTo:
    """A Sendmail with the how-to's configuration, and a queue of its own."""

    def __init__(self, lab: Lab, features: str = "", rules: str = "") -> None:
        self.lab = lab
        self.folder = lab.folder / f"sendmail-howto{next(_numbers)}"
        self.folder.mkdir()
        (self.folder / "queue").mkdir(mode=0o700)
        features = (
            (features or block("features"))
            .replace("/etc/ssl/certs/ca-certificates.crt", f"{ETC_LAB}/ca.pem")
            .replace("/etc/ssl/certs", str(ETC_LAB))
        )
        text = WHOLE.format(folder=self.folder, features=features, rules=rules or block("rules"))
        make_configuration(lab.namespace, text, self.folder / "sendmail.cf")

    def deliver(self, *messages: str) -> str:
        """Queue a message each for recipients, then work the queue off; return what is said.

        Recipients of one message are separated by blanks.
        """
        for recipients, precedence in zip(messages, PRECEDENCES, strict=False):
            self._run(
                "-odq",
                "-f",
                "someone@sender.test",
                *recipients.split(),
                stdin=f"Subject: how-to\nPrecedence: {precedence}\n\nHello.\n",
            )
        return self._run("-v", "-q")

    def try_rules(self, *lines: str) -> str:
        """Feed lines to Sendmail's test mode; return what is said."""
        return self._run("-bt", stdin="".join(f"{line}\n" for line in lines))

    def _run(self, *arguments: str, stdin: str = "") -> str:
        tree = self.lab.namespace.trees["sendmail"]
        done = self.lab.run(
            [
                tree.file("usr/libexec/sendmail/sendmail"),
                "-C",
                self.folder / "sendmail.cf",
                *arguments,
            ],
            stdin=stdin,
            environment={"LD_LIBRARY_PATH": tree.library_path()},
        )
        return done.stdout + done.stderr


@pytest.mark.parametrize(("label", "host"), [
    ("good", "mx.good.test"),
    ("wildcard", "a.mx.wildcard.test"),
    ("nopolicy", "mx.nopolicy.test"),
    ("plain", "mx.plain.test"),          # no policy, and no STARTTLS
])  # fmt: skip
def test_mail_goes_where_it_may(lab: Lab, daemon: Daemon, label: str, host: str) -> None:
    """Verified by the policy, and as ever without one."""
    said = HowTo(lab).deliver(f"someone@{label}.test")

    assert f"someone@{label}.test... Sent" in said
    assert len(lab.mailbox(host)) == 1


@pytest.mark.parametrize("label", ["stripped", "wrongname", "expired", "selfsigned", "uncovered"])
def test_mail_waits_where_it_must(lab: Lab, daemon: Daemon, label: str) -> None:
    """Clear text, a bad certificate, an MX host outside the policy: deferred."""
    said = HowTo(lab).deliver(f"someone@{label}.test")

    assert f"someone@{label}.test... Deferred" in said
    assert len(lab.mailbox(f"mx.{label}.test")) == 0


def test_while_mailseal_is_down_all_mail_waits(lab: Lab) -> None:
    """``-T<TMPF>``: no answer is no permission, for any domain."""
    features = block("features").replace("8461", "5469")

    said = HowTo(lab, features).deliver("someone@nopolicy.test")

    assert "someone@nopolicy.test... Deferred" in said
    assert len(lab.mailbox("mx.nopolicy.test")) == 0


def test_without_a_path_of_authorities_nothing_is_verified(lab: Lab, daemon: Daemon) -> None:
    """Why the how-to has two lines for them."""
    path, features = block("features").split("\n", 1)
    assert "confCACERT_PATH" in path

    assert "someone@good.test... Deferred" in HowTo(lab, features).deliver("someone@good.test")


def test_a_fallback_host_is_held_against_the_policy(lab: Lab, daemon: Daemon) -> None:
    """What the policy holds back does not go another way; what has no policy does."""
    lab.dns.set_mx("nopolicy.test", "mx.nowhere.test")
    features = block("features") + "define(`confFALLBACK_MX', `mx.signed.test')dnl\n"

    said = HowTo(lab, features).deliver("someone@stripped.test", "someone@nopolicy.test")

    assert "someone@stripped.test... Connecting to mx.signed.test" in said
    assert "someone@stripped.test... Deferred" in said
    assert "someone@nopolicy.test... Sent" in said
    assert len(lab.mailbox("mx.signed.test")) == 1


@pytest.mark.parametrize("messages", [
    ("first@nopolicy.test", "second@selfsigned.test"),
    ("first@nopolicy.test second@selfsigned.test",),
])  # fmt: skip
def test_enforced_mail_does_not_follow_on_an_unverified_connection(
    lab: Lab, daemon: Daemon, messages: tuple[str, ...]
) -> None:
    """Two domains with one MX host, whose certificate the policy of the second one refuses."""
    lab.attack.forge_mx("nopolicy.test", "mx.selfsigned.test")

    said = HowTo(lab).deliver(*messages)

    assert "first@nopolicy.test... Sent" in said
    assert "second@selfsigned.test... Deferred" in said
    assert len(lab.mailbox("mx.selfsigned.test")) == 1


def test_the_rules_alone_hold_a_reused_connection_to_its_signature(
    lab: Lab, daemon: Daemon
) -> None:
    """A verified connection is reused, an unverified one is not, where connections are kept."""
    lab.attack.forge_mx("nopolicy.test", "mx.selfsigned.test")
    howto = HowTo(lab, block("features").replace(FORGETFUL, ""))

    said = howto.deliver("first@nopolicy.test", "second@selfsigned.test")
    assert "second@selfsigned.test... Using cached" in said
    assert "second@selfsigned.test... Deferred" in said

    said = howto.deliver("third@good.test", "fourth@good.test")
    assert "Using cached ESMTP connection to mx.good.test" in said
    assert len(lab.mailbox("mx.good.test")) == 2


@pytest.mark.parametrize(("is_kept", "delivered"), [(False, 1), (True, 2)])
def test_names_are_those_of_the_connection_in_use(
    lab: Lab, daemon: Daemon, is_kept: bool, delivered: int
) -> None:
    """Kept connections are compared with the names of the last one made: why none is kept.

    The attacker has a certificate that is signed, for a name of his own, and another one with the
    name that the policy wants.
    """
    lab.dns.set_records("mx.good.test", "A", lab.addresses.mx["mx.wrongname.test"])
    lab.attack.forge_mx("nopolicy.test", "mx.good.test")
    lab.attack.forge_mx("plain.test", IMPOSTOR_HOST)
    assert FORGETFUL in block("features")
    howto = HowTo(lab, block("features").replace(FORGETFUL, "" if is_kept else FORGETFUL))

    howto.deliver("first@nopolicy.test", "second@plain.test", "third@good.test")

    assert len(lab.mailbox("mx.wrongname.test")) == delivered


@pytest.mark.parametrize(("verify", "is_let"), [
    ("OK", True),
    ("TRUSTED", True),      # by DANE, in a Sendmail that was built with it
    ("FAIL", False),
    ("NONE", False),        # no STARTTLS
])  # fmt: skip
def test_the_rules_ask_what_became_of_the_signature(
    lab: Lab, daemon: Daemon, verify: str, is_let: bool
) -> None:
    """Sendmail's own word for it, when every name is right."""
    said = HowTo(lab).try_rules(
        f".D{{verify}}{verify}",
        ".D{cipher_bits}256",
        ".D{rcpt_addr}a@good.test",
        ".D{server_name}mx.good.test",
        ".C{cert_altnames}mx.good.test",
        "tls_rcpt a@good.test",
    )

    [result] = re.findall(r"^tls_rcpt +returns: (.*)$", said, re.MULTILINE)
    assert result.startswith("$# error") is not is_let
