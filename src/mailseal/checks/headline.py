"""The verdict and its reasons: the outlook for enforcing senders, put into one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailseal.answers import LookupFailed
from mailseal.checks.evidence import Depth
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.outlook import Outlook, Reach, foresee_dane
from mailseal.checks.publication import explain_unseen
from mailseal.checks.reading import Reading
from mailseal.checks.sessionoutlook import Outcome
from mailseal.checks.verdict import Headline, Verdict
from mailseal.checks.worstpolicy import foresee_worst
from mailseal.mtasts.policy import Mode
from mailseal.quoting import name_some

MAX_REASONS = 20  # ours: what fits on a screen; the findings have the rest

_UNTESTED = " Not every address could be tested."
_ERRORS = " Something else is wrong all the same."


@dataclass(frozen=True, slots=True)
class _Case:
    """A reading with the outlook for both kinds of senders that enforce.

    ``sts`` is by the worst policy that is served, or by one that names every host where there is
    none.
    """

    reading: Reading
    sts: Outlook
    dane: Outlook | None
    errors: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        return tuple(one.seen for one in self.errors)

    @property
    def domain(self) -> str:
        return self.reading.domain

    @property
    def is_enforced(self) -> bool:
        return self.reading.mode is Mode.ENFORCE


def say_headline(reading: Reading, findings: Sequence[Finding]) -> Headline:
    """Return the verdict, its sentence and the reasons for it."""
    errors = tuple(one for one in findings if one.severity is Severity.ERROR)
    case = _Case(reading, foresee_worst(reading), foresee_dane(reading), errors)
    if isinstance(reading.evidence.records.mx, LookupFailed):
        reason = f"The MX records could not be looked up: {reading.evidence.records.mx.reason}."
        sentence = f"Nothing can be said of {case.domain}: its MX hosts are not known here."
        return _say(Verdict.CANNOT_TELL, sentence, (reason,))
    if reading.takes_no_mail:
        sentence = f"{case.domain} takes no mail (null MX), so there is nothing to enforce."
        return _say(Verdict.NOT_PUBLISHED, sentence)
    if reading.is_nowhere:
        sentence = f"{case.domain} does not exist in DNS: no mail reaches it. Check the spelling."
        return _say(Verdict.NOT_PUBLISHED, sentence)
    if case.is_enforced or case.dane is not None:
        headline = _say_losing(case) or _say_enforcing(case)
        if headline is not None:
            return headline
    return _say_not_enforcing(case)


# -- senders enforce already ----------------------------------------------------------------


def _say_losing(case: _Case) -> Headline | None:
    losing = []
    if case.is_enforced and (not case.sts.hosts or case.sts.of(Outcome.FAILS)):
        is_saved = case.reading.has_dane and case.dane and not case.dane.of(Outcome.FAILS)
        losing.append(("the policy and do not know DANE" if is_saved else "the policy", case.sts))
    if case.dane is not None and case.dane.of(Outcome.FAILS):
        losing.append(("DANE", case.dane))
    if not losing:
        return None
    sentence = " ".join(_say_loss(what, outlook, case.domain) for what, outlook in losing)
    reasons = [one for _, outlook in losing for one in outlook.explain(Outcome.FAILS)]
    reasons += [one for _, outlook in losing for one in outlook.explain(Outcome.PARTLY)]
    return _say(Verdict.LOSING_MAIL, sentence, reasons or [f"{case.domain} has no MX host."])


def _say_loss(what: str, outlook: Outlook, domain: str) -> str:
    failing = _list([host.name for host in outlook.of(Outcome.FAILS)])
    match outlook.reach:
        case Reach.BEST_FAILS:
            best = min(host.host.preference for host in outlook.hosts)
            first = [
                host.name for host in outlook.of(Outcome.FAILS) if host.host.preference == best
            ]
            others = _list([each.name for each in outlook.of(Outcome.PASSES, Outcome.PARTLY)])
            way = f"goes to {others} after a detour" if others else "waits, and may come back"
            return (
                f"Senders who enforce {what} cannot deliver to {_list(first)}, which they try "
                f"first: their mail {way}."
            )
        case Reach.BACKUPS_FAIL:
            return (
                f"Senders who enforce {what} cannot use the backup {failing}: mail is lost "
                "when the better hosts are down."
            )
        case _:
            return f"Senders who enforce {what} cannot deliver any mail to {domain}."


def _say_enforcing(case: _Case) -> Headline | None:
    """Say that all is well, or that nobody knows; nothing where DANE asks and does not protect."""
    outlooks = [outlook for outlook in (case.dane,) if outlook is not None]
    if case.is_enforced:
        outlooks.insert(0, case.sts)
    unknown = [one for outlook in outlooks for one in outlook.explain(Outcome.UNKNOWN)]
    unknown += [one for outlook in outlooks for one in outlook.untested]
    if any(outlook.reach is Reach.UNKNOWN for outlook in outlooks):
        return _say_unseen(case, "Whether mail of senders that enforce flows", unknown)
    if not case.is_enforced and (not case.reading.has_dane or _waits_for_enforce(case)):
        return None
    partly = [one for outlook in outlooks for one in outlook.explain(Outcome.PARTLY)]
    if case.is_enforced:
        means = "MTA-STS and DANE are" if case.reading.has_dane else "MTA-STS is"
    else:
        means = "DANE is"
    sentence = f"{means} enforced, and mail to {case.domain} flows."
    if not case.is_enforced:
        sentence += _say_dane_share(case) + _say_idle_sts(case)
    if partly:
        sentence += " Some addresses fail, so that some of it takes a detour."
    if unknown:
        sentence += _UNTESTED
    others = _list_others(case.errors, partly)
    if others:
        sentence += _ERRORS
    return _say(Verdict.HEALTHY, sentence, (*partly, *unknown, *others))


def _list_others(errors: Sequence[Finding], reasons: Sequence[str]) -> tuple[str, ...]:
    """Return what is wrong besides the addresses that have been named as failing."""
    return tuple(
        one.seen
        for one in errors
        if not (
            one.subject.endswith("]")
            and any(each.startswith(f"{one.subject} ") for each in reasons)
        )
    )


def _waits_for_enforce(case: _Case) -> bool:
    """Tell whether there is a policy whose owner asks when it may be enforced."""
    return case.reading.mode is Mode.TESTING


def _say_dane_share(case: _Case) -> str:
    hosts = [host for host in case.reading.hosts if host.dane.has_address]
    bare = [host.name for host in hosts if not host.dane.records]
    return f" It does not protect mail to {_list(bare)}, without TLSA records." if bare else ""


def _say_idle_sts(case: _Case) -> str:
    if case.reading.mode is Mode.NONE or not case.reading.wants_sts:
        return ""
    return " MTA-STS is published, but no usable policy was seen."


# -- nobody enforces yet --------------------------------------------------------------------


def _say_not_enforcing(case: _Case) -> Headline:
    reading = case.reading
    if reading.record is None:
        answer = reading.evidence.records.sts
        reason = answer.reason if isinstance(answer, LookupFailed) else ""
        seen = f"TXT at _mta-sts.{case.domain} could not be looked up: {reason}."
        return _say(Verdict.CANNOT_TELL, "Whether MTA-STS is published is not known.", (seen,))
    if not reading.wants_sts or reading.mode is Mode.NONE or _is_retired(case):
        return _say_not_published(case)
    if reading.policy is None:
        return _say_unusable(case)
    return _say_ready(case)


def _is_retired(case: _Case) -> bool:
    """Tell whether all that is left is a policy in mode none, as at the end of a removal."""
    policy = case.reading.written.policy if case.reading.written else None
    is_none = policy is not None and policy.mode is Mode.NONE
    return is_none and case.reading.sts_record is None and not case.errors


def _say_not_published(case: _Case) -> Headline:
    reading = case.reading
    failing, unknown = case.sts.explain(Outcome.FAILS, Outcome.PARTLY), _why_unseen(case)
    match case.sts.reach:
        case Reach.ALL if case.sts.is_whole:
            ready = "Every MX host is ready: a policy could be enforced at once."
            ready += _UNTESTED if case.sts.untested else ""
        case Reach.UNKNOWN | Reach.ALL:
            ready = "Whether a policy could be enforced is not known."
        case _:
            ready = "A policy could not be enforced yet."
    if not reading.wants_sts and reading.evidence.observer.validates is not True:
        sentence = f"MTA-STS is not published, and DANE cannot be judged from here. {ready}"
        reason = "The resolver used here is not known to validate DNSSEC."
        return _say(Verdict.CANNOT_TELL, sentence, (reason, *failing))
    none = "Neither MTA-STS nor DANE protects"
    if reading.wants_sts:
        none = "The policy has mode none, so that nothing protects"
    if case.dane is not None:  # TLSA that nobody can use, or whose look-up fails
        none = "TLSA records ask for TLS, but nothing proves who answers"
        return _say(Verdict.NOT_PUBLISHED, f"{none} for {case.domain}. {ready}", failing)
    sentence = f"{none} mail to {case.domain}. {ready}"
    return _say(Verdict.NOT_PUBLISHED, sentence, failing or (*unknown, *case.sts.untested))


def _say_unusable(case: _Case) -> Headline:
    """Say why no sender gets a policy although one was meant to be published."""
    reading = case.reading
    if reading.sts_record is None:
        why = "senders find no valid record at _mta-sts"
    elif reading.evidence.depth is Depth.DNS:
        sentence = "Only DNS was looked at, so the policy is not known."
        return _say(Verdict.CANNOT_TELL, sentence)
    elif unseen := explain_unseen(reading):
        sentence = (
            "Whether it is safe to enforce cannot be told: the policy could not be fetched from "
            "here. Senders that know one go on with it."
        )
        return _say(Verdict.CANNOT_TELL, sentence, (*unseen, *case.sts.explain(Outcome.FAILS)))
    else:
        why = "senders get no valid policy from the policy host"
    ready = " The MX hosts are ready." if case.sts.reach is Reach.ALL and case.sts.is_whole else ""
    sentence = f"It is not safe to enforce yet: {why}.{ready}"
    return _say(Verdict.NOT_YET, sentence, (*case.faults, *case.sts.explain(Outcome.FAILS)))


def _say_ready(case: _Case) -> Headline:
    """Answer the question of who has a policy in mode testing."""
    failing = case.sts.explain(Outcome.FAILS, Outcome.PARTLY)
    dane = " DANE is enforced already, and mail flows." if case.reading.has_dane else ""
    if failing or not case.sts.hosts:
        share = {
            Reach.PARTLY: "some addresses of MX hosts would be passed over",
            Reach.BACKUPS_FAIL: "mail to the backup hosts would be lost",
            Reach.BEST_FAILS: "mail that tries the best host first would take a detour or be lost",
        }.get(case.sts.reach, "all mail of senders that enforce would be lost")
        sentence = f"It is not safe to enforce yet: {share}.{dane}"
        return _say(Verdict.NOT_YET, sentence, failing or case.faults)
    if not case.sts.is_whole:
        return _say_unseen(case, "Whether it is safe to enforce", case.sts.explain(Outcome.UNKNOWN))
    sentence = (
        f"It is safe to enforce: the policy covers every MX host of {case.domain}, and each "
        f"has TLS with a valid certificate.{dane}"
    )
    sentence += _UNTESTED if case.sts.untested else ""
    sentence += _ERRORS if case.errors else ""
    return _say(Verdict.SAFE_TO_ENFORCE, sentence, (*case.sts.untested, *case.faults))


# -- words ----------------------------------------------------------------------------------


def _say_unseen(case: _Case, what: str, reasons: Sequence[str]) -> Headline:
    if case.reading.evidence.observer.may_use_port_25 is False:
        sentence = f"{what} cannot be told from here: connections to port 25 are blocked."
    elif case.reading.evidence.depth is not Depth.SMTP:
        sentence = f"{what} is not known: the MX hosts were not connected to."
    else:
        sentence = f"{what} cannot be told: MX hosts could not be tested."
    return _say(Verdict.CANNOT_TELL, sentence, _why_unseen(case) or reasons)


def _why_unseen(case: _Case) -> tuple[str, ...]:
    if case.reading.evidence.depth is not Depth.SMTP:
        return ()
    if case.reading.evidence.observer.may_use_port_25 is False:
        return ("Connections from this machine to port 25 are blocked, whatever the address.",)
    return case.sts.explain(Outcome.UNKNOWN)


def _list(names: Sequence[str]) -> str:
    if len(names) > 4:
        return name_some(names, 3)
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _say(verdict: Verdict, sentence: str, reasons: Sequence[str] = ()) -> Headline:
    shown = tuple(dict.fromkeys(reasons))[:MAX_REASONS]
    return Headline(verdict=verdict, sentence=sentence, reasons=shown)
