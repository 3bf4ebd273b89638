"""How each address of the policy host and of the MX hosts stands, in a few words each."""

from collections.abc import Sequence
from datetime import datetime

from mailseal.certs import CertificateFacts, CertificateSyntaxError, read_certificate
from mailseal.checks.context import judge_bad_certificate, judge_missing_tls
from mailseal.checks.evidence import Depth, Failure, TlsFacts, Trouble
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.overview import Cell, Mark, MxAddress, MxView, PolicyAddress, mark_of, worst
from mailseal.checks.publication import explain_unseen
from mailseal.checks.reading import Reading
from mailseal.checks.servedpolicy import FetchReading
from mailseal.checks.sessionoutlook import Outcome, judge_sts
from mailseal.checks.starttls import is_unavailable
from mailseal.checks.webpki import GOOD_VERSIONS, Flaw, Problem
from mailseal.dane.host import TlsaState
from mailseal.dane.match import DaneOutcome, Standing
from mailseal.mtasts.policy import Mode

_NOTHING = Cell(text="", mark=Mark.NONE)
# With these, the server itself has failed; with the others nobody knows.
_FAULTS = frozenset({Trouble.REFUSED, Trouble.REJECTED, Trouble.PROTOCOL, Trouble.TLS})


def view_policy_addresses(
    reading: Reading, findings: Sequence[Finding]
) -> tuple[PolicyAddress, ...]:
    """Return a row for each fetch of the policy."""
    name = reading.evidence.policy_host.name if reading.evidence.policy_host else ""
    return tuple(_view_fetch(one, name, findings, reading.now) for one in reading.fetches)


def view_hosts(reading: Reading, findings: Sequence[Finding]) -> tuple[MxView, ...]:
    """Return the MX hosts with a row for each of their addresses, best preference first."""
    return tuple(_view_host(reading, host, findings) for host in reading.hosts)


# -- policy host ----------------------------------------------------------------------------


def _view_fetch(
    one: FetchReading, name: str, findings: Sequence[Finding], now: datetime
) -> PolicyAddress:
    fetch = one.fetch
    leaf = _leaf(fetch.tls)
    subjects = {name, f"{name} [{fetch.address}]"}
    found = _worst_of(findings, subjects, "policy-certificate-")
    flawed = Mark.ERROR if one.problems else Mark.GOOD
    return PolicyAddress(
        address=fetch.address,
        tls=_tls_cell(fetch.tls, Mark.ERROR),
        certificate=_certificate_cell(fetch.tls, leaf, one.problems, worst((flawed, found)), now),
        answer=_answer_cell(one),
        not_after=leaf.not_after if leaf else None,
    )


def _answer_cell(one: FetchReading) -> Cell:
    fetch = one.fetch
    if fetch.failure is not None:
        return Cell(text=fetch.failure.reason, mark=_mark_failure(fetch.failure))
    if fetch.status is None:
        return Cell(text="no answer", mark=Mark.UNKNOWN)
    if fetch.status != 200:
        return Cell(text=f"HTTP {fetch.status}", mark=Mark.ERROR)
    size = f"{len(fetch.body)} bytes" if fetch.is_whole else "unfinished"
    is_usable = one.policy is not None and one.policy.policy is not None
    said = "a policy" if is_usable else "no policy that counts"
    return Cell(text=f"{said}, {size}", mark=Mark.GOOD if is_usable else Mark.ERROR)


# -- MX hosts -------------------------------------------------------------------------------


def _view_host(reading: Reading, host: HostReading, findings: Sequence[Finding]) -> MxView:
    addresses = tuple(_view_session(reading, host, one, findings) for one in host.observed)
    subjects = {host.name, *(f"{host.name} [{one.address}]" for one in addresses)}
    covered = _covered_cell(reading, host)
    mark = _worst_of(findings, subjects, "")
    if mark is Mark.GOOD and not addresses:
        mark = Mark.NONE  # nobody connected to it
    return MxView(
        name=host.name,
        preference=host.host.preference,
        # What a policy does not cover is told of the policy, and no sender that enforces comes.
        mark=worst((mark, covered.mark)) if host.is_covered is False else mark,
        covered=covered,
        dane=_dane_state_cell(reading, host),
        addresses=addresses,
    )


def _covered_cell(reading: Reading, host: HostReading) -> Cell:
    if host.is_covered is None or reading.served_policy is None:
        is_asked = reading.evidence.depth is not Depth.DNS
        is_unseen = reading.sts_record is not None and (not is_asked or explain_unseen(reading))
        return Cell(text="policy not known" if is_unseen else "no policy", mark=Mark.NONE)
    if host.is_covered:
        return Cell(text="in the policy", mark=Mark.GOOD)
    mark = Mark.ERROR if reading.mode is Mode.ENFORCE else Mark.WARNING
    is_idle = reading.served_policy.mode is Mode.NONE
    return Cell(text="not in the policy", mark=Mark.NONE if is_idle else mark)


def _dane_state_cell(reading: Reading, host: HostReading) -> Cell:
    if not host.dane.has_address:
        return Cell(text="no address", mark=Mark.WARNING)
    if reading.evidence.observer.validates is not True:
        return Cell(text="TLSA not known: the resolver does not validate", mark=Mark.UNKNOWN)
    count = len(host.dane.records)
    records = f"{count} TLSA record{'' if count == 1 else 's'}"
    match host.dane.state:
        case TlsaState.FAILED:
            return Cell(text=f"TLSA not known: {host.dane.reason}", mark=Mark.UNKNOWN)
        case TlsaState.NONE:
            return Cell(text="no TLSA records", mark=Mark.NONE)
        case _ if reading.mx is None or not reading.mx.is_secure:
            return Cell(text=f"{records}, idle: the MX records are not signed", mark=Mark.WARNING)
        case TlsaState.UNUSABLE:
            return Cell(text=f"{records}, none of them usable", mark=Mark.WARNING)
        case TlsaState.USABLE:
            return Cell(text=records, mark=Mark.GOOD)


def _view_session(
    reading: Reading, host: HostReading, one: SessionReading, findings: Sequence[Finding]
) -> MxAddress:
    session = one.session
    leaf = _leaf(session.tls)
    subjects = {host.name, f"{host.name} [{session.address}]"}
    found = _worst_of(findings, subjects, "certificate-")
    if one.problems:
        found = worst((found, mark_of(judge_bad_certificate(reading, host))))
    without = mark_of(judge_missing_tls(reading, host))
    failure = session.failure
    return MxAddress(
        address=session.address,
        starttls=_starttls_cell(session.offers_starttls, failure, without),
        tls=_mx_tls_cell(one, without),
        certificate=_certificate_cell(session.tls, leaf, one.problems, found, reading.now),
        dane=_dane_cell(reading, one),
        not_after=leaf.not_after if leaf else None,
        note=failure.reason if failure else "",
    )


def _starttls_cell(offers: bool | None, failure: Failure | None, without: Mark) -> Cell:
    if offers:
        return Cell(text="yes", mark=Mark.GOOD)
    if offers is False:
        return Cell(text="no", mark=without)
    # Whoever turns us away has not said that he lacks it.
    return Cell(text=failure.trouble.value if failure else "unknown", mark=Mark.UNKNOWN)


def _mx_tls_cell(one: SessionReading, without: Mark) -> Cell:
    if one.session.tls is None and one.session.offers_starttls:
        is_broken = judge_sts(one).outcome is Outcome.FAILS or is_unavailable(one.session)
        return Cell(text="none", mark=without) if is_broken else _NOTHING
    return _tls_cell(one.session.tls, without)


def _dane_cell(reading: Reading, one: SessionReading) -> Cell:
    if one.dane is None:
        return _NOTHING
    is_idle = reading.mx is None or not reading.mx.is_secure
    match one.dane.outcome:
        case DaneOutcome.AUTHENTICATED:
            match = one.dane.of(Standing.MATCHES)[0].record
            text = f"{match.usage} {match.selector} {match.matching_type}"
            return Cell(text=text, mark=Mark.GOOD)
        case DaneOutcome.UNAUTHENTICATED:
            return Cell(text="unusable", mark=Mark.WARNING)
        case DaneOutcome.UNKNOWN:
            return Cell(text="unchecked", mark=Mark.UNKNOWN)
        case DaneOutcome.REFUSED:
            return Cell(text="no match", mark=Mark.WARNING if is_idle else Mark.ERROR)


# -- both -----------------------------------------------------------------------------------


def _leaf(tls: TlsFacts | None) -> CertificateFacts | None:
    if tls is None or not tls.chain:
        return None
    try:
        return read_certificate(tls.chain[0])
    except CertificateSyntaxError:
        return None


def _tls_cell(tls: TlsFacts | None, when_old: Mark) -> Cell:
    if tls is None:
        return _NOTHING
    mark = Mark.GOOD if tls.version in GOOD_VERSIONS else when_old
    return Cell(text=tls.version.removeprefix("TLSv"), mark=mark)


def _certificate_cell(
    tls: TlsFacts | None,
    leaf: CertificateFacts | None,
    problems: Sequence[Problem],
    mark: Mark,
    now: datetime,
) -> Cell:
    if tls is None:
        return _NOTHING
    flaws = [one.flaw.value for one in problems if one.flaw is not Flaw.OLD_TLS]
    if leaf is not None and leaf.not_after > now:
        days = (leaf.not_after - now).days
        flaws.append(f"{days} day{'' if days == 1 else 's'} left")
    return Cell(text=", ".join(flaws), mark=mark)


def _mark_failure(failure: Failure) -> Mark:
    return Mark.ERROR if failure.trouble in _FAULTS else Mark.UNKNOWN


def _worst_of(findings: Sequence[Finding], subjects: set[str], prefix: str) -> Mark:
    return worst(
        mark_of(one.severity)
        for one in findings
        if one.subject in subjects
        and one.code.startswith(prefix)
        and one.severity is not Severity.INFO
    )
