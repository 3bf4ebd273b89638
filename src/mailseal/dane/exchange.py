"""The mail exchange of a next hop: its MX set and the DANE state of each host (RFC 7672 §2.2.1)."""

import enum
from dataclasses import dataclass
from datetime import timedelta

from mailseal.answers import Absent, Answer, Found, LookupFailed, MxRecord
from mailseal.dane.host import HostState, TlsaState
from mailseal.names import Domain, NameSyntaxError, NextHop


class DaneSummary(enum.StrEnum):
    """What a whole MX set came to, short enough to be remembered."""

    ALL_USABLE = "all-usable"
    MIXED = "mixed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MxHost:
    """One host of an MX set, the smaller ``preference`` the better."""

    name: Domain
    preference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MxSet:
    """Where mail for a next hop goes by DNS; empty when no MX names a real host.

    ``is_secure`` says that nobody can have forged the set; a host in brackets needs no DNS.
    ``is_null`` is RFC 7505's "no mail here".
    """

    hosts: tuple[MxHost, ...]
    is_secure: bool
    ttl: timedelta
    is_null: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An MX set with the state of every host that has an address, best preference first.

    ``unvalidated`` is not empty while no resolver is known to validate: it says why, nothing
    here is proof then, and ``last`` is what was learnt before. ``is_surveyed`` is false where
    nobody asked about the hosts, since their states would change nothing.
    """

    mx: MxSet
    states: tuple[tuple[MxHost, HostState], ...]
    is_surveyed: bool = True
    unvalidated: str = ""
    last: DaneSummary | None = None

    @property
    def states_seen(self) -> frozenset[TlsaState]:
        """The different states among the hosts that have an address."""
        return frozenset(state.state for _, state in self.states)

    @property
    def summary(self) -> DaneSummary | None:
        """What to remember of this exchange; None while nothing is proven."""
        if self.unvalidated:
            return None
        if not self.mx.is_secure:
            return DaneSummary.NONE
        seen = self.states_seen
        if TlsaState.USABLE in seen:
            return DaneSummary.ALL_USABLE if len(seen) == 1 else DaneSummary.MIXED
        return None if TlsaState.FAILED in seen else DaneSummary.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeUnknown:
    """The MX look-up failed: ``last`` is what was learnt before, ``failing_for`` since when not."""

    reason: str
    last: DaneSummary | None = None
    failing_for: timedelta = timedelta(0)


def read_mx_set(
    next_hop: NextHop, answer: Answer[MxRecord], *, limit: int
) -> MxSet | ExchangeUnknown:
    """Turn the MX answer into the set of hosts an MTA would try (RFC 5321 §5.1).

    Without MX records the domain is its own host. ``limit`` bounds the number of hosts, those of
    worse preference are left out. MX records that hold an address or no host name are dropped,
    as MTAs drop them.
    """
    match answer:
        case LookupFailed():
            return ExchangeUnknown(reason=f"{next_hop.domain}: MX look-up: {answer.reason}")
        case Absent():
            # spec: 8461 §4.1 is silent on domains without MX records. The domain is its own host
            # then (RFC 5321 §5.1), and its name is what a policy's patterns have to cover.
            implicit = MxHost(name=next_hop.domain, preference=0)
            return MxSet(hosts=(implicit,), is_secure=answer.is_secure, ttl=answer.ttl)
        case Found():
            best: dict[Domain, int] = {}
            for record in sorted(answer.records, key=lambda mx: mx.preference):
                try:
                    best.setdefault(Domain.parse(record.host), record.preference)
                except NameSyntaxError:
                    continue
            hosts = [MxHost(name=name, preference=value) for name, value in best.items()]
            return MxSet(
                hosts=tuple(hosts[:limit]),
                is_secure=answer.is_secure,
                ttl=answer.ttl,
                is_null=all(record.host in {"", "."} for record in answer.records),
            )


def host_itself(next_hop: NextHop, ttl: timedelta) -> MxSet:
    """Return the MX set of ``[host]``: that host, which no DNS answer can change."""
    return MxSet(hosts=(MxHost(name=next_hop.domain, preference=0),), is_secure=True, ttl=ttl)
