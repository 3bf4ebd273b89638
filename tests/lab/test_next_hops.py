"""By real Postfix and by socketmap: every way to write a next hop (RFC 8461 §3.4)."""

from collections.abc import Iterator

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.sender import SendingPostfix

pytestmark = pytest.mark.lab

SECURE = "OK secure match=implicit-mx.test servername=hostname"
SECURE_IDN = "OK secure match=mx.xn--bcher-kva.test servername=hostname"


@pytest.mark.parametrize("key", [
    "implicit-mx.test",
    "implicit-mx.test:25",
    "implicit-mx.test:smtp",
    "[implicit-mx.test]",
    "[implicit-mx.test]:25",
    "[implicit-mx.test]:smtp",
    "IMPLICIT-MX.Test",
    "implicit-mx.test.",
    "[Implicit-MX.test.]:25",
])  # fmt: skip
def test_a_domain_is_known_however_it_is_written(daemon: Daemon, key: str) -> None:
    """Brackets, ports, case and a final dot change nothing about whose policy counts."""
    assert daemon.ask(key) == SECURE


@pytest.mark.parametrize("key", [
    "xn--bcher-kva.test", "bücher.test", "BÜCHER.test", "XN--BCHER-KVA.TEST", "bücher.test:25",
    "bu\u0308cher.test",     # u and a combining diaeresis
    "bücher\u3002test",      # an ideographic full stop is a dot
])  # fmt: skip
def test_an_internationalised_domain_is_known_in_both_forms(daemon: Daemon, key: str) -> None:
    """U-labels are looked up as A-labels, and the answer holds A-labels only."""
    assert daemon.ask(key) == SECURE_IDN


@pytest.mark.parametrize("key", [
    ".implicit-mx.test",      # Postfix asks for parents too, but a policy is for one domain
    ".test",
    "sub.implicit-mx.test",   # a subdomain has no part in its parent's policy
    "[127.0.25.1]", "[127.0.25.1]:25", "127.0.25.1", "[IPv6:::1]", "[::1]:25", "::1",
    "/run/lmtp.sock", "unix:/run/lmtp.sock",
])  # fmt: skip
def test_what_has_no_policy_is_not_found(daemon: Daemon, key: str) -> None:
    """Parents, subdomains, addresses and paths are answered, and nothing is enforced."""
    assert daemon.ask(key) == "NOTFOUND "


@pytest.fixture
def relaying(daemon: Daemon, whole_lab: Lab) -> Iterator[SendingPostfix]:
    """Run a Postfix whose routing a test may change."""
    with whole_lab.sender(daemon.table()) as postfix:
        yield postfix


NEXT_HOPS = [
    "implicit-mx.test",
    "implicit-mx.test:25",
    "[implicit-mx.test]",
    "[implicit-mx.test]:25",
]


def test_a_relay_host_is_held_to_its_own_policy(
    lab: Lab, daemon: Daemon, relaying: SendingPostfix
) -> None:
    """``relayhost`` and ``transport_maps`` name the next hop whose policy counts."""
    table = {f"nopolicy{number}.test": f"smtp:{hop}" for number, hop in enumerate(NEXT_HOPS)}
    inline = ", ".join(f"{{ {domain} = {route} }}" for domain, route in table.items())
    relaying.configure(transport_maps=f"inline:{{ {inline} }}", relayhost=NEXT_HOPS[-1])

    for domain in (*table, "good.test"):
        delivery = relaying.deliver(f"someone@{domain}")
        assert (delivery.status, delivery.tls) == ("sent", "Verified")
        assert delivery.relay.startswith("implicit-mx.test")

    assert len(lab.mailbox("implicit-mx.test")) == len(table) + 1


def test_a_relay_host_that_is_not_what_it_should_be_gets_nothing(
    lab: Lab, daemon: Daemon, relaying: SendingPostfix
) -> None:
    """The host behind the brackets has no certificate for its name: mail waits."""
    lab.dns.set_records("implicit-mx.test", "A", lab.addresses.mx["mx.wrongname.test"])
    for hop in NEXT_HOPS:
        relaying.configure(relayhost=hop)
        assert relaying.deliver("someone@nopolicy.test").status == "deferred"

    assert len(lab.mailbox("mx.wrongname.test")) == 0


def test_a_recipient_in_capitals_is_protected_too(lab: Lab, postfix: SendingPostfix) -> None:
    """Postfix may or may not fold case; the policy counts either way."""
    assert postfix.deliver("someone@GOOD.Test").tls == "Verified"
    assert postfix.deliver("someone@WRONGNAME.Test").status == "deferred"


def test_postmap_gets_what_postfix_gets(daemon: Daemon, postfix: SendingPostfix) -> None:
    """``postmap -q`` is how administrators try a policy table out."""
    said = postfix.look_up("implicit-mx.test", daemon.table())

    assert said == SECURE.removeprefix("OK ")
    assert postfix.look_up("nopolicy.test", daemon.table()) == ""
