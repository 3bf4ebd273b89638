"""Which certificates of a policy host are believed, and what is said of others (RFC 8461 §3.3)."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mailseal.certs import read_certificate
from mailseal.names import Domain
from mailseal.net.https import HttpsPolicyFetcher, TrustStoreError
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.results import ResultType
from mailseal.testing import FakeDns
from tests.net.pki import Authority, date_in_days, in_days
from tests.net.policyhost import policy_host, response

DOMAIN = Domain("mail.example.com")
HOST = "mta-sts.mail.example.com"
LONG = timedelta(seconds=20)

MakeContext = Callable[[Authority], ssl.SSLContext]


async def fetch_from(
    context: ssl.SSLContext, ca_file: str | None
) -> PolicyFetched | PolicyFetchFailed:
    """Fetch from a host with a certificate that is reached through an alias."""
    dns = FakeDns()
    dns.cname(HOST, "provider.example.net")
    dns.a("provider.example.net", "127.0.0.1")
    async with policy_host(context, response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=host.port)
        return await fetcher.fetch(DOMAIN, timeout=LONG)


@pytest.mark.parametrize(
    "make",
    [
        lambda ca: ca.issue(HOST),
        lambda ca: ca.issue("other.example", HOST.upper()),
        lambda ca: ca.issue("*.mail.example.com"),  # the star is the whole left-most label
        lambda ca: ca.issue(HOST, common_name="other.example"),
    ],
    ids=["exact", "one-of-two", "wildcard", "other-common-name"],
)
async def test_good_certificates_are_believed(
    authority: Authority, ca_file: str, make: MakeContext
) -> None:
    """A DNS-ID names the policy host, exactly or by one whole label."""
    outcome = await fetch_from(make(authority), ca_file)
    assert isinstance(outcome, PolicyFetched), outcome


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda ca: ca.issue(HOST, start=in_days(-9), end=in_days(-2)),
         f"expired-{date_in_days(-2)}"),
        (lambda ca: ca.issue(HOST, start=in_days(2)), "not-yet-valid"),
        (lambda ca: ca.issue("provider.example.net"), "wrong-name"),  # the alias does not count
        (lambda ca: ca.issue("mail.example.com"), "wrong-name"),  # nor does the policy domain
        (lambda ca: ca.issue("*.example.com"), "wrong-name"),  # one label only
        (lambda ca: ca.issue("mta-*.mail.example.com"), "wrong-name"),  # not a whole label
        (lambda ca: ca.issue("*.*.example.com"), "wrong-name"),
        (lambda ca: ca.issue(common_name=HOST), "wrong-name"),  # a common name is no DNS-ID
        (lambda ca: ca.issue(addresses=["127.0.0.1"]), "wrong-name"),  # nor is an address
        (lambda ca: ca.issue(HOST, is_self_signed=True), "self-signed"),
    ],
)  # fmt: skip
async def test_bad_certificates_are_refused_and_shown(
    authority: Authority, ca_file: str, make: MakeContext, reason: str
) -> None:
    """The failure names the defect and keeps the certificate for people."""
    outcome = await fetch_from(make(authority), ca_file)
    assert isinstance(outcome, PolicyFetchFailed)
    assert (outcome.result, outcome.reason) == (ResultType.STS_WEBPKI_INVALID, reason)
    assert outcome.certificate is not None
    assert len(read_certificate(outcome.certificate).spki_sha256) == 64


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda ca: ca.issue(HOST), "unknown-ca"),
        (lambda ca: ca.issue(HOST, with_issuer=True), "unknown-ca"),  # its root came along
        # A public CA says where its intermediate is; that was forgotten on the host.
        (lambda ca: ca.issue(HOST, issuer_url="http://ca.example/i.der"), "incomplete-chain"),
    ],
)
async def test_a_certificate_of_a_stranger_is_refused(
    stranger: Authority, ca_file: str, make: MakeContext, reason: str
) -> None:
    """Only the configured trust store counts."""
    outcome = await fetch_from(make(stranger), ca_file)
    assert isinstance(outcome, PolicyFetchFailed)
    assert (outcome.result, outcome.reason) == (ResultType.STS_WEBPKI_INVALID, reason)


async def test_a_private_ca_is_not_trusted_by_default(authority: Authority) -> None:
    """Without a setting, the system's trust store counts."""
    outcome = await fetch_from(authority.issue(HOST), None)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_WEBPKI_INVALID


async def test_an_old_tls_version_is_refused(authority: Authority, ca_file: str) -> None:
    """RFC 8461 §7.2: TLS 1.2 at least."""
    context = authority.issue(HOST)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    outcome = await fetch_from(context, ca_file)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_POLICY_FETCH_ERROR
    assert outcome.reason.startswith("tls-")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_current_tls_versions_are_spoken(
    authority: Authority, ca_file: str, version: ssl.TLSVersion
) -> None:
    """Peers that know only one of them are served alike (RFC 8461 §7.2)."""
    context = authority.issue(HOST)
    context.minimum_version = context.maximum_version = version
    assert isinstance(await fetch_from(context, ca_file), PolicyFetched)


async def test_a_host_without_tls_is_a_failed_fetch(ca_file: str) -> None:
    """There is no plain HTTP, ever."""
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")

    async with policy_host(None, response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=host.port)
        outcome = await fetcher.fetch(DOMAIN, timeout=timedelta(milliseconds=200))
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_POLICY_FETCH_ERROR
    assert outcome.reason == "timeout-connect"  # it waits for a request that is none
    assert host.requests == []


async def test_a_missing_ca_file_is_told_at_start(tmp_path: Path) -> None:
    """A wrong path is an error of configuration, not of every policy host."""
    fetcher = HttpsPolicyFetcher(FakeDns(), ca_file=f"{tmp_path}/none.pem")
    with pytest.raises(TrustStoreError, match=r"none\.pem: No such file"):
        await fetcher.start()


async def test_a_missing_ca_file_fails_fetches(tmp_path: Path) -> None:
    """Without a start, the first fetch says the same, as an outcome."""
    fetcher = HttpsPolicyFetcher(FakeDns(), ca_file=f"{tmp_path}/none.pem")
    outcome = await fetcher.fetch(DOMAIN, timeout=LONG)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason.startswith("trust-store: CA file ")


async def test_a_changed_trust_store_is_noticed(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    """CAs come and go while the service runs; a file that is gone leaves the last ones."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(stranger.ca_path.read_bytes())
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")
    async with policy_host(authority.issue(HOST), response()) as host:
        fetcher = HttpsPolicyFetcher(
            dns,
            ca_file=str(ca_file),
            allow_private=True,
            port=host.port,
            reload_trust_after=timedelta(0),
        )
        assert isinstance(await fetcher.fetch(DOMAIN, timeout=LONG), PolicyFetchFailed)
        ca_file.write_bytes(authority.ca_path.read_bytes())
        assert isinstance(await fetcher.fetch(DOMAIN, timeout=LONG), PolicyFetched)
        ca_file.unlink()
        assert isinstance(await fetcher.fetch(DOMAIN, timeout=LONG), PolicyFetched)


async def test_the_trust_store_is_read_once_a_day(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    """It takes as long as thirty fetches."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.ca_path.read_bytes())
    dns = FakeDns()
    dns.a(HOST, "127.0.0.1")
    async with policy_host(authority.issue(HOST), response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=str(ca_file), allow_private=True, port=host.port)
        await fetcher.start()
        ca_file.write_bytes(stranger.ca_path.read_bytes())
        assert isinstance(await fetcher.fetch(DOMAIN, timeout=LONG), PolicyFetched)
        assert isinstance(await fetcher.fetch(DOMAIN, timeout=LONG), PolicyFetched)


async def test_a_huge_certificate_is_not_kept(authority: Authority, ca_file: str) -> None:
    """What is kept of each domain is bounded, whatever a host calls its certificate."""
    names = [f"n{number}.{'x' * 60}.example.net" for number in range(300)]
    outcome = await fetch_from(authority.issue(*names), ca_file)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.certificate is None
