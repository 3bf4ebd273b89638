"""A judgement as an object for programs: its fields are never renamed, and new ones may come.

The types are what the JSON schema of the reference and the OpenAPI description are made of.
"""

import json
from datetime import datetime
from typing import Annotated, Any

import msgspec

from mailseal.checks.areas import Area, area_of
from mailseal.checks.evidence import Depth
from mailseal.checks.finding import Finding, exit_code
from mailseal.checks.findingjson import FindingItem, about, to_item
from mailseal.checks.judge import Judgement
from mailseal.checks.layout import lay_out
from mailseal.checks.overview import AreaView, Cell, Mark, MxAddress, MxView, PolicyAddress
from mailseal.checks.saved import write_evidence
from mailseal.checks.verdict import Verdict
from mailseal.mtasts.policy import Mode

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class FoundItem(FindingItem, frozen=True, kw_only=True):
    """A finding: what was seen, what follows for mail, what to do."""

    area: Area


class MarkedText(msgspec.Struct, frozen=True, kw_only=True):
    """A few words for people, and how they stand."""

    text: str
    mark: Mark


class FactLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is there; without a label it belongs to the line before."""

    label: str
    text: str
    mark: Mark


class AreaPart(msgspec.Struct, frozen=True, kw_only=True):
    """One mechanism; its mark is that of its worst finding."""

    area: Area
    mark: Mark
    facts: tuple[FactLine, ...]


class PolicyPart(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that is served."""

    mode: Mode
    max_age: Annotated[int, about("Seconds.")]
    mx: tuple[str, ...]


class PolicyAddressPart(msgspec.Struct, frozen=True, kw_only=True):
    """One address of the policy host."""

    address: str
    tls: MarkedText
    certificate: MarkedText
    not_after: Instant | None
    answer: MarkedText


class MxAddressPart(msgspec.Struct, frozen=True, kw_only=True):
    """One address of an MX host."""

    address: str
    starttls: MarkedText
    tls: MarkedText
    certificate: MarkedText
    not_after: Instant | None
    dane: Annotated[MarkedText, about("The TLSA record that matches, as usage, selector, type.")]
    note: Annotated[str, about("What ended the session early; empty where nothing did.")]


class MxHostPart(msgspec.Struct, frozen=True, kw_only=True):
    """One MX host, best preference first."""

    name: str
    preference: int
    mark: Mark
    covered: Annotated[MarkedText, about("Whether the policy names it.")]
    dane: Annotated[MarkedText, about("Whether it has TLSA records that count.")]
    addresses: tuple[MxAddressPart, ...]


class ObserverPart(msgspec.Struct, frozen=True, kw_only=True):
    """Who looked, and what it could see."""

    program: str
    name: str
    validates: Annotated[bool | None, about("Whether the resolver validates DNSSEC.")]
    may_use_port_25: Annotated[bool | None, about("false where port 25 is blocked from there.")]


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a check of one domain came to."""

    domain: Annotated[str, about("In lower case, as A-labels.")]
    observed_at: Annotated[Instant, about("When the observation ended.")]
    seconds: Annotated[float, about("How long it took.")]
    depth: Depth
    is_deep: bool
    observer: ObserverPart
    verdict: Verdict
    sentence: Annotated[str, about("The verdict in words.")]
    reasons: Annotated[tuple[str, ...], about("For the verdict, the most important first.")]
    exit_code: Annotated[int, about("0 good, 1 warnings, 2 errors, 3 unknown.")]
    areas: tuple[AreaPart, ...]
    policy: PolicyPart | None
    policy_addresses: tuple[PolicyAddressPart, ...]
    mx_hosts: tuple[MxHostPart, ...]
    findings: Annotated[tuple[FoundItem, ...], about("The worst first.")]
    evidence: Annotated[
        dict[str, Any] | msgspec.UnsetType,
        about("What was observed, as --save-evidence keeps it; only when asked for."),
    ] = msgspec.UNSET


def to_answer(judgement: Judgement, *, has_evidence: bool = False) -> CheckAnswer:
    """Return the object of one judgement."""
    evidence = judgement.reading.evidence
    observer = evidence.observer
    overview = lay_out(judgement)
    policy = judgement.reading.served_policy
    return CheckAnswer(
        domain=str(judgement.domain),
        observed_at=evidence.finished_at,
        seconds=round((evidence.finished_at - evidence.started_at).total_seconds(), 3),
        depth=evidence.depth,
        is_deep=evidence.is_deep,
        observer=ObserverPart(
            program=observer.program,
            name=observer.name,
            validates=observer.validates,
            may_use_port_25=observer.may_use_port_25,
        ),
        verdict=judgement.headline.verdict,
        sentence=judgement.headline.sentence,
        reasons=judgement.headline.reasons,
        exit_code=exit_code(one.severity for one in judgement.findings),
        areas=tuple(_area(view) for view in overview.areas),
        policy=None
        if policy is None
        else PolicyPart(
            mode=policy.mode,
            max_age=int(policy.max_age.total_seconds()),
            mx=tuple(map(str, policy.mx)),
        ),
        policy_addresses=tuple(map(_policy_address, overview.policy_addresses)),
        mx_hosts=tuple(map(_mx_host, overview.mx_hosts)),
        findings=tuple(map(_finding, judgement.findings)),
        evidence=json.loads(write_evidence(evidence)) if has_evidence else msgspec.UNSET,
    )


def _area(view: AreaView) -> AreaPart:
    facts = (
        FactLine(label=str(one.label), text=str(one.text), mark=one.mark) for one in view.facts
    )
    return AreaPart(area=view.area, mark=view.mark, facts=tuple(facts))


def _cell(cell: Cell) -> MarkedText:
    return MarkedText(text=str(cell.text), mark=cell.mark)


def _policy_address(one: PolicyAddress) -> PolicyAddressPart:
    return PolicyAddressPart(
        address=one.address,
        tls=_cell(one.tls),
        certificate=_cell(one.certificate),
        not_after=one.not_after,
        answer=_cell(one.answer),
    )


def _mx_address(one: MxAddress) -> MxAddressPart:
    return MxAddressPart(
        address=one.address,
        starttls=_cell(one.starttls),
        tls=_cell(one.tls),
        certificate=_cell(one.certificate),
        not_after=one.not_after,
        dane=_cell(one.dane),
        note=one.note,
    )


def _mx_host(host: MxView) -> MxHostPart:
    return MxHostPart(
        name=str(host.name),
        preference=host.preference,
        mark=host.mark,
        covered=_cell(host.covered),
        dane=_cell(host.dane),
        addresses=tuple(map(_mx_address, host.addresses)),
    )


def _finding(finding: Finding) -> FoundItem:
    return FoundItem(area=area_of(finding.code), **msgspec.structs.asdict(to_item(finding)))
