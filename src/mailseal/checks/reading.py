"""Evidence in the standards' own terms: made once, read by every check."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TypeVar

from mailseal.answers import Absent, Answer, Found, LookupFailed
from mailseal.checks.evidence import Evidence
from mailseal.checks.hostreading import HostReading, read_hosts
from mailseal.checks.servedpolicy import (
    FetchReading,
    ServedPolicy,
    choose_strictest,
    gather_served,
    is_like_policy,
    read_fetches,
)
from mailseal.dane.exchange import Exchange, ExchangeUnknown, MxSet, read_mx_set
from mailseal.dane.host import TlsaState
from mailseal.dane.matcher import Matcher
from mailseal.mtasts.policy import Mode, Policy, PolicyReading, read_policy
from mailseal.mtasts.record import StsRecord
from mailseal.mtasts.record import read_records as read_sts
from mailseal.names import Domain, NextHop
from mailseal.quoting import name_some
from mailseal.tlsrpt.record import TlsrptRecord
from mailseal.tlsrpt.record import read_records as read_tlsrpt
from mailseal.txtrecords.reading import RecordReading

R = TypeVar("R")

MAX_MX_HOSTS = 32  # as senders of mailseal look at; more than any domain has
MAX_MX_NAMES = 100  # ours: whether a policy covers them is asked of those not looked at, too


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
    def takes_no_mail(self) -> bool:
        """Tell whether the owner says that the domain takes no mail (null MX, RFC 7505)."""
        return self.mx is not None and self.mx.is_null

    @property
    def is_nowhere(self) -> bool:
        """Tell whether the name does not exist, by all that DNS said.

        Some name servers deny a name wrongly, with others below it: whatever was found proves it.
        """
        answer = self.evidence.records.mx
        has_address = any(
            isinstance(found, Found)
            for host in self.evidence.mx_hosts
            for found in (host.a, host.aaaa)
        )
        is_denied = isinstance(answer, Absent) and not answer.is_name_known
        return is_denied and not has_address and not self.wants_sts

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


def read(evidence: Evidence, *, now: datetime | None = None) -> Reading:
    """Take evidence apart; ``now`` is the end of the observation unless given."""
    now = now or evidence.finished_at
    read_body = cache(read_policy)  # mostly all addresses serve the same
    fetches = read_fetches(evidence, read_body, now)
    served = gather_served(fetches)
    strictest = choose_strictest(served)
    shown = next((one.fetch for one in fetches if one.fetch.status == 200), None)
    mx = read_mx_set(
        NextHop(domain=Domain(evidence.domain)), evidence.records.mx, limit=MAX_MX_NAMES
    )
    matcher = Matcher()
    policies = tuple(one.policy for one in strictest)
    hosts = read_hosts(evidence, mx, policies, matcher, now) if isinstance(mx, MxSet) else ()
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
