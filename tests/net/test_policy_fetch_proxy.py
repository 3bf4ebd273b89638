"""The policy fetch through an HTTP proxy, and never through one that nobody configured."""

from datetime import timedelta

import pytest

from mailseal.names import Domain
from mailseal.net.https import HttpsPolicyFetcher, ProxySyntaxError
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.testing import FakeDns
from tests.net.httpproxy import ESTABLISHED, Proxy, running_proxy
from tests.net.pki import Authority
from tests.net.policyhost import policy_host, response

DOMAIN = Domain("example.com")
HOST = "mta-sts.example.com"
LONG = timedelta(seconds=20)


async def fetch_through(
    reply: bytes, authority: Authority, ca_file: str
) -> tuple[PolicyFetched | PolicyFetchFailed, Proxy, int]:
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")
    async with (
        policy_host(authority.issue(HOST), response()) as host,
        running_proxy(reply) as proxy,
    ):
        fetcher = HttpsPolicyFetcher(
            dns, ca_file=ca_file, allow_private=True, port=host.port, proxy=proxy.url
        )
        return await fetcher.fetch(DOMAIN, timeout=LONG), proxy, host.port


async def test_the_proxy_is_asked_for_the_pinned_address(
    authority: Authority, ca_file: str
) -> None:
    """The proxy sees an address; the name goes into TLS, end to end."""
    outcome, proxy, port = await fetch_through(ESTABLISHED, authority, ca_file)
    assert isinstance(outcome, PolicyFetched), outcome
    assert outcome.certificate is not None
    assert proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n".encode())


async def test_a_bad_certificate_is_seen_through_a_proxy(stranger: Authority, ca_file: str) -> None:
    """A proxy that opens TLS with a CA of its own is noticed."""
    outcome, proxy, _ = await fetch_through(ESTABLISHED, stranger, ca_file)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "unknown-ca"
    assert outcome.certificate is not None
    assert len(proxy.heads) == 2  # the second, for the diagnosis, goes through it too


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-403"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "proxy-spoke-early"),  # not said under TLS
        (b"\x15\x03\x01 no proxy\r\n\r\n", "proxy-malformed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000, "proxy-head-too-large"),
    ],
)
async def test_a_refusing_proxy_is_named(
    authority: Authority, ca_file: str, reply: bytes, reason: str
) -> None:
    """The failure is the proxy's, not the policy host's."""
    outcome, _, _ = await fetch_through(reply, authority, ca_file)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == reason


async def test_the_environment_sets_no_proxy(
    authority: Authority, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon must not change its ways because of a shell's variables."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")
    async with policy_host(authority.issue(HOST), response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=host.port)
        assert isinstance(await fetcher.fetch(DOMAIN, timeout=LONG), PolicyFetched)


@pytest.mark.parametrize(
    "url",
    [
        "proxy.example:3128",  # no scheme
        "https://proxy.example:3128",  # TLS to the proxy is not spoken
        "http://proxy.example",  # proxies have no usual port
        "http://user:secret@proxy.example:3128",  # no authentication
        "http://proxy.example:3128/path",
        "http://proxy.example:99999",
        "http://[::1",
    ],
)
def test_a_proxy_is_host_and_port(url: str) -> None:
    """Anything else is told when the configuration is read."""
    with pytest.raises(ProxySyntaxError):
        HttpsPolicyFetcher(FakeDns(), proxy=url)
