"""Evidence for tests: a domain where all is well, and ways to change one thing at a time.

``domain_evidence()`` has one MX host with one address and a policy in mode enforce that covers
it; ``dataclasses.replace`` and the smaller builders here make everything else of it.
"""

from datetime import datetime, timedelta
from typing import TypeVar

from mailseal.answers import Absent, Answer, DnsFailure, Found, LookupFailed, MxRecord
from mailseal.checks.evidence import (
    Depth,
    Evidence,
    HostEvidence,
    Observer,
    PolicyFetch,
    PolicyHostEvidence,
    RecordEvidence,
    SmtpSession,
    Stage,
    TlsaLookup,
    TlsFacts,
)
from mailseal.dane.tlsa import TlsaRecord
from mailseal.testing.certificates import EPOCH, make_chain

T = TypeVar("T")

NOW = EPOCH + timedelta(days=180)
TTL = timedelta(hours=1)
DOMAIN = "example.com"
MX_HOST = "mx1.example.com"
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmax_age: 604800\r\n"


def found(*records: T, name: str = DOMAIN, is_secure: bool = False) -> Found[T]:
    """Return an answer with records."""
    return Found(records=records, ttl=TTL, is_secure=is_secure, canonical=name)


def absent(*, is_name_known: bool = False, is_secure: bool = False) -> Absent:
    """Return a proven absence."""
    return Absent(is_name_known=is_name_known, ttl=TTL, is_secure=is_secure)


def failed(failure: DnsFailure = DnsFailure.SERVFAIL, reason: str = "SERVFAIL") -> LookupFailed:
    """Return a failed look-up."""
    return LookupFailed(failure=failure, reason=reason)


def txt(*texts: str, name: str = DOMAIN, is_secure: bool = False) -> Answer[tuple[bytes, ...]]:
    """Return TXT records of one character-string each; none at all is a proven absence."""
    if not texts:
        return absent(is_secure=is_secure)
    return found(*((text.encode(),) for text in texts), name=name, is_secure=is_secure)


def tls(
    *names: str,
    distrust: str = "",
    version: str = "TLSv1.3",
    chain: tuple[bytes, ...] | None = None,
) -> TlsFacts:
    """Return a good handshake with a certificate for some names."""
    return TlsFacts(
        version=version,
        cipher="TLS_AES_256_GCM_SHA384",
        chain=make_chain(names) if chain is None else chain,
        distrust=distrust,
    )


def session(
    host: str = MX_HOST,
    address: str = "192.0.2.1",
    *,
    handshake: TlsFacts | None = None,
    at: datetime = NOW,
) -> SmtpSession:
    """Return a session in which all went well."""
    extensions = ("PIPELINING", "SIZE 10240000", "8BITMIME")
    return SmtpSession(
        host=host,
        address=address,
        started_at=at,
        duration=timedelta(milliseconds=120),
        stage=Stage.EHLO_AGAIN,
        banner=f"220 {host} ESMTP",
        extensions=(*extensions, "STARTTLS"),
        offers_starttls=True,
        starttls_reply="220 2.0.0 Ready",
        tls=handshake or tls(host),
        extensions_in_tls=extensions,
    )


def host(
    name: str = MX_HOST,
    *,
    sessions: tuple[SmtpSession, ...] | None = None,
    tlsa: tuple[TlsaRecord, ...] = (),
    is_secure: bool = False,
    address: str = "192.0.2.1",
) -> HostEvidence:
    """Return a good MX host with one IPv4 address; with ``tlsa`` its names are all secure."""
    is_secure = is_secure or bool(tlsa)
    asked = f"_25._tcp.{name}"
    answer: Answer[TlsaRecord] = absent(is_secure=is_secure)
    if tlsa:
        answer = found(*tlsa, name=asked, is_secure=True)
    return HostEvidence(
        name=name,
        a=found(address, name=name, is_secure=is_secure),
        aaaa=absent(is_name_known=True, is_secure=is_secure),
        tlsa=(TlsaLookup(base=name, name=asked, answer=answer),) if is_secure else (),
        sessions=(session(name, address),) if sessions is None else sessions,
    )


def fetch(
    body: bytes = POLICY,
    *,
    domain: str = DOMAIN,
    address: str = "192.0.2.10",
    content_type: str = "text/plain",
    handshake: TlsFacts | None = None,
) -> PolicyFetch:
    """Return a fetch in which all went well."""
    return PolicyFetch(
        address=address,
        started_at=NOW,
        duration=timedelta(milliseconds=80),
        tls=handshake or tls(f"mta-sts.{domain}"),
        status=200,
        headers=(("content-type", content_type), ("content-length", str(len(body)))),
        body=body,
        is_whole=True,
    )


def policy_host(*fetches: PolicyFetch, domain: str = DOMAIN) -> PolicyHostEvidence:
    """Return a policy host with the addresses of its fetches."""
    name = f"mta-sts.{domain}"
    fetches = fetches or (fetch(domain=domain),)
    v4 = [one.address for one in fetches if ":" not in one.address]
    v6 = [one.address for one in fetches if ":" in one.address]
    return PolicyHostEvidence(
        name=name,
        a=found(*v4, name=name) if v4 else absent(is_name_known=True),
        aaaa=found(*v6, name=name) if v6 else absent(is_name_known=True),
        fetches=fetches,
    )


def records(
    *mx: tuple[int, str],
    domain: str = DOMAIN,
    sts: Answer[tuple[bytes, ...]] | None = None,
    is_secure: bool = False,
) -> RecordEvidence:
    """Return the records of a domain with MTA-STS and TLSRPT."""
    pairs = mx or ((10, MX_HOST),)
    return RecordEvidence(
        mx=found(
            *(MxRecord(preference=preference, host=name) for preference, name in pairs),
            name=domain,
            is_secure=is_secure,
        ),
        sts=txt("v=STSv1; id=1;", name=f"_mta-sts.{domain}") if sts is None else sts,
        tlsrpt=txt(f"v=TLSRPTv1; rua=mailto:tls@{domain}", name=f"_smtp._tls.{domain}"),
    )


def domain_evidence(
    *hosts: HostEvidence,
    domain: str = DOMAIN,
    policy: PolicyHostEvidence | None = None,
    own_records: RecordEvidence | None = None,
    depth: Depth = Depth.SMTP,
) -> Evidence:
    """Return the evidence of a domain where all is well, unless a part of it is given."""
    hosts = hosts or (host(),)
    names = tuple((10 * number, one.name) for number, one in enumerate(hosts, 1))
    return Evidence(
        domain=domain,
        started_at=NOW - timedelta(seconds=2),
        finished_at=NOW,
        depth=depth,
        observer=Observer(program="mailseal/0", name="checker.example.net", validates=True),
        records=own_records or records(*names, domain=domain),
        policy_host=policy or policy_host(domain=domain),
        mx_hosts=hosts,
    )
