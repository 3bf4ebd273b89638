"""What Postfix makes of answers beyond one delivery, as the how-tos tell it, in 3.7 and 3.10."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lab.internet import Lab
from lab.packages import Tree
from lab.sender import SendingPostfix

from .conftest import ScriptedSocketmap

pytestmark = pytest.mark.lab

TLS_PROBLEM = "client TLS configuration problem"
RELAY = "mx.nopolicy.test"
REUSE = {
    "smtp_tls_connection_reuse": "yes",
    "smtp_connection_cache_destinations": "selfsigned.test, good.test",
}

MakeSender = Callable[..., SendingPostfix]


@pytest.fixture(params=["3.7", "3.10"])
def version(request: pytest.FixtureRequest) -> str:
    """Name the Postfix that a test is about."""
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def make_sender(lab: Lab, version: str, request: pytest.FixtureRequest) -> Iterator[MakeSender]:
    """Make a sender of either version, or skip with the reason."""
    newer: Tree | None = request.getfixturevalue("newer") if version == "3.10" else None
    with ExitStack() as stack:

        def make(policy_maps: str, **settings: str) -> SendingPostfix:
            return stack.enter_context(lab.sender(policy_maps, newer=newer, **settings))

        yield make


def secure(host: str) -> str:
    """Render the answer for a policy that allows one host."""
    return f"OK secure match={host} servername=hostname"


@pytest.mark.parametrize("settings", [{}, {"smtp_fallback_relay": f"[{RELAY}]"}])
def test_without_a_daemon_all_mail_waits(
    lab: Lab, make_sender: MakeSender, settings: dict[str, str]
) -> None:
    """Deferred, never sent unprotected; a fallback relay is asked about too, and gets nothing."""
    postfix = make_sender(f"socketmap:unix:{lab.folder}/nobody:postfix", **settings)

    delivery = postfix.deliver("someone@nopolicy.test")

    assert (delivery.status, delivery.dsn, delivery.reason) == ("deferred", "4.7.5", TLS_PROBLEM)


@pytest.mark.parametrize("reply", [secure("mx.stripped.test"), "TEMP no MX host is allowed"])
def test_a_fallback_relay_gets_what_the_policy_holds_back(
    lab: Lab, socketmap: ScriptedSocketmap, make_sender: MakeSender, reply: str
) -> None:
    """Refused or TEMP for its own domain, mail goes to the relay under the relay's own policy."""
    socketmap.answers["stripped.test"] = reply
    postfix = make_sender(socketmap.table(), smtp_fallback_relay=f"[{RELAY}]")

    assert postfix.deliver("someone@stripped.test").relay.startswith(RELAY)
    assert socketmap.asked[0] == "postfix stripped.test"
    assert f"postfix [{RELAY}]" in socketmap.asked


def test_a_fallback_relay_can_be_held_to_its_certificate(
    socketmap: ScriptedSocketmap, make_sender: MakeSender
) -> None:
    """A table of one's own before mailseal's says how the relay has to be secured."""
    socketmap.answers["stripped.test"] = secure("mx.stripped.test")
    own = f"inline:{{ {{[{RELAY}] = secure match=other.{RELAY}}} }}"
    postfix = make_sender(f"{own}, {socketmap.table()}", smtp_fallback_relay=f"[{RELAY}]")

    delivery = postfix.deliver("someone@stripped.test")

    assert (delivery.status, delivery.reason) == ("deferred", "Server certificate not verified")


def test_a_reused_connection_under_an_answer_that_changes(
    lab: Lab, socketmap: ScriptedSocketmap, make_sender: MakeSender, version: str
) -> None:
    """3.7 goes on using a connection without asking again; 3.10 asks and opens another.

    The certificate is self-signed: what a policy would refuse.
    """
    postfix = make_sender(socketmap.table(), **REUSE)
    assert postfix.deliver("first@selfsigned.test").status == "sent"
    socketmap.answers["selfsigned.test"] = secure("mx.selfsigned.test")

    delivery = postfix.deliver("second@selfsigned.test")

    asked = socketmap.asked.count("postfix selfsigned.test")
    if version == "3.7":
        assert (delivery.status, asked) == ("sent", 1)
        assert "connection reused" in "".join(delivery.log_lines)
    else:
        assert (delivery.status, asked) == ("deferred", 2)


def test_a_verified_connection_is_reused_as_verified(
    lab: Lab, socketmap: ScriptedSocketmap, make_sender: MakeSender
) -> None:
    """Reuse takes nothing away from a policy that was in force when the connection was made."""
    socketmap.answers["good.test"] = secure("mx.good.test")
    postfix = make_sender(socketmap.table(), **REUSE)
    assert postfix.deliver("first@good.test").tls == "Verified"

    delivery = postfix.deliver("second@good.test")

    assert delivery.status == "sent"
    assert "Verified TLS connection reused" in "".join(delivery.log_lines)


def test_another_domains_mail_goes_by_its_own_policy(
    lab: Lab, socketmap: ScriptedSocketmap, make_sender: MakeSender
) -> None:
    """Two domains with one MX host: the second does not follow on the first one's connection.

    Not on one that was verified for the first, under another name, either.
    """
    lab.attack.forge_mx("nopolicy.test", "mx.selfsigned.test")
    lab.attack.forge_mx("wildcard.test", "mx.good.test")
    socketmap.answers["selfsigned.test"] = secure("mx.selfsigned.test")
    socketmap.answers["wildcard.test"] = secure("mx.good.test")
    socketmap.answers["good.test"] = secure("mx.elsewhere.test")
    names = ("nopolicy.test", "selfsigned.test", "wildcard.test", "good.test")
    cached = {"smtp_connection_cache_destinations": ", ".join(names)}
    postfix = make_sender(socketmap.table(), **(REUSE | cached))

    outcomes = [postfix.deliver(f"someone@{name}").status for name in names]

    assert outcomes == ["sent", "deferred", "sent", "deferred"]


def test_without_the_setting_no_tls_connection_is_reused(
    socketmap: ScriptedSocketmap, make_sender: MakeSender
) -> None:
    """The cache of connections is for clear text then."""
    cached = {"smtp_connection_cache_destinations": "good.test"}
    postfix = make_sender(socketmap.table(), **cached)

    deliveries = [postfix.deliver(f"{name}@good.test") for name in ("first", "second")]

    assert [delivery.status for delivery in deliveries] == ["sent", "sent"]
    assert "reused" not in "".join(deliveries[1].log_lines)
    assert deliveries[1].tls is not None
