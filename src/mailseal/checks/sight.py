"""Whether a look could have seen what an earlier one found: only then is its absence good news."""

from collections.abc import Iterable

from mailseal.answers import Absent, Answer, LookupFailed
from mailseal.checks.evidence import Depth, Trouble
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.checks.starttls import UNAVAILABLE
from mailseal.dane.host import TlsaState

# Of a policy host: only these say that every sender meets the same.
_CONCLUSIVE = {Trouble.REFUSED, Trouble.REJECTED, Trouble.PROTOCOL, Trouble.TLS}

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
    return _has_seen(reading, word, about)


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
    """Tell whether it is known what the policy host has for senders, be it nothing."""
    host = reading.evidence.policy_host
    if host is None or reading.evidence.depth is Depth.DNS:
        return False
    if isinstance(host.a, Absent) and isinstance(host.aaaa, Absent):
        return True
    if any(one.status is not None for one in host.fetches):
        return True
    failures = [one.failure for one in host.fetches if one.failure is not None]
    return bool(failures) and all(one.trouble in _CONCLUSIVE for one in failures)


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
