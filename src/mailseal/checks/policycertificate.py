"""TLS and the certificate of the policy host, each fault by its name (RFC 8461 §3.3, §7.2)."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mailseal.certs import CertificateFacts, CertificateSyntaxError, read_certificate
from mailseal.checks.evidence import PolicyHostEvidence
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.publication import policy_host, weigh
from mailseal.checks.reading import Reading
from mailseal.checks.servedpolicy import FetchReading
from mailseal.checks.webpki import Flaw, Problem
from mailseal.results import ResultType

SOON = timedelta(days=14)  # ACME clients renew at 30 days; at 14 they have failed for two weeks
VERY_SOON = timedelta(days=7)

_RESULT = ResultType.STS_WEBPKI_INVALID

OLD_TLS = Entry(
    code="policy-certificate-old-tls",
    title="the policy host speaks only an obsolete TLS",
    about="Senders need TLS 1.2 or newer to fetch a policy.",
    clause="RFC 8461 §7.2, RFC 8996",
    result=_RESULT,
)
MISSING = Entry(
    code="policy-certificate-missing",
    title="the policy host shows no certificate",
    about="TLS without a certificate proves nothing, and senders end the handshake.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
UNREADABLE = Entry(
    code="policy-certificate-unreadable",
    title="the certificate of the policy host cannot be read",
    about="What the server sends is no certificate that TLS libraries understand.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
EXPIRED = Entry(
    code="policy-certificate-expired",
    title="the certificate of the policy host has expired",
    about="Senders refuse it; those that know the policy keep it until its max_age is over.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
NOT_YET_VALID = Entry(
    code="policy-certificate-not-yet-valid",
    title="the certificate of the policy host is not valid yet",
    about="Its first day lies in the future: a wrong clock, or a certificate installed too early.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
WRONG_NAME = Entry(
    code="policy-certificate-wrong-name",
    title="the certificate of the policy host is for another name",
    about="One of its DNS names must be mta-sts.DOMAIN; the common name does not count, and a "
    "star stands for exactly one label, so that *.example.com does not cover "
    "mta-sts.mail.example.com.",
    clause="RFC 8461 §3.3, RFC 9525 §6.3",
    result=_RESULT,
)
SELF_SIGNED = Entry(
    code="policy-certificate-self-signed",
    title="the certificate of the policy host is self-signed",
    about="Anybody can make such a certificate; senders want one of a public authority.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
INCOMPLETE = Entry(
    code="policy-certificate-incomplete-chain",
    title="the policy host does not send its intermediate certificate",
    about="Browsers often know the missing certificate or fetch it; mail servers do not.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
UNKNOWN_CA = Entry(
    code="policy-certificate-unknown-ca",
    title="no public authority vouches for the certificate of the policy host",
    about="Its issuer is not in the list of authorities that mail servers come with.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
DISTRUSTED = Entry(
    code="policy-certificate-distrusted",
    title="the chain of the policy host is refused",
    about="TLS libraries object to something else: a weak key, a wrong purpose, an expired "
    "certificate above the server's own.",
    clause="RFC 8461 §3.3",
    result=_RESULT,
)
ENDS_SOON = Entry(
    code="policy-certificate-ends-soon",
    title="the certificate of the policy host expires soon",
    about="Certificates are renewed weeks before they end; one with 14 days left was most "
    "probably not renewed, one with 7 days left is urgent.",
    clause="RFC 8461 §3.3",
)
ENDS_WITHIN_MAX_AGE = Entry(
    code="policy-certificate-ends-within-max_age",
    title="the certificate of the policy host ends before cached policies do",
    about="Nothing is wrong as long as it is renewed. If it is not, senders keep the policy for "
    "max_age and cannot learn of a new one meanwhile.",
    clause="RFC 8461 §3.3, §8.1",
)

_OF_FLAW = {
    Flaw.OLD_TLS: OLD_TLS,
    Flaw.NO_CERTIFICATE: MISSING,
    Flaw.UNREADABLE: UNREADABLE,
    Flaw.EXPIRED: EXPIRED,
    Flaw.NOT_YET_VALID: NOT_YET_VALID,
    Flaw.WRONG_NAME: WRONG_NAME,
    Flaw.SELF_SIGNED: SELF_SIGNED,
    Flaw.INCOMPLETE_CHAIN: INCOMPLETE,
    Flaw.UNKNOWN_CA: UNKNOWN_CA,
    Flaw.DISTRUSTED: DISTRUSTED,
}

ENTRIES = (*_OF_FLAW.values(), ENDS_SOON, ENDS_WITHIN_MAX_AGE)

_REMEDIES = {
    Flaw.OLD_TLS: "Turn on TLS 1.2 and 1.3 at the web server.",
    Flaw.NO_CERTIFICATE: "Install a certificate of a public authority at the web server.",
    Flaw.UNREADABLE: "Install a certificate of a public authority at the web server.",
    Flaw.EXPIRED: "Renew it, and let a program renew it from now on.",
    Flaw.NOT_YET_VALID: "Check the clock, and install the certificate that is valid today.",
    Flaw.SELF_SIGNED: "Get a certificate of a public authority, such as Let's Encrypt.",
    Flaw.INCOMPLETE_CHAIN: "Install the authority's whole chain (often called fullchain.pem).",
    Flaw.UNKNOWN_CA: "Get a certificate of a public authority, such as Let's Encrypt.",
    Flaw.DISTRUSTED: "Get a new certificate of a public authority, and install its whole chain.",
}


def check(reading: Reading) -> Iterator[Finding]:
    """Judge every chain that the policy host showed."""
    host = policy_host(reading)
    if host is None:
        return
    yield from _judge_flaws(reading, host)
    yield from _judge_ends(reading, host)


def _judge_flaws(reading: Reading, host: PolicyHostEvidence) -> Iterator[Finding]:
    shown = [one for one in reading.fetches if one.fetch.tls is not None]
    found: dict[Problem, list[str]] = {}
    for one in shown:
        for problem in one.problems:
            found.setdefault(problem, []).append(one.fetch.address)
    is_anywhere_good = any(not one.problems for one in shown)
    for problem, addresses in found.items():
        where = host.name if len(addresses) == len(shown) else f"{host.name} [{addresses[0]}]"
        more = f" The same at {', '.join(addresses[1:5])}." if where != host.name else ""
        yield _OF_FLAW[problem.flaw].found(
            Severity.WARNING if is_anywhere_good else weigh(reading),
            where,
            seen=f"{where}: {problem.seen}.{more if len(addresses) > 1 else ''}",
            follows="Senders that meet this address get no policy."
            if is_anywhere_good
            else "Senders get no policy; those that know an older one go on with that.",
            remedy=_say_remedy(host.name, problem, shown),
        )


def _say_remedy(host: str, problem: Problem, shown: Sequence[FetchReading]) -> str:
    if problem.flaw is not Flaw.WRONG_NAME:
        return _REMEDIES[problem.flaw]
    remedy = f"Get a certificate with the DNS name {host}"
    names = [name for one in shown for name in _names(one)]
    stars = [name for name in names if name.startswith("*.") and host.endswith(name[1:])]
    if stars:
        return f"{remedy}: the star of {stars[0]} stands for one label, and here are two or more."
    return f"{remedy}, and have the web server show it for that name (SNI)."


def _judge_ends(reading: Reading, host: PolicyHostEvidence) -> Iterator[Finding]:
    """Look ahead to the first end among the certificates that are good today."""
    ends = [
        facts.not_after
        for one in reading.fetches
        if not one.problems and (facts := _read_leaf(one)) is not None
    ]
    if not ends:
        return
    first = min(ends)
    left = first - reading.now
    seen = f"The certificate of {host.name} expires on {first:%Y-%m-%d}, in {left.days} days."
    policy = reading.served_policy
    if left < SOON:
        yield ENDS_SOON.found(
            Severity.WARNING,
            host.name,
            seen=seen,
            follows="From then on senders get no policy."
            if left >= VERY_SOON
            else "In less than a week senders get no policy.",
            remedy="Find out why it was not renewed, and renew it."
            if left >= VERY_SOON
            else "Renew it now, and find out why no program has done so.",
        )
    elif policy is not None and left < policy.max_age:
        yield ENDS_WITHIN_MAX_AGE.found(
            Severity.INFO,
            host.name,
            seen=f"{seen} The policy is kept for {policy.max_age.days} days.",
            follows="If it is not renewed, senders stay with the policy that they know, and "
            "cannot learn of a new one.",
            remedy="See that it is renewed in time.",
        )


def _names(one: FetchReading) -> tuple[str, ...]:
    facts = _read_leaf(one)
    return facts.names if facts else ()


def _read_leaf(one: FetchReading) -> CertificateFacts | None:
    tls = one.fetch.tls
    if tls is None or not tls.chain:
        return None
    try:
        return read_certificate(tls.chain[0])
    except CertificateSyntaxError:
        return None
