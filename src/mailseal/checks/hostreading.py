"""An MX host's evidence in the standards' own terms: DANE's state of it, and each session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailseal.answers import Found
from mailseal.checks.evidence import Evidence, HostEvidence, SmtpSession
from mailseal.checks.webpki import Problem, judge_chain
from mailseal.dane.exchange import MxHost, MxSet
from mailseal.dane.host import (
    AskAlias,
    HostState,
    TlsaState,
    judge_addresses,
    judge_alias,
    judge_tlsa,
)
from mailseal.dane.match import DaneMatch, reference_names
from mailseal.dane.matcher import Matcher
from mailseal.mtasts.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReading:
    """One SMTP session: what is wrong with its certificate by MTA-STS, what DANE says of it.

    There are no ``problems`` where there was no TLS. ``dane`` is None there, too, and where the
    host has no secure TLSA records.
    """

    session: SmtpSession
    problems: tuple[Problem, ...] = ()
    dane: DaneMatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReading:
    """An MX host: where it stands, what DANE says of it, whether the policy names it.

    ``is_covered`` is None where there is no policy that could be read; where several are served,
    each of the strictest ones has to name the host. ``reference_names`` are
    those that a DANE-TA chain may be for; ``observed`` has its sessions in their order.
    """

    host: MxHost
    evidence: HostEvidence
    dane: HostState
    is_covered: bool | None
    reference_names: tuple[str, ...] = ()
    observed: tuple[SessionReading, ...] = ()

    @property
    def name(self) -> str:
        """The host's name."""
        return self.host.name

    @property
    def sessions(self) -> tuple[SmtpSession, ...]:
        """The sessions with its addresses."""
        return self.evidence.sessions


def read_hosts(
    evidence: Evidence,
    mx: MxSet,
    policies: Sequence[Policy],
    matcher: Matcher,
    now: datetime,
) -> tuple[HostReading, ...]:
    """Read each MX host that was looked at; ``policies`` are those that must name it."""
    observed = {one.name: one for one in evidence.mx_hosts}
    return tuple(
        _read_host(evidence, mx, host, observed[host.name], policies, matcher, now)
        for host in mx.hosts
        if host.name in observed
    )


def _read_host(
    evidence: Evidence,
    mx: MxSet,
    host: MxHost,
    observed: HostEvidence,
    policies: Sequence[Policy],
    matcher: Matcher,
    now: datetime,
) -> HostReading:
    dane = _read_state(observed)
    answer = evidence.records.mx
    names = reference_names(
        dane.base or host.name,
        evidence.domain,
        is_mx_secure=mx.is_secure,
        canonical=answer.canonical if isinstance(answer, Found) else "",
    )
    return HostReading(
        host=host,
        evidence=observed,
        dane=dane,
        is_covered=all(one.covers(host.name) for one in policies) if policies else None,
        reference_names=names,
        observed=tuple(_read_session(one, dane, names, matcher, now) for one in observed.sessions),
    )


def _read_session(
    session: SmtpSession,
    dane: HostState,
    names: tuple[str, ...],
    matcher: Matcher,
    now: datetime,
) -> SessionReading:
    if session.tls is None:
        return SessionReading(session=session)
    return SessionReading(
        session=session,
        problems=judge_chain(session.tls, session.host, now),
        dane=matcher.match(dane.records, session.tls.chain, names, now) if dane.records else None,
    )


def _read_state(host: HostEvidence) -> HostState:
    """Return the DANE state of a host, as a sender's survey comes to it (RFC 7672 §2.2)."""
    step = judge_addresses(host.name, (host.a, host.aaaa))
    if isinstance(step, AskAlias) and host.alias is not None:
        step = judge_alias(host.name, step.ttl, host.alias)
    if isinstance(step, HostState):
        return step
    if isinstance(step, AskAlias):
        return HostState(state=TlsaState.NONE, ttl=step.ttl)
    state = HostState(state=TlsaState.NONE, ttl=step.ttl)
    answers = {one.base: one.answer for one in host.tlsa}
    for base in step.bases:
        answer = answers.get(base)
        if answer is None:
            break
        state = judge_tlsa(base, state.ttl, answer)
        if state.state is not TlsaState.NONE:
            break
    return state
