"""What senders that enforce would do with a domain's mail today, host by host (RFC 8461 §5, RFC
7672 §2.2): the foundation of the verdict.

A sender of MTA-STS asks whether the policy covers the host, a sender of DANE for its TLSA records;
what each makes of the host's addresses is in ``sessionoutlook``. Nothing that could not be observed
is taken for a failure.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from mailseal.answers import Absent, DnsFailure, Found, LookupFailed
from mailseal.checks.addresses import FailedLookup, failed_lookups
from mailseal.checks.evidence import HostEvidence
from mailseal.checks.hostreading import HostReading
from mailseal.checks.reading import Reading
from mailseal.checks.sessionoutlook import AddressOutlook, Outcome, judge_dane, judge_sts
from mailseal.dane.exchange import MxHost
from mailseal.dane.host import TlsaState
from mailseal.mtasts.pattern import MxPattern, PatternSyntaxError
from mailseal.mtasts.policy import Policy

_PROVEN_FAILURES = (DnsFailure.SERVFAIL, DnsFailure.BOGUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOutlook:
    """What becomes of mail to one host; ``reason`` is about the host as a whole.

    ``failed_lookups`` may hide addresses that nothing is known of, whatever the outcome at the
    others. ``is_asked`` is false of a host that passes because nothing is asked of it.
    """

    host: MxHost
    outcome: Outcome
    addresses: tuple[AddressOutlook, ...] = ()
    reason: str = ""
    failed_lookups: tuple[FailedLookup, ...] = ()
    is_asked: bool = True

    @property
    def name(self) -> str:
        """The host's name."""
        return self.host.name

    def explain(self, *outcomes: Outcome) -> tuple[str, ...]:
        """Return why the host has one of some outcomes: a sentence for it, or for each address.

        Addresses that could not be looked up are unknown beside any outcome.
        """
        reasons: tuple[str, ...] = ()
        if self.outcome in outcomes:
            decisive = Outcome.UNKNOWN if self.outcome is Outcome.UNKNOWN else Outcome.FAILS
            reasons = tuple(
                f"{self.name} [{each.address}] {each.reason}."
                for each in self.addresses
                if each.outcome is decisive
            )
            if self.reason:
                reasons = (f"{self.name} {self.reason}.",)
        if Outcome.UNKNOWN in outcomes:
            reasons += tuple(
                f"{each.rdtypes} of {self.name} could not be looked up: {each.reason}."
                for each in self.failed_lookups
            )
        return reasons


class Reach(enum.StrEnum):
    """How far mail from senders that enforce comes, over all hosts and their preferences."""

    ALL = "all"
    PARTLY = "partly"  # every host can be used, but not over each of its addresses
    BACKUPS_FAIL = "backups-fail"
    BEST_FAILS = "best-fails"  # a host of the best preference; another host passes
    NONE = "none"
    UNKNOWN = "unknown"  # of no host is anything known


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What becomes of a domain's mail: its hosts with an address, best preference first."""

    hosts: tuple[HostOutlook, ...]

    def of(self, *outcomes: Outcome) -> tuple[HostOutlook, ...]:
        """Return the hosts of some outcomes."""
        return tuple(host for host in self.hosts if host.outcome in outcomes)

    @property
    def reach(self) -> Reach:
        """Weigh the hosts; one that nothing is known or asked of neither helps nor hurts."""
        if not self.hosts:
            return Reach.NONE
        failing = self.of(Outcome.FAILS)
        passing = self.of(Outcome.PASSES, Outcome.PARTLY)
        if not failing:
            if self.of(Outcome.PARTLY):
                return Reach.PARTLY
            return Reach.ALL if any(host.is_asked for host in passing) else Reach.UNKNOWN
        best = min(host.host.preference for host in self.hosts)
        if not passing and len(failing) == len(self.hosts):
            return Reach.NONE
        if any(host.host.preference == best for host in failing):
            return Reach.BEST_FAILS
        return Reach.BACKUPS_FAIL

    @property
    def is_whole(self) -> bool:
        """Tell whether something is known of each host, and all its addresses are known."""
        return not self.of(Outcome.UNKNOWN) and not any(host.failed_lookups for host in self.hosts)

    @property
    def untested(self) -> tuple[str, ...]:
        """Return a sentence for each address that was tried in vain at hosts that can be used."""
        return tuple(
            f"{host.name} [{each.address}] {each.reason}."
            for host in self.of(Outcome.PASSES, Outcome.PARTLY)
            for each in host.addresses
            if each.outcome is Outcome.UNKNOWN and not each.is_ours
        )

    def explain(self, *outcomes: Outcome) -> tuple[str, ...]:
        """Return why hosts have one of some outcomes, a sentence for each host or address."""
        return tuple(reason for host in self.hosts for reason in host.explain(*outcomes))


def foresee_sts(reading: Reading, policy: Policy | None) -> Outlook:
    """Say what a sender does that enforces a policy.

    Without one it is about a policy that names every host.
    """
    name = reading.name_policy(policy) if policy is not None else ""
    return Outlook(hosts=tuple(_foresee_sts(*pair, policy, name) for pair in _pairs(reading)))


def foresee_dane(reading: Reading) -> Outlook | None:
    """Say what a sender with DNSSEC does; None where DANE asks it for nothing.

    That is so behind insecure MX records, and where no host has secure TLSA records. A host
    without them takes mail from such a sender as from any other.
    """
    if reading.mx is None or not reading.mx.is_secure:
        return None
    asking = (TlsaState.USABLE, TlsaState.UNUSABLE, TlsaState.FAILED)
    if not any(host.dane.state in asking for host in reading.hosts):
        return None
    return Outlook(hosts=tuple(_foresee_dane(*pair) for pair in _pairs(reading)))


def _pairs(reading: Reading) -> list[tuple[MxHost, HostReading | None]]:
    known = {host.name: host for host in reading.hosts}
    hosts = reading.mx.hosts if reading.mx else ()
    pairs = ((host, known.get(host.name)) for host in hosts)
    return [(host, one) for host, one in pairs if one is None or one.dane.has_address]


def _foresee_sts(
    host: MxHost, reading: HostReading | None, policy: Policy | None, name: str
) -> HostOutlook:
    if policy is not None and not policy.covers(host.name):
        reason = f'is covered by no "mx" line of {name}'
        return HostOutlook(host=host, outcome=Outcome.FAILS, reason=reason)
    if policy is None and not _can_be_covered(host.name):
        reason = "has a name that no policy can cover"
        return HostOutlook(host=host, outcome=Outcome.FAILS, reason=reason)
    if reading is None:
        return _unknown(host, "was not looked at")
    addresses = tuple(judge_sts(each) for each in reading.observed)
    return _sum_up(host, reading, addresses)


def _foresee_dane(host: MxHost, reading: HostReading | None) -> HostOutlook:
    if reading is None:
        return _unknown(host, "was not looked at")
    match reading.dane.state:
        case TlsaState.NONE:
            return HostOutlook(host=host, outcome=Outcome.PASSES, is_asked=False)
        case TlsaState.FAILED:
            is_proven = bool(proven_failures(reading.evidence))
            outcome = Outcome.FAILS if is_proven else Outcome.UNKNOWN
            reason = f"cannot be used: {reading.dane.reason.removeprefix(f'{host.name}: ')}"
            return HostOutlook(host=host, outcome=outcome, reason=reason)
        case TlsaState.USABLE | TlsaState.UNUSABLE:
            addresses = tuple(judge_dane(each) for each in reading.observed)
            return _sum_up(host, reading, addresses)


def _sum_up(host: MxHost, reading: HostReading, addresses: Sequence[AddressOutlook]) -> HostOutlook:
    seen = {each.outcome for each in addresses}
    failed = failed_lookups(reading.evidence.a, reading.evidence.aaaa)
    if Outcome.FAILS in seen:
        outcome = Outcome.PARTLY if Outcome.PASSES in seen else Outcome.FAILS
    else:
        outcome = Outcome.PASSES if Outcome.PASSES in seen else Outcome.UNKNOWN
    return HostOutlook(
        host=host,
        outcome=outcome,
        addresses=tuple(addresses),
        reason="" if addresses or failed else "was not connected to",
        failed_lookups=failed,
    )


def _unknown(host: MxHost, reason: str) -> HostOutlook:
    return HostOutlook(host=host, outcome=Outcome.UNKNOWN, reason=reason)


def _can_be_covered(host: str) -> bool:
    """Tell whether a pattern for the host can be written; underscores are not for policies."""
    for pattern in (host, f"*.{host.partition('.')[2]}"):
        try:
            MxPattern.parse(pattern)
        except PatternSyntaxError:
            continue
        return True
    return False


def proven_failures(host: HostEvidence) -> tuple[LookupFailed, ...]:
    """Return the look-ups for DANE that fail for every sender: bogus, or SERVFAIL.

    A resolver that times out or refuses proves nothing about what others get.
    """
    has_address = any(isinstance(answer, Found) for answer in (host.a, host.aaaa))
    answers: list[Found[object] | Absent | LookupFailed] = [each.answer for each in host.tlsa]
    answers += [] if has_address else [host.a, host.aaaa]
    answers += [host.alias] if host.alias is not None else []
    return tuple(
        each
        for each in answers
        if isinstance(each, LookupFailed) and each.failure in _PROVEN_FAILURES
    )
