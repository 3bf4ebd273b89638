"""What senders that enforce would make of one session with a mail server, address by address.

A sender of MTA-STS asks for TLS with a certificate of a public authority for the host's name (RFC
8461 §4). A sender of DANE asks for TLS, and for a match with the TLSA records where usable ones
stand (RFC 7672 §2.2). Nothing that could not be observed is taken for a failure.
"""

import enum
from dataclasses import dataclass

from mailseal.checks.evidence import SmtpSession, Stage, Trouble
from mailseal.checks.hostreading import SessionReading
from mailseal.dane.match import DaneOutcome, Standing
from mailseal.results import ResultType

_BEHIND_EHLO = (Stage.EHLO, Stage.STARTTLS)
_ABOUT_THE_SERVER = (Trouble.TLS, Trouble.REJECTED, Trouble.PROTOCOL)


class Outcome(enum.StrEnum):
    """Whether mail is delivered over one address, or to one host."""

    PASSES = "passes"
    PARTLY = "partly"  # a host some of whose addresses pass: mail gets there after a detour
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressOutlook:
    """What becomes of mail over one address; ``reason`` is half a sentence unless it passes.

    ``is_ours`` says that it is unknown for want of our trying: it is of a kind that this machine
    cannot reach, or was left out.
    """

    address: str
    outcome: Outcome
    reason: str = ""
    result: ResultType | None = None
    is_ours: bool = False


def judge_sts(reading: SessionReading) -> AddressOutlook:
    """Say what a sender of MTA-STS makes of one session, the policy aside (RFC 8461 §4)."""
    without_tls = _judge_start(reading.session)
    if without_tls is not None:
        return without_tls
    if not reading.problems:
        return _judge_end(reading.session)
    return AddressOutlook(
        address=reading.session.address,
        outcome=Outcome.FAILS,
        reason=f"is not believed: {'; '.join(each.seen for each in reading.problems)}",
        result=reading.problems[0].result,
    )


def judge_dane(reading: SessionReading) -> AddressOutlook:
    """Say what a sender of DANE makes of one session with a host that has TLSA records."""
    without_tls = _judge_start(reading.session)
    if without_tls is not None:
        return without_tls
    outcome = reading.dane.outcome if reading.dane else None
    if outcome is DaneOutcome.UNKNOWN:
        return AddressOutlook(
            address=reading.session.address,
            outcome=Outcome.UNKNOWN,
            reason="its TLSA records and chain take more work than a check does",
        )
    if reading.dane is None or outcome is not DaneOutcome.REFUSED:
        return _judge_end(reading.session)
    refused = reading.dane.of(Standing.REFUSED)
    return AddressOutlook(
        address=reading.session.address,
        outcome=Outcome.FAILS,
        reason=f"matches no TLSA record: {refused[0].reason}"
        if refused
        else "matches no TLSA record",
        result=ResultType.TLSA_INVALID,
    )


def _judge_start(session: SmtpSession) -> AddressOutlook | None:
    """Say what becomes of mail where no TLS came about; None where it did."""
    if session.tls is not None:
        return None
    if session.offers_starttls is False:
        return AddressOutlook(
            address=session.address,
            outcome=Outcome.FAILS,
            reason="offers no STARTTLS",
            result=ResultType.STARTTLS_NOT_SUPPORTED,
        )
    failure = session.failure
    if failure is None:
        reason = "was left before STARTTLS"
        return AddressOutlook(address=session.address, outcome=Outcome.UNKNOWN, reason=reason)
    is_offered = session.offers_starttls is True and session.stage in _BEHIND_EHLO
    if is_offered and failure.trouble in _ABOUT_THE_SERVER:
        is_accepted = session.stage is Stage.STARTTLS
        what = "cannot do TLS" if is_accepted else "offers STARTTLS and refuses it"
        return AddressOutlook(
            address=session.address,
            outcome=Outcome.FAILS,
            reason=f"{what}: {failure.reason}",
            result=ResultType.VALIDATION_FAILURE
            if is_accepted
            else ResultType.STARTTLS_NOT_SUPPORTED,
        )
    return AddressOutlook(
        address=session.address,
        outcome=Outcome.UNKNOWN,
        reason=f"could not be tested: {failure.reason}",
        is_ours=failure.trouble in (Trouble.NO_FAMILY, Trouble.SKIPPED),
    )


def _judge_end(session: SmtpSession) -> AddressOutlook:
    """Say what becomes of mail behind a handshake that showed nothing wrong.

    In TLS 1.3 the client's handshake ends before the server has judged the client's part of it
    (RFC 8446 §4.4.4): a refusal shows in what follows. An alert tells it; a connection that only
    closes may as well be cut by a busy server or on the way.
    """
    failure = session.failure
    if session.stage is not Stage.TLS or failure is None:
        return AddressOutlook(address=session.address, outcome=Outcome.PASSES)
    if failure.trouble not in _ABOUT_THE_SERVER:
        return AddressOutlook(
            address=session.address,
            outcome=Outcome.UNKNOWN,
            reason=f"could not be tested behind the TLS handshake: {failure.reason}",
        )
    return AddressOutlook(
        address=session.address,
        outcome=Outcome.FAILS,
        reason=f"fails behind the TLS handshake: {failure.reason}",
        result=ResultType.VALIDATION_FAILURE if failure.trouble is Trouble.TLS else None,
    )
