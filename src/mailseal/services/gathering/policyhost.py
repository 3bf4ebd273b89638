"""The policy host: every address of it, and the wrong places where a policy may stand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mailseal.answers import Answer, Found, all_addresses
from mailseal.checks.evidence import (
    Failure,
    Observer,
    PolicyFetch,
    PolicyHostEvidence,
    Trouble,
)
from mailseal.names import MAX_NAME_BYTES, Domain
from mailseal.ports.clock import Clock
from mailseal.ports.policyhost import PolicyProber
from mailseal.services.gathering.budget import TIME_IS_UP, Budget
from mailseal.services.gathering.hosts import can_reach, no_family
from mailseal.services.gathering.progress import Part, Steps
from mailseal.services.gathering.questions import Questions
from mailseal.services.gathering.together import all_of

# Statuses by which firewalls turn programs away that are no browser.
TURNED_AWAY = frozenset({401, 403, 405, 406, 418, 429, 503})
NOT_THERE = frozenset({404, 410})
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/137.0.0.0 Safari/537.36"
)
WELL_KNOWN = "/.well-known/mta-sts.txt"
MISPLACED = "/mta-sts.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyScope:
    """How much is asked of the policy host; ``is_brief`` leaves out what no sender does."""

    has_fetches: bool
    is_brief: bool = False
    max_addresses: int
    fetch_timeout: timedelta


class PolicyHostGatherer:
    """Asks about the policy host of one domain."""

    def __init__(
        self,
        *,
        asked: Questions,
        policies: PolicyProber,
        clock: Clock,
        observer: Observer,
        budget: Budget,
        steps: Steps,
        scope: PolicyScope,
    ) -> None:
        self._asked = asked
        self._policies = policies
        self._clock = clock
        self._observer = observer
        self._budget = budget
        self._steps = steps
        self._scope = scope

    async def gather(self, domain: Domain) -> PolicyHostEvidence:
        """Look the host up and fetch from each of its addresses."""
        host = Domain(f"mta-sts.{domain}")
        a, aaaa = await self._asked.addresses(host)
        has_fetches = self._scope.has_fetches and len(host) <= MAX_NAME_BYTES
        addresses = all_addresses(a, aaaa)[: self._scope.max_addresses] if has_fetches else ()
        fetching = self._fetch_from_all(host, addresses)
        if _may_be_alias(host, (a, aaaa)):
            alias, fetches = await asyncio.gather(self._asked.cname(host), fetching)
        else:
            alias, fetches = None, await fetching
        if not has_fetches or self._scope.is_brief:
            return PolicyHostEvidence(name=host, a=a, aaaa=aaaa, alias=alias, fetches=fetches)
        as_browser, elsewhere = await asyncio.gather(
            self._fetch_as_browser(host, fetches), self._look_elsewhere(domain, host, fetches)
        )
        return PolicyHostEvidence(
            name=host,
            a=a,
            aaaa=aaaa,
            alias=alias,
            fetches=fetches,
            as_browser=as_browser,
            elsewhere=elsewhere,
        )

    async def _fetch_from_all(
        self, host: Domain, addresses: Sequence[str]
    ) -> tuple[PolicyFetch, ...]:
        return await all_of(self._fetch(host, one) for one in addresses)

    async def _fetch_as_browser(
        self, host: Domain, fetches: tuple[PolicyFetch, ...]
    ) -> tuple[PolicyFetch, ...]:
        """Come again as a browser where we were turned away for what we are, perhaps."""
        refused = [one.address for one in fetches if one.status in TURNED_AWAY]
        return await all_of(self._fetch(host, address, user_agent=BROWSER) for address in refused)

    async def _look_elsewhere(
        self, domain: Domain, host: Domain, fetches: tuple[PolicyFetch, ...]
    ) -> tuple[tuple[str, PolicyFetch], ...]:
        """Look where people put the file by mistake, once all that answered have said 404."""
        answered = [one for one in fetches if one.status is not None]
        if not answered or any(one.status not in NOT_THERE for one in answered):
            return ()
        found = await asyncio.gather(
            self._fetch(host, answered[0].address, path=MISPLACED),
            self._fetch_first(domain),
            self._fetch_first(Domain(f"www.{domain}")),
        )
        places = (
            MISPLACED,
            f"https://{domain}{WELL_KNOWN}",
            f"https://www.{domain}{WELL_KNOWN}",
        )
        return tuple(
            (place, fetch) for place, fetch in zip(places, found, strict=True) if fetch is not None
        )

    async def _fetch_first(self, host: Domain) -> PolicyFetch | None:
        a, aaaa = await self._asked.addresses(host)
        addresses = all_addresses(a, aaaa)
        reachable = [one for one in addresses if can_reach(self._observer, one)]
        return await self._fetch(host, reachable[0]) if reachable else None

    async def _fetch(
        self, host: Domain, address: str, *, path: str = "", user_agent: str = ""
    ) -> PolicyFetch:
        if not can_reach(self._observer, address):
            return self._no_fetch(address, no_family(address))
        if self._budget.is_spent:
            return self._no_fetch(address, Failure(trouble=Trouble.SKIPPED, reason=TIME_IS_UP))
        self._steps.begin(Part.POLICY, f"{host} [{address}]")
        fetch = await self._policies.probe(
            host,
            address,
            timeout=self._budget.at_most(self._scope.fetch_timeout),
            path=path,
            user_agent=user_agent,
        )
        self._steps.finish(Part.POLICY, f"{host} [{address}]")
        return fetch

    def _no_fetch(self, address: str, failure: Failure) -> PolicyFetch:
        return PolicyFetch(
            address=address,
            started_at=self._clock.now(),
            duration=timedelta(0),
            failure=failure,
        )


def _may_be_alias(host: str, answers: tuple[Answer[str], ...]) -> bool:
    """Tell whether a name may be an alias: one that has an address of its own is none."""
    found = [answer for answer in answers if isinstance(answer, Found)]
    return not found or any(answer.canonical != host for answer in found)
