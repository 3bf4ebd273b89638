"""The list of pins over HTTPS: by the same rules as a policy, from where the operator says."""

from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure
from mailseal.net.https import pinlist
from mailseal.net.https.pinlist import HttpsPinSource
from mailseal.ports.pins import PinsUnavailable
from mailseal.testing import FakeDns
from tests.net.pki import Authority
from tests.net.policyhost import Handler, PolicyHost, Visit, policy_host, response

HOST = "lists.example.com"
LONG = timedelta(seconds=20)  # never reached: a failing test ends all the same
LIST = b"x" * 200_000  # longer than any policy


async def read(
    authority: Authority, ca_file: str, answer: bytes | Handler, *, timeout: timedelta = LONG
) -> tuple[bytes | PinsUnavailable, PolicyHost]:
    """Read the list from a host that answers with these bytes, at its own port."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")
    async with policy_host(authority.issue(HOST), answer) as host:
        source = HttpsPinSource(f"https://{HOST}:{host.port}/pins.json", dns, ca_file=ca_file)
        return await source.read(timeout=timeout), host


async def test_a_list_is_read_from_its_url(authority: Authority, ca_file: str) -> None:
    """Longer than a policy may be, of any type, at any path and port."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    got, host = await read(authority, ca_file, response(LIST, head=head))

    assert got == LIST
    lines = host.requests[0].decode().lower().split("\r\n")
    assert lines[0] == "get /pins.json http/1.1"
    assert f"host: {HOST}:{host.port}" in lines
    assert host.server_names == [HOST]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "http-404"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n",
            "http-redirect-302: https://a.example/",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "body-too-large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "connection-closed-early"),
        (b"nonsense\r\n\r\n", "http-malformed"),
    ],
)
async def test_what_is_no_list_is_told(
    authority: Authority, ca_file: str, answer: bytes, reason: str
) -> None:
    """No redirect, no half of a file, nothing without a bound."""
    got, _ = await read(authority, ca_file, answer)

    assert got == PinsUnavailable(reason=reason)


async def test_a_body_without_a_length_ends_at_the_bound(
    authority: Authority, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever serves it cannot fill our memory."""
    monkeypatch.setattr(pinlist, "MAX_LIST_BYTES", 100_000)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    got, _ = await read(authority, ca_file, head + LIST)

    assert got == PinsUnavailable(reason="body-too-large")


async def test_a_host_that_says_nothing_is_not_waited_for(
    authority: Authority, ca_file: str
) -> None:
    """There is an end to every wait."""

    async def silence(visit: Visit) -> None:
        await visit.reader.read()

    got, _ = await read(authority, ca_file, silence, timeout=timedelta(milliseconds=400))

    assert got == PinsUnavailable(reason="timeout at 127.0.0.1")


async def test_a_certificate_that_nobody_trusts_gives_no_list(
    stranger: Authority, ca_file: str
) -> None:
    """Although the signature would tell a forged one: who is on the way could serve an old one."""
    got, _ = await read(stranger, ca_file, response(LIST))

    assert isinstance(got, PinsUnavailable)
    assert got.reason.startswith("certificate: ")


@pytest.mark.parametrize("failure", [None, DnsFailure.SERVFAIL])
async def test_a_host_without_an_address_is_told(ca_file: str, failure: DnsFailure | None) -> None:
    """It is tried again later."""
    dns = FakeDns()
    if failure is not None:
        dns.fail(HOST, failure)
    source = HttpsPinSource(f"https://{HOST}/pins.json", dns, ca_file=ca_file)

    assert await source.read(timeout=LONG) == PinsUnavailable(reason=f"{HOST} has no address")


async def test_the_next_address_is_tried(authority: Authority, ca_file: str) -> None:
    """A dead one costs nothing but its refusal."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.99", "127.0.0.1")
    async with policy_host(authority.issue(HOST), response(LIST)) as host:
        source = HttpsPinSource(f"https://{HOST}:{host.port}/p", dns, ca_file=ca_file)
        assert await source.read(timeout=LONG) == LIST


async def test_an_unusable_trust_store_is_told() -> None:
    """Nothing is asked then."""
    dns = FakeDns()
    source = HttpsPinSource(f"https://{HOST}/p", dns, ca_file="/nonexistent")

    got = await source.read(timeout=LONG)
    assert isinstance(got, PinsUnavailable)
    assert "CA file /nonexistent" in got.reason
    assert not dns.queries


def test_only_an_https_url_is_a_source() -> None:
    """The configuration checks it before."""
    with pytest.raises(ValueError, match="no https URL"):
        HttpsPinSource("http://a.example/p", FakeDns())
