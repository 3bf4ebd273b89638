"""Answers what an MTA asks: how mail to this next hop must be secured now.

The policy in force and the mail exchange are looked up side by side, each under the asker's
deadline, and weighed by ``decision.decide``. An answer carries how long it may be given again,
so that whoever keeps it need not know why.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from mailseal.dane.exchange import DaneSummary, Exchange, ExchangeUnknown, MxSet
from mailseal.dane.host import TlsaState
from mailseal.dane.validation import Validation
from mailseal.decision import Rules, Unavailable, decide
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain, NextHop
from mailseal.ports.clock import Clock
from mailseal.ports.policystore import PolicyStore
from mailseal.ruling import Ruling
from mailseal.services.decisionlog import DecisionLog
from mailseal.services.discoverer import Discoverer
from mailseal.services.domainstate import StsView
from mailseal.services.exceptions import Exceptions, Terms
from mailseal.services.pinbook import PinStanding
from mailseal.services.resolution import Resolution
from mailseal.services.selftest import SelfTest
from mailseal.services.surveyor import Survey, Surveyor
from mailseal.services.verdicts import Verdicts

MAX_REMEMBERED_DOMAINS = 200_000  # ours, between two tests; those beyond are not looked up anew

_SOME_USABLE = {DaneSummary.ALL_USABLE, DaneSummary.MIXED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverLimits:
    """How long answers that say "not now" live, and how old an id check may be behind them.

    ``unvalidated`` is the longest life of an answer made while no resolver is known to validate.
    ``pin_wait`` is how long a domain's own policy is waited for where a pin would do, and
    ``settled`` how long an answer lives for which the operator's word is all there is to know.
    """

    recheck_before_temp: timedelta = timedelta(seconds=60)
    temp_fresh: timedelta = timedelta(seconds=10)
    temp_usable: timedelta = timedelta(seconds=30)
    unvalidated: timedelta = timedelta(seconds=60)
    pin_wait: timedelta = timedelta(seconds=2)
    settled: timedelta = timedelta(hours=1)


class Resolver:
    """The one who decides; it remembers what it has said and since which test, never an answer."""

    def __init__(
        self,
        *,
        discoverer: Discoverer,
        surveyor: Surveyor,
        store: PolicyStore,
        clock: Clock,
        rules: Rules,
        limits: ResolverLimits,
        self_test: SelfTest | None = None,
        exceptions: Exceptions | None = None,
        resolvers: tuple[str, ...] = (),
    ) -> None:
        """Make one; without a ``self_test`` every secure answer is taken for proof.

        ``resolvers`` names those that are asked, if they are a zone's own.
        """
        self._discoverer = discoverer
        self._surveyor = surveyor
        self._clock = clock
        self._rules = rules
        self._limits = limits
        self._self_test = self_test if rules.has_dane else None
        self._since_test: dict[Domain, None] = {}
        self._rounds_seen = 0
        self._purges = 0
        self._exceptions = exceptions or Exceptions(clock=clock)
        self._log = DecisionLog(resolvers)
        self._verdicts = Verdicts(store=store, clock=clock, resolvers=resolvers)

    async def resolve(
        self,
        next_hop: NextHop,
        *,
        timeout: timedelta,
        wait_for_fresh: bool = False,
        strict_testing: bool = False,
    ) -> Resolution:
        """Decide for a next hop within ``timeout``, by what is known if that is too short.

        With ``wait_for_fresh`` what is stale is looked up before the answer, not behind it.
        With ``strict_testing`` a policy in mode testing counts as one in mode enforce.
        """
        domain = next_hop.domain
        purges = self._purges
        terms = self._exceptions.terms(domain, self._rules, strict_testing=strict_testing)
        ends_at = self._clock.monotonic() + timeout.total_seconds()
        if self._self_test is not None:
            await self._self_test.settle(timeout / 2)
        sts, survey = await asyncio.gather(
            self._policy_for(
                domain, terms, timeout=self._left(ends_at), wait_for_fresh=wait_for_fresh
            ),
            self._survey(next_hop, terms, ends_at, wait_for_fresh=wait_for_fresh),
        )
        ruling = terms.rule(sts.policy)
        survey = await self._completed(next_hop, survey, ruling, terms, ends_at, wait_for_fresh)
        exchange = await self._weighed(next_hop, survey, ruling, terms, ends_at, purges)
        delivery = decide(domain, exchange, ruling.policy, terms.rules)
        blames_policy = isinstance(delivery, Unavailable) and delivery.blames_policy
        if blames_policy and not terms.settles_sts:
            sts = await self._check_again(domain, sts, self._left(ends_at))
            ruling = terms.rule(sts.policy)
            survey = await self._completed(next_hop, survey, ruling, terms, ends_at, wait_for_fresh)
            exchange = await self._weighed(next_hop, survey, ruling, terms, ends_at, purges)
            delivery = decide(domain, exchange, ruling.policy, terms.rules)
        if sts.doubt and not terms.is_beyond_doubt(ruling):
            delivery = Unavailable(reason=f"MTA-STS of {domain} is unknown: {sts.doubt}")
        fresh_for = min(sts.fresh_for, survey.fresh_for)
        usable_for = min(sts.usable_for, survey.usable_for)
        if isinstance(delivery, Unavailable):
            fresh_for = min(fresh_for, self._limits.temp_fresh)
            usable_for = min(usable_for, self._limits.temp_usable)
        if isinstance(exchange, Exchange) and exchange.unvalidated:
            fresh_for = min(fresh_for, self._limits.unvalidated / 2)
            usable_for = min(usable_for, self._limits.unvalidated)
        if terms.ends is not None:
            usable_for = min(usable_for, max(timedelta(0), terms.ends - self._clock.now()))
            fresh_for = min(fresh_for, usable_for)
        if purges != self._purges or not self._still_hold(domain, sts, terms):
            # A policy or pin came or went, or somebody purged, while the hosts were looked up:
            # not to be kept.
            fresh_for = usable_for = timedelta(0)
        resolution = Resolution(
            next_hop=next_hop,
            delivery=delivery,
            sts=sts,
            ruling=ruling,
            match=terms.match,
            exchange=exchange,
            fresh_for=fresh_for,
            usable_for=usable_for,
        )
        self._log.tell(resolution)
        return resolution

    async def _policy_for(
        self, domain: Domain, terms: Terms, *, timeout: timedelta, wait_for_fresh: bool
    ) -> StsView:
        """Return the domain's own policy, unless the operator's word makes it needless."""
        if terms.settles_sts:
            settled = self._limits.settled
            return StsView(policy=None, cached=None, fresh_for=settled, usable_for=settled)
        if terms.pin is not None:
            timeout = min(timeout, self._limits.pin_wait)
        view = await self._discoverer.policy_for(
            domain, timeout=timeout, wait_for_fresh=wait_for_fresh
        )
        if view.cached is not None:
            self._exceptions.pins.note_fetched(view.cached)
        return view

    def _still_hold(self, domain: Domain, sts: StsView, terms: Terms) -> bool:
        if terms.settles_sts:
            return self._exceptions.still_hold(domain, terms)
        if not self._exceptions.still_hold(domain, terms):
            return False
        return self._discoverer.still_holds(domain, sts)

    def pin_standing(self, domain: Domain) -> PinStanding | None:
        """Return what the list of pins says of a domain, whether it counts or not."""
        return self._exceptions.pins.standing(domain)

    def forget(self, domain: Domain) -> None:
        """Drop what DANE last proved for a domain, in all forms of its next hop, from memory."""
        self._purges += 1
        self._verdicts.forget(domain)

    def doubted_domains(self) -> tuple[Domain, ...]:
        """Return the policy domains decided on since a test last found the resolvers good.

        Call it when one of them is proven not to validate: what was concluded may be wrong.
        """
        domains = tuple(self._since_test)
        self._since_test.clear()
        return domains

    async def _doubted(
        self,
        next_hop: NextHop,
        exchange: Exchange | ExchangeUnknown,
        policy: Policy | None,
        ends_at: float,
    ) -> Exchange | ExchangeUnknown:
        """Mark an exchange that proves nothing, since it may come from a resolver that forges.

        Before something is believed that is weaker than what was proven, a test is made.
        """
        test = self._self_test
        if test is None or isinstance(exchange, ExchangeUnknown) or exchange.mx.is_null:
            return exchange
        last = None
        if policy is not None and policy.mode is Mode.ENFORCE:
            last = await self._verdicts.last(next_hop)
        was_dane = last in _SOME_USABLE or self._log.last_word(next_hop) == "dane-required"
        if was_dane and exchange.summary is DaneSummary.NONE:
            await test.confirm(self._left(ends_at))
        validation, seen = test.validation, exchange.states_seen
        is_proof = validation is Validation.PROVEN or (
            # Nobody but a validating resolver sets AD; what lacks it may be forged. Whoever can
            # keep the test from ending can block TLSA as well: that proves no absence either.
            validation is Validation.UNPROVEN
            and exchange.mx.is_secure
            and (bool(seen & {TlsaState.USABLE, TlsaState.UNUSABLE}) or seen == {TlsaState.FAILED})
        )
        if not is_proof:
            return replace(exchange, unvalidated=test.reason or "not tested yet", last=last)
        if test.rounds != self._rounds_seen:
            self._rounds_seen = test.rounds
            self._since_test.clear()
        if len(self._since_test) < MAX_REMEMBERED_DOMAINS:
            self._since_test[next_hop.domain] = None
        return exchange

    def _left(self, ends_at: float) -> timedelta:
        return timedelta(seconds=max(0.0, ends_at - self._clock.monotonic()))

    async def _survey(
        self, next_hop: NextHop, terms: Terms, ends_at: float, *, wait_for_fresh: bool
    ) -> Survey:
        """Look up the MX set and, where DANE needs them whatever the policy says, its hosts."""
        mx = await self._surveyor.survey_mx(
            next_hop, timeout=self._left(ends_at), wait_for_fresh=wait_for_fresh
        )
        survey = Survey(exchange=_bare(mx.value), fresh_for=mx.fresh_for, usable_for=mx.usable_for)
        is_secure = isinstance(mx.value, MxSet) and mx.value.is_secure
        if is_secure and self._looks_for_dane(mx.value, terms):
            return await self._survey_hosts(
                next_hop, survey, ends_at, wait_for_fresh=wait_for_fresh
            )
        return survey

    async def _completed(
        self,
        next_hop: NextHop,
        survey: Survey,
        ruling: Ruling,
        terms: Terms,
        ends_at: float,
        wait_for_fresh: bool,
    ) -> Survey:
        """Add the hosts' state where the policy that counts makes it matter."""
        if _lacks_hosts(survey) and self._needs_hosts(survey, ruling.policy, terms):
            return await self._survey_hosts(
                next_hop, survey, ends_at, wait_for_fresh=wait_for_fresh
            )
        return survey

    async def _weighed(
        self,
        next_hop: NextHop,
        survey: Survey,
        ruling: Ruling,
        terms: Terms,
        ends_at: float,
        purges: int,
    ) -> Exchange | ExchangeUnknown:
        """Say how much of what DNS said is proof, and what was proven before.

        What was seen before a purge, by their number ``purges``, is proof for no other question.
        """
        if not terms.rules.has_dane:
            return survey.exchange
        exchange = await self._doubted(next_hop, survey.exchange, ruling.policy, ends_at)
        if ruling.policy is None or ruling.policy.mode is not Mode.ENFORCE:
            return exchange
        if purges != self._purges:
            return exchange
        return await self._verdicts.remembered(next_hop, exchange)

    async def _survey_hosts(
        self, next_hop: NextHop, survey: Survey, ends_at: float, *, wait_for_fresh: bool
    ) -> Survey:
        assert isinstance(survey.exchange, Exchange)
        hosts = await self._surveyor.survey_hosts(
            survey.exchange.mx,
            next_hop.port,
            timeout=self._left(ends_at),
            wait_for_fresh=wait_for_fresh,
        )
        return Survey(
            exchange=hosts.exchange,
            fresh_for=min(survey.fresh_for, hosts.fresh_for),
            usable_for=min(survey.usable_for, hosts.usable_for),
        )

    def _looks_for_dane(self, mx: MxSet | ExchangeUnknown, terms: Terms) -> bool:
        if isinstance(mx, ExchangeUnknown) or mx.is_null or not terms.shows_dane:
            return False
        return self._self_test is None or self._self_test.validation is not Validation.DISPROVEN

    def _needs_hosts(self, survey: Survey, policy: Policy | None, terms: Terms) -> bool:
        """Tell whether the hosts of an insecure MX set can make a difference; often they cannot."""
        assert isinstance(survey.exchange, Exchange)
        mx = survey.exchange.mx
        if policy is None or policy.mode is not Mode.ENFORCE:
            return self._looks_for_dane(mx, terms)
        # Of a set that is allowed in part it matters whether the allowed part can be reached.
        return len({policy.covers(host.name) for host in mx.hosts}) == 2

    async def _check_again(self, domain: Domain, sts: StsView, timeout: timedelta) -> StsView:
        """Look at the id before a policy holds mail back (RFC 8461 §5.1)."""
        checked_at = sts.cached.id_checked_at if sts.cached else None
        now = self._clock.now()
        if checked_at is not None and now - checked_at < self._limits.recheck_before_temp:
            return sts
        return await self._discoverer.check_id(domain, timeout=timeout)


def _bare(mx: MxSet | ExchangeUnknown) -> Exchange | ExchangeUnknown:
    if isinstance(mx, ExchangeUnknown):
        return mx
    return Exchange(mx=mx, states=(), is_surveyed=False)


def _lacks_hosts(survey: Survey) -> bool:
    return isinstance(survey.exchange, Exchange) and not survey.exchange.is_surveyed
