"""Whether a look could have seen what an earlier one found: only then is its absence good news."""

from collections.abc import Iterable

from mailseal.answers import Absent, Answer, Found, LookupFailed
from mailseal.checks import policycertificate, policyhost
from mailseal.checks.evidence import Depth, PolicyFetch, PolicyHostEvidence, Trouble
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.checks.starttls import UNAVAILABLE
from mailseal.dane.host import TlsaState

# Of a policy host: only these say that every sender meets the same.
_CONCLUSIVE = {Trouble.REFUSED, Trouble.REJECTED, Trouble.PROTOCOL, Trouble.TLS}

# Findings about a policy host that any one of its addresses is enough for: over when all were
# seen. The others without an address in their subject say what all addresses have in common.
_ABOUT_ANY_ADDRESS = {
    one.code
    for one in (
        policyhost.REFUSED,
        policyhost.TIMEOUT,
        policyhost.CLOSED,
        policyhost.NO_TLS,
        policyhost.FAMILY,
        policyhost.DIFFERS,
        policycertificate.ENDS_SOON,
        policycertificate.ENDS_WITHIN_MAX_AGE,
    )
}

# First words of codes whose findings rest on the same observations.
_SERVERS = {"mx", "port", "smtp", "starttls", "requiretls", "tls", "certificate"}
_DANE = {"dane", "tlsa"}
_RECORD = {"sts"}


def could_see(reading: Reading, findings: Iterable[Finding], finding: Finding) -> bool:
    """Tell whether ``finding`` would be among ``findings`` if it were still so.

    ``findings`` are all of the look that ``reading`` is of.
    """
    if finding.severity is Severity.UNKNOWN:
        return True  # it says what could not be seen then, and that is otherwise now
    word = _first_word(finding.code)
    about = _host_of(finding.subject)
    for one in findings:
        is_near = _host_of(one.subject) in (about, reading.domain)
        is_blind = one.severity is Severity.UNKNOWN or one.code == UNAVAILABLE.code
        if is_blind and is_near and _is_same_kind(word, _first_word(one.code)):
            return False
    if about == f"mta-sts.{reading.domain}" and word in _SERVERS:
        word = "policy"
    return _has_seen(reading, word, about) and _has_seen_addresses(reading, finding)


def _has_seen(reading: Reading, word: str, about: str) -> bool:
    records = reading.evidence.records
    match word:
        case "sts":
            return reading.record is not None
        case "policy":
            return reading.record is not None and has_seen_policy_host(reading)
        case "tlsrpt":
            return _is_answered(records.tlsrpt)
        case "spf":
            return _is_answered(records.txt)
        case "dmarc":
            return _is_answered(records.dmarc)
        case "caa":
            return _is_answered(records.caa)
        case "dkim":
            return bool(records.dkim) and all(_is_answered(one.answer) for one in records.dkim)
        case "dnssec" | "zone":
            answers = (records.mx, records.ds, records.dnskey)
            is_deep_enough = word != "zone" or reading.evidence.is_deep
            return is_deep_enough and all(map(_is_answered, answers))
        case _:
            return _has_seen_host(reading, word, about)


def _has_seen_host(reading: Reading, word: str, about: str) -> bool:
    if reading.mx is None:
        return False
    hosts = {one.name for one in reading.mx.hosts}
    if about in hosts and reading.evidence.depth is not Depth.SMTP:
        return False
    for host in reading.hosts:
        if about in (host.name, reading.domain):
            failed = LookupFailed
            if isinstance(host.evidence.a, failed) or isinstance(host.evidence.aaaa, failed):
                return False
            if word in _DANE and host.dane.state is TlsaState.FAILED:
                return False
    if word == "mx" and about == reading.domain and reading.sts_record is not None:
        return has_seen_policy_host(reading)  # most are about the policy's patterns
    return about not in hosts or any(host.name == about for host in reading.hosts)


def has_seen_policy_host(reading: Reading) -> bool:
    """Tell whether it is known what the policy host has for senders, be it nothing.

    Of several addresses one that answers is enough. It proves nothing about the others, but what
    is found at all of them is not so any more when one does otherwise; and a machine without IPv6
    would never see any repair if each address had to answer. Whoever claims something of a single
    address, or of any of them, asks for more.
    """
    host = reading.evidence.policy_host
    if host is None or reading.evidence.depth is Depth.DNS:
        return False
    if isinstance(host.a, Absent) and isinstance(host.aaaa, Absent):
        return True
    if any(one.status is not None for one in host.fetches):
        return True
    return bool(host.fetches) and all(map(_is_conclusive, host.fetches))


def unseen_addresses(host: PolicyHostEvidence) -> tuple[str, ...]:
    """Return the addresses of which nobody knows what another sender would meet there."""
    return tuple(one.address for one in host.fetches if not _is_conclusive(one))


def _has_seen_addresses(reading: Reading, finding: Finding) -> bool:
    """Tell whether those addresses of the policy host were seen that a finding rests on."""
    host = reading.evidence.policy_host
    if host is None or _host_of(finding.subject) != host.name:
        return True
    place = finding.subject.removeprefix(host.name).strip(" []")
    if place:
        # An address that is gone has taken its faults along.
        known = {one.address for one in host.fetches if _is_conclusive(one)}
        return place in known or place not in _addresses(host)
    if finding.code in _ABOUT_ANY_ADDRESS:
        # What this machine lacks it lacked when it found that, too.
        return all(_is_conclusive(one) or _is_out_of_reach(one) for one in host.fetches)
    return True


def _is_conclusive(fetch: PolicyFetch) -> bool:
    if fetch.status is not None:
        return True
    return fetch.failure is not None and fetch.failure.trouble in _CONCLUSIVE


def _is_out_of_reach(fetch: PolicyFetch) -> bool:
    return fetch.failure is not None and fetch.failure.trouble is Trouble.NO_FAMILY


def _addresses(host: PolicyHostEvidence) -> set[str]:
    return {
        address
        for answer in (host.a, host.aaaa)
        if isinstance(answer, Found)
        for address in answer.records
    }


def _is_same_kind(word: str, other: str) -> bool:
    if word in _SERVERS | _DANE:
        return other in _SERVERS | _DANE
    if word == "policy":
        return other in _RECORD | {"policy"}
    return word == other


def _is_answered(answer: Answer[object] | None) -> bool:
    return answer is not None and not isinstance(answer, LookupFailed)


def _first_word(code: str) -> str:
    return code.partition("-")[0]


def _host_of(subject: str) -> str:
    return subject.partition(" ")[0]
