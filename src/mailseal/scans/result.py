"""What one domain of a scan comes to: one object in one line of JSON.

It has what summaries and simple questions need; texts and certificates are in the evidence, which
a scan keeps when it is told to.
"""

import enum
from collections import Counter
from datetime import datetime

import msgspec

import mailseal
from mailseal.answers import Absent, Found, LookupFailed
from mailseal.checks.evidence import Depth, SmtpSession, Stage
from mailseal.checks.finding import Finding, Severity, is_worse
from mailseal.checks.judge import Judgement
from mailseal.checks.publication import explain_unseen
from mailseal.checks.reading import Reading
from mailseal.checks.verdict import Verdict
from mailseal.dane.exchange import ExchangeUnknown
from mailseal.mtasts.policy import Mode
from mailseal.txtrecords.reading import RecordReading

MAX_RESULT_BYTES = 1024 * 1024  # ours: a result with every code there is has some 20 KiB
START = b'{"number":'  # how every line begins


class ResultSyntaxError(mailseal.Error):
    """A line is no result of a scan."""


class State(enum.StrEnum):
    """Whether something was found; ``unknown`` is what could not be asked, and no absence."""

    PRESENT = "present"
    INVALID = "invalid"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class MxState(enum.StrEnum):
    """Where mail for a domain goes by its MX records."""

    PRESENT = "present"
    IMPLICIT = "implicit"  # no MX record: the domain is its own host (RFC 5321 §5.1)
    NULL = "null"  # takes no mail (RFC 7505)
    INVALID = "invalid"  # MX records of which none names a host
    NOWHERE = "nowhere"  # neither an MX record nor an address, or no such name at all
    UNKNOWN = "unknown"


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What there is, whatever it is worth.

    ``sts`` is the record, ``policy`` what its policy host serves, None where nobody asked.
    ``max_age`` is in seconds. ``dane`` counts MX hosts by the state of their TLSA records, and
    has none where the MX set is not secure. ``starttls`` counts addresses of MX hosts: those that
    offer it, that lack it, and the unknown; ``tls`` counts sessions by version.
    """

    sts: State
    policy: State | None = None
    mode: Mode | None = None
    max_age: int | None = None
    tlsrpt: State | None = None
    mx: MxState
    mx_count: int = 0
    mx_secure: bool = False
    dane: dict[str, int] = {}
    starttls: dict[State, int] = {}
    tls: dict[str, int] = {}


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found out about one entry of a list.

    ``number`` is the entry's among the different ones of the list. ``findings`` has the worst
    severity for each code. ``fault`` says why there is nothing else: the entry is no domain name,
    has opted out, or could not be examined; ``seconds`` is how long the observation took.
    """

    number: int
    domain: str
    at: datetime | None = None
    seconds: float | None = None
    depth: Depth | None = None
    verdict: Verdict | None = None
    findings: dict[str, Severity] = {}
    facts: Facts | None = None
    fault: str = ""


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(Result)


def write_result(result: Result) -> bytes:
    """Return the line, its end included."""
    return _ENCODER.encode(result) + b"\n"


def read_result(line: bytes) -> Result:
    """Read a line; raise ``ResultSyntaxError`` for anything that is no result."""
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ResultSyntaxError(f"it is no result of a scan: {error}") from error


def sum_up(number: int, judgement: Judgement) -> Result:
    """Return what a judgement comes to."""
    evidence = judgement.reading.evidence
    return Result(
        number=number,
        domain=str(evidence.domain),
        at=evidence.finished_at.replace(microsecond=0),
        seconds=round((evidence.finished_at - evidence.started_at).total_seconds(), 3),
        depth=evidence.depth,
        verdict=judgement.headline.verdict,
        findings=_worst(judgement.findings),
        facts=_facts(judgement.reading),
    )


def _worst(findings: tuple[Finding, ...]) -> dict[str, Severity]:
    worst: dict[str, Severity] = {}
    for finding in findings:
        before = worst.get(finding.code)
        if before is None or is_worse(finding.severity, before):
            worst[finding.code] = finding.severity
    return worst


def _facts(reading: Reading) -> Facts:
    policy, mx = reading.policy, reading.mx
    sessions = [one for host in reading.hosts for one in host.sessions]
    has_sessions = reading.evidence.depth is Depth.SMTP
    return Facts(
        sts=_record(reading.record),
        policy=_policy(reading),
        mode=policy.mode if policy else None,
        max_age=int(policy.max_age.total_seconds()) if policy else None,
        tlsrpt=_record(reading.tlsrpt) if reading.evidence.records.tlsrpt is not None else None,
        mx=_mx(reading),
        mx_count=len(mx.hosts) if mx else 0,
        mx_secure=bool(mx and mx.is_secure),
        dane=_dane(reading),
        starttls=dict(Counter(_starttls(one) for one in sessions)) if has_sessions else {},
        tls=dict(Counter(one.tls.version for one in sessions if one.tls)),
    )


def _record(read: RecordReading[object] | None) -> State:
    if read is None:
        return State.UNKNOWN
    if read.record is not None:
        return State.PRESENT
    return State.INVALID if read.is_meant else State.ABSENT


def _policy(reading: Reading) -> State | None:
    if reading.policy is not None:
        return State.PRESENT
    host = reading.evidence.policy_host
    if reading.sts_record is None or host is None or reading.evidence.depth is Depth.DNS:
        return None
    if isinstance(host.a, LookupFailed) or isinstance(host.aaaa, LookupFailed):
        return State.UNKNOWN
    if explain_unseen(reading):
        return State.UNKNOWN
    return State.INVALID if any(one.status == 200 for one in host.fetches) else State.ABSENT


def _mx(reading: Reading) -> MxState:
    if isinstance(reading.exchange, ExchangeUnknown):
        return MxState.UNKNOWN
    mx = reading.exchange.mx
    if mx.is_null:
        return MxState.NULL
    if not mx.hosts:
        return MxState.INVALID
    if isinstance(reading.evidence.records.mx, Found):
        return MxState.PRESENT
    hosts = reading.evidence.mx_hosts
    is_gone = hosts and all(
        isinstance(one.a, Absent) and isinstance(one.aaaa, Absent) for one in hosts
    )
    return MxState.NOWHERE if is_gone else MxState.IMPLICIT


def _dane(reading: Reading) -> dict[str, int]:
    if reading.mx is None or not reading.mx.is_secure:
        return {}
    hosts = [one for one in reading.hosts if one.dane.has_address]
    return dict(Counter(one.dane.state.value for one in hosts))


def _starttls(session: SmtpSession) -> State:
    if session.offers_starttls is None or session.stage is Stage.NOTHING:
        return State.UNKNOWN
    return State.PRESENT if session.offers_starttls else State.ABSENT
