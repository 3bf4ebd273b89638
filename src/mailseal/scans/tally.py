"""What all results of a scan come to: who has what, which faults there are, which TLS versions."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from mailseal.checks.finding import Severity
from mailseal.checks.verdict import Verdict
from mailseal.dane.host import TlsaState
from mailseal.mtasts.policy import Mode
from mailseal.scans.result import Facts, MxState, Result, State

MAX_AGES = (  # ours: the upper end of each class, in seconds, and how it is called
    (86_400, "up to a day"),
    (7 * 86_400, "up to a week"),
    (31 * 86_400, "up to a month"),
    (183 * 86_400, "up to half a year"),
)
LONGER = "longer"
EVERY_HOST, SOME_HOSTS = "every host", "some hosts"  # for which DANE decides
# Of a domain's addresses those that offer STARTTLS.
EVERY_ADDRESS, SOME_ADDRESSES, NO_ADDRESS = "every address asked", "some addresses", "none"
UNKNOWN = "unknown"


class Tally:
    """Counts results, one after another; a few hundred counters, however many there are.

    Everything counts domains, but for ``tls``, which counts sessions with mail servers.
    ``takes_mail`` leaves out null MX and what is unknown: shares are of these.
    """

    def __init__(self) -> None:
        self.entries = 0
        self.domains = 0
        self.takes_mail = 0
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self.faults = Counter[str]()
        self.verdicts = Counter[Verdict]()
        self.mx = Counter[MxState]()
        self.sts = Counter[State]()
        self.policies = Counter[State]()
        self.modes = Counter[Mode]()
        self.max_ages = Counter[str]()
        self.tlsrpt = Counter[State]()
        self.dane = Counter[str]()
        self.starttls = Counter[str]()
        self.tls = Counter[str]()
        self.findings: dict[Severity, Counter[str]] = {one: Counter() for one in Severity}

    def add_all(self, results: Iterable[Result]) -> None:
        """Count several."""
        for result in results:
            self.add(result)

    def add(self, result: Result) -> None:
        """Count one."""
        self.entries += 1
        if result.facts is None or result.verdict is None:
            self.faults[_class_of_fault(result.fault)] += 1
            return
        self.domains += 1
        if result.at is not None:
            self.first_at = min(self.first_at or result.at, result.at)
            self.last_at = max(self.last_at or result.at, result.at)
        self.verdicts[result.verdict] += 1
        for code, severity in result.findings.items():
            self.findings[severity][code] += 1
        self._add_facts(result.facts)

    def _add_facts(self, facts: Facts) -> None:
        self.mx[facts.mx] += 1
        if facts.mx not in {MxState.PRESENT, MxState.IMPLICIT}:
            return
        self.takes_mail += 1
        self.sts[facts.sts] += 1
        if facts.policy is not None:
            self.policies[facts.policy] += 1
        if facts.mode is not None:
            self.modes[facts.mode] += 1
        if facts.max_age is not None:
            self.max_ages[class_of_age(facts.max_age)] += 1
        if facts.tlsrpt is not None:
            self.tlsrpt[facts.tlsrpt] += 1
        self.dane[_class_of_dane(facts)] += 1
        if facts.starttls:
            self.starttls[_class_of_starttls(facts.starttls)] += 1
        self.tls.update(facts.tls)

    def to_object(self) -> dict[str, Any]:
        """Return everything in JSON's own types, the most frequent first."""
        return {
            "entries": self.entries,
            "domains": self.domains,
            "takes_mail": self.takes_mail,
            "first_at": self.first_at.isoformat() if self.first_at else None,
            "last_at": self.last_at.isoformat() if self.last_at else None,
            "not_examined": _plain(self.faults),
            "verdicts": _plain(self.verdicts),
            "mx": _plain(self.mx),
            "mta_sts_record": _plain(self.sts),
            "mta_sts_policy": _plain(self.policies),
            "mta_sts_mode": _plain(self.modes),
            "mta_sts_max_age": _plain(self.max_ages),
            "tlsrpt_record": _plain(self.tlsrpt),
            "dane": _plain(self.dane),
            "starttls": _plain(self.starttls),
            "tls_versions": _plain(self.tls),
            "findings": {one.value: _plain(self.findings[one]) for one in Severity},
        }


def class_of_age(seconds: int) -> str:
    """Return the class that a policy's max_age belongs to."""
    return next((name for limit, name in MAX_AGES if seconds <= limit), LONGER)


def _class_of_dane(facts: Facts) -> str:
    """Return for how many of a domain's MX hosts DANE decides."""
    usable = facts.dane.get(TlsaState.USABLE, 0)
    if usable and usable == sum(facts.dane.values()):
        return EVERY_HOST
    if usable:
        return SOME_HOSTS
    if facts.dane.get(TlsaState.FAILED):
        return UNKNOWN
    return "unusable records" if facts.dane.get(TlsaState.UNUSABLE) else "none"


def _class_of_starttls(counts: dict[State, int]) -> str:
    """Return what a domain's MX hosts offer, as far as they could be asked."""
    has, lacks = counts.get(State.PRESENT, 0), counts.get(State.ABSENT, 0)
    if not has and not lacks:
        return UNKNOWN
    if not lacks:
        return EVERY_ADDRESS
    return SOME_ADDRESSES if has else NO_ADDRESS


def _class_of_fault(fault: str) -> str:
    """Return the part of a fault that many entries share."""
    return fault.partition(":")[0] or UNKNOWN


def _plain(counter: Counter[Any]) -> dict[str, int]:
    return {str(name): count for name, count in counter.most_common()}
