"""Which addresses are connected to, and what a failed connect says of whom."""

import ipaddress
import socket
from datetime import timedelta

import pytest

from mailseal.checks.evidence import Stage, Trouble
from mailseal.net.smtp import NetSmtpProber, find_ehlo_name
from mailseal.net.tls.trust import TrustStore
from mailseal.testing import ManualClock
from tests.net.smtp.conftest import HOST

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1", "no address", ""]
)
async def test_no_private_address_is_knocked_at(trust: TrustStore, address: str) -> None:
    """Nobody's DNS may lead us into our own network."""
    prober = NetSmtpProber(trust=trust, clock=ManualClock(), ehlo_name="a.example")

    session = await prober.probe(HOST, address, timeout=SECOND)

    assert session.failure is not None
    assert (session.stage, session.failure.trouble) == (Stage.NOTHING, Trouble.SKIPPED)


async def test_a_closed_port_is_refused(prober: NetSmtpProber) -> None:
    """Nothing listens there, and nothing is said about TLS."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # not listening
        port = bound.getsockname()[1]
        session = await prober.probe(HOST, "127.0.0.1", timeout=SECOND, port=port)

    assert session.failure is not None
    assert (session.stage, session.failure.trouble) == (Stage.NOTHING, Trouble.REFUSED)
    assert session.offers_starttls is None


async def test_a_connection_that_never_comes_is_a_time_out(prober: NetSmtpProber) -> None:
    """A full backlog lets a SYN wait, as a firewall that drops it does."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        session = await prober.probe(
            HOST,
            "127.0.0.1",
            timeout=timedelta(milliseconds=200),
            port=full.getsockname()[1],
        )

    assert session.failure is not None
    assert session.failure.trouble is Trouble.TIMEOUT
    assert session.failure.reason == "no connection within 0.2 s"


@pytest.mark.parametrize(
    ("own", "is_said"),
    [
        ("mail.example.com", True),
        ("mail", False),  # a bare label, which servers refuse (RFC 5321 §4.1.4)
        ("localhost", False),
        ("localhost.localdomain", False),  # no name that anybody else knows
        ("mail.example.com\r\nMAIL FROM:<>", False),  # a command in a name
        ("mail.example.com\n", False),
        ("", False),
    ],
)
def test_who_has_no_full_name_says_ehlo_with_an_address(
    monkeypatch: pytest.MonkeyPatch, own: str, is_said: bool
) -> None:
    """What is said in clear to strangers is a full name or an address literal, nothing else."""
    monkeypatch.setattr("socket.getfqdn", lambda: own)
    said = find_ehlo_name()

    assert (said == own) is is_said
    assert is_said or ipaddress.IPv4Address(said.removeprefix("[").removesuffix("]")) is not None
