"""What DANE says of one MX host, step by step (RFC 7672 §2.2.2, §2.2.3; RFC 7671 §7).

Addresses are asked for first, so that a name server that chokes on TLSA questions hurts nobody
whose zone is not signed. Each function takes answers and says what to ask next, or the state.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mailseal.answers import Absent, Answer, Found, LookupFailed
from mailseal.dane.match import is_usable
from mailseal.dane.tlsa import TlsaRecord

DEFAULT_PORT = "25"  # RFC 5321 §4.5.4.2


class TlsaState(enum.StrEnum):
    """The four states of a host that can be told apart by DNS alone."""

    USABLE = "usable"
    UNUSABLE = "unusable"
    NONE = "none"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """The DANE state of a host at one port.

    ``base`` is the TLSA base domain when records were found. ``ttl`` is the smallest of all
    answers used. ``reason`` says for FAILED what could not be looked up, and why.
    ``has_address`` is false where both address types are proven absent: that is no MX host.
    """

    state: TlsaState
    ttl: timedelta
    reason: str = ""
    base: str = ""
    records: tuple[TlsaRecord, ...] = ()
    has_address: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAlias:
    """Ask for the CNAME at the host's own name: only it can still be secure."""

    ttl: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AskTlsa:
    """Ask for TLSA at these base domains, in this order, until one has secure records."""

    bases: tuple[str, ...]
    ttl: timedelta


def judge_addresses(host: str, answers: Sequence[Answer[str]]) -> AskTlsa | AskAlias | HostState:
    """Say what the answers for A and AAAA of ``host`` mean for DANE (RFC 7672 §2.2.2).

    An address family that fails does not count where the other one has addresses: the host can
    be reached, and its records are as secure as the answer that was had.
    """
    found = [answer for answer in answers if isinstance(answer, Found)]
    if not found:
        for answer in answers:
            if isinstance(answer, LookupFailed):
                return _failed(f"{host}: address look-up: {answer.reason}")
        ttl = min(answer.ttl for answer in answers if isinstance(answer, Absent))
        return HostState(state=TlsaState.NONE, ttl=ttl, has_address=False)
    ttl = min(answer.ttl for answer in found)
    if all(answer.is_secure for answer in found):
        names = [answer.canonical for answer in found if answer.canonical != host]
        return AskTlsa(bases=(*dict.fromkeys(names), host), ttl=ttl)
    if any(answer.canonical != host for answer in found):
        return AskAlias(ttl=ttl)
    return HostState(state=TlsaState.NONE, ttl=ttl)


def judge_alias(host: str, ttl: timedelta, answer: Answer[str]) -> AskTlsa | HostState:
    """Say what the CNAME at ``host`` itself means when its target's addresses are insecure.

    A secure first CNAME leaves the original name as the only base domain (RFC 7672 §2.2.2).
    """
    match answer:
        case Found(is_secure=True):
            return AskTlsa(bases=(host,), ttl=min(ttl, answer.ttl))
        case LookupFailed():
            return _failed(f"{host}: CNAME look-up: {answer.reason}")
        case _:
            return HostState(state=TlsaState.NONE, ttl=min(ttl, answer.ttl))


def judge_denial(host: str, ttl: timedelta, answer: Answer[str]) -> HostState:
    """Say what the CNAME at ``host`` itself means when addresses are denied without a signature.

    Behind a secure CNAME into an unsigned zone the denial may be forged, so as to make the host's
    records at its own name be passed over: nothing is proven, neither of them nor of the host.
    """
    match answer:
        case Found(is_secure=True):
            return _failed(f"{host}: address look-up: denied, but behind its alias not signed")
        case LookupFailed():
            return _failed(f"{host}: CNAME look-up: {answer.reason}")
        case _:
            return HostState(state=TlsaState.NONE, ttl=min(ttl, answer.ttl), has_address=False)


def judge_tlsa(base: str, ttl: timedelta, answer: Answer[TlsaRecord]) -> HostState:
    """Say what the TLSA answer at one base domain means (RFC 7672 §2.2).

    NONE here is about this base alone: the next one, if any, is still to be asked.
    """
    match answer:
        case Found(is_secure=True):
            usable = any(is_usable(record) for record in answer.records)
            return HostState(
                state=TlsaState.USABLE if usable else TlsaState.UNUSABLE,
                ttl=min(ttl, answer.ttl),
                base=base,
                records=answer.records,
            )
        case LookupFailed():
            return _failed(f"{base}: TLSA look-up: {answer.reason}")
        case _:
            return HostState(state=TlsaState.NONE, ttl=min(ttl, answer.ttl))


def _failed(reason: str) -> HostState:
    return HostState(state=TlsaState.FAILED, ttl=timedelta(0), reason=reason)
