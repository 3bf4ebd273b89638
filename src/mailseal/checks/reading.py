"""Evidence in the standards' own terms: made once, read by every check."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TypeVar

from mailseal.answers import Absent, Answer, Found, LookupFailed
from mailseal.checks.evidence import Depth, Evidence, HostEvidence, PolicyFetch, SmtpSession
from mailseal.checks.webpki import Problem, judge_chain
from mailseal.dane.exchange import (
    Exchange,
    ExchangeUnknown,
    MxHost,
    MxSet,
    read_mx_set,
)
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
from mailseal.mtasts.policy import MAX_BODY_BYTES, Mode, Policy, PolicyReading, read_policy
from mailseal.mtasts.record import StsRecord
from mailseal.mtasts.record import read_records as read_sts
from mailseal.names import Domain, NextHop
from mailseal.quoting import name_some
from mailseal.tlsrpt.record import TlsrptRecord
from mailseal.tlsrpt.record import read_records as read_tlsrpt
from mailseal.txtrecords.reading import RecordReading

_FIELD = re.compile(rb"^[ \t]*(version|mode|max_age|mx)[ \t]*:", re.MULTILINE)

R = TypeVar("R")
ReadBody = Callable[[bytes], PolicyReading]

MAX_MX_HOSTS = 32  # as senders of mailseal look at; more than any domain has
MAX_MX_NAMES = 100  # ours: whether a policy covers them is asked of those not looked at, too


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReading:
    """One fetch: what is wrong with its certificate, and what its body says.

    ``policy`` is None unless a sender would have read the body: a whole 200 over a good chain.
    """

    fetch: PolicyFetch
    problems: tuple[Problem, ...]
    policy: PolicyReading | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPolicy:
    """A policy that a sender believes, the file that it stands in, and who serves it."""

    policy: Policy
    body: bytes
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All of a domain's evidence, taken apart as a sender takes it apart.

    ``record`` is None where TXT could not be looked up, ``tlsrpt`` also where nobody asked.
    ``served`` has every policy that some address serves, each once: which of them a sender gets
    is chance. ``strictest`` are those whose mode asks the most: mail is lost by them. ``body`` is
    what some address served, whether a sender would believe it or not, None where nothing was
    served; ``written`` is how it reads, None where it is not whole. Who matches further chains
    with TLSA records asks ``matcher``, which bounds the work for all.
    """

    evidence: Evidence
    now: datetime
    record: RecordReading[StsRecord] | None
    fetches: tuple[FetchReading, ...]
    served: tuple[ServedPolicy, ...]
    strictest: tuple[ServedPolicy, ...]
    body: bytes | None
    exchange: Exchange | ExchangeUnknown
    hosts: tuple[HostReading, ...]
    tlsrpt: RecordReading[TlsrptRecord] | None = None
    written: PolicyReading | None = None
    matcher: Matcher = field(default_factory=Matcher, repr=False, compare=False)

    @property
    def domain(self) -> str:
        """The domain that was looked at."""
        return self.evidence.domain

    @property
    def sts_record(self) -> StsRecord | None:
        """The record that senders act upon."""
        return self.record.record if self.record else None

    @property
    def policy(self) -> Policy | None:
        """The strictest policy that a sender gets who asks now; None without a record, too."""
        return self.served_policy if self.sts_record else None

    @property
    def served_policy(self) -> Policy | None:
        """The strictest policy that is served, record or not."""
        return self.strictest[0].policy if self.strictest else None

    @property
    def mode(self) -> Mode | None:
        """The strictest mode that a sender may get."""
        return self.policy.mode if self.policy else None

    def name_policy(self, policy: Policy) -> str:
        """Return what to call a policy: where there are several, by who serves it."""
        others = [one for one in self.served if one.policy != policy]
        own = next((one for one in self.served if one.policy == policy), None)
        if own is None or not others:
            return "the policy"
        verb = "serves" if len(own.addresses) == 1 else "serve"
        return f"the policy that {name_some(own.addresses, 2)} {verb}"

    @property
    def mx(self) -> MxSet | None:
        """The MX set; None where it could not be looked up."""
        return self.exchange.mx if isinstance(self.exchange, Exchange) else None

    @property
    def wants_sts(self) -> bool:
        """Tell whether the owner has published, or tried to publish, anything of MTA-STS.

        A wildcard's TXT record and the web page of a host that answers to any name are no try.
        """
        return (
            (self.record is not None and self.record.is_meant)
            or (self.body is not None and is_like_policy(self.body))
            or self.has_record_at_apex
        )

    @property
    def has_record_at_apex(self) -> bool:
        """Tell whether a record of MTA-STS stands at the domain itself, where nobody looks."""
        answer = self.evidence.records.txt
        return isinstance(answer, Found) and any(
            b"".join(record).lower().startswith(b"v=stsv1") for record in answer.records
        )

    @property
    def has_dane(self) -> bool:
        """Tell whether senders with DNSSEC find usable TLSA records for any MX host."""
        return (
            self.mx is not None
            and self.mx.is_secure
            and any(host.dane.state is TlsaState.USABLE for host in self.hosts)
        )


def is_like_policy(body: bytes) -> bool:
    """Tell whether a body was meant to be a policy, however broken it is."""
    text = body[:MAX_BODY_BYTES].replace(b"\0", b"").lower()  # UTF-16, too
    return b"stsv1" in text or len({match[1] for match in _FIELD.finditer(text)}) >= 2


def read(evidence: Evidence, *, now: datetime | None = None) -> Reading:
    """Take evidence apart; ``now`` is the end of the observation unless given."""
    now = now or evidence.finished_at
    read_body = cache(read_policy)  # mostly all addresses serve the same
    fetches = _read_fetches(evidence, read_body, now)
    served = _gather_served(fetches)
    strictest = _choose_strictest(served)
    shown = next((one.fetch for one in fetches if one.fetch.status == 200), None)
    mx = read_mx_set(
        NextHop(domain=Domain(evidence.domain)), evidence.records.mx, limit=MAX_MX_NAMES
    )
    matcher = Matcher()
    hosts = _read_hosts(evidence, mx, strictest, matcher, now) if isinstance(mx, MxSet) else ()
    exchange = (
        Exchange(mx=mx, states=tuple((one.host, one.dane) for one in hosts if one.dane.has_address))
        if isinstance(mx, MxSet)
        else mx
    )
    return Reading(
        evidence=evidence,
        now=now,
        record=_read_txt(evidence.records.sts, read_sts),
        tlsrpt=_read_txt(evidence.records.tlsrpt, read_tlsrpt),
        fetches=fetches,
        served=served,
        strictest=strictest,
        body=shown.body if shown else None,
        written=read_body(shown.body) if shown and shown.is_whole else None,
        exchange=exchange,
        hosts=hosts,
        matcher=matcher,
    )


def _read_txt(
    answer: Answer[tuple[bytes, ...]] | None,
    read_records: Callable[[tuple[tuple[bytes, ...], ...]], RecordReading[R]],
) -> RecordReading[R] | None:
    match answer:
        case Found(records=records):
            return read_records(records)
        case Absent():
            return RecordReading(record=None)
        case LookupFailed() | None:
            return None


def _read_fetches(
    evidence: Evidence, read_body: ReadBody, now: datetime
) -> tuple[FetchReading, ...]:
    host = evidence.policy_host
    if host is None or evidence.depth is Depth.DNS:
        return ()
    return tuple(_read_fetch(host.name, fetch, read_body, now) for fetch in host.fetches)


def _read_fetch(host: str, fetch: PolicyFetch, read_body: ReadBody, now: datetime) -> FetchReading:
    problems = judge_chain(fetch.tls, host, now) if fetch.tls else ()
    is_served = fetch.status == 200 and fetch.is_whole and fetch.failure is None
    is_believed = is_served and fetch.tls is not None and not problems
    policy = read_body(fetch.body) if is_believed else None
    return FetchReading(fetch=fetch, problems=problems, policy=policy)


def _gather_served(fetches: Sequence[FetchReading]) -> tuple[ServedPolicy, ...]:
    found: dict[Policy, ServedPolicy] = {}
    for one in fetches:
        policy = one.policy.policy if one.policy else None
        if policy is None:
            continue
        first = found.get(policy)
        found[policy] = ServedPolicy(
            policy=policy,
            body=first.body if first else one.fetch.body,
            addresses=(*(first.addresses if first else ()), one.fetch.address),
        )
    return tuple(found.values())


def _choose_strictest(served: Sequence[ServedPolicy]) -> tuple[ServedPolicy, ...]:
    for mode in (Mode.ENFORCE, Mode.TESTING, Mode.NONE):
        strictest = tuple(one for one in served if one.policy.mode is mode)
        if strictest:
            return strictest
    return ()


def _read_hosts(
    evidence: Evidence,
    mx: MxSet,
    strictest: Sequence[ServedPolicy],
    matcher: Matcher,
    now: datetime,
) -> tuple[HostReading, ...]:
    policies = tuple(one.policy for one in strictest)
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
    dane = read_host_state(observed)
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


def read_host_state(host: HostEvidence) -> HostState:
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
        if isinstance(answer, LookupFailed) or state.state is not TlsaState.NONE:
            break
    return state
