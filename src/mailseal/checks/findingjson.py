"""A finding as an object of JSON: the same in reports, in news by webhook, and in histories."""

from typing import Annotated

import msgspec

from mailseal.checks.finding import Finding, Kind, Severity
from mailseal.results import ResultType


def about(text: str) -> msgspec.Meta:
    """Describe a field, for the schema."""
    return msgspec.Meta(description=text)


class ReadyText(msgspec.Struct, frozen=True, kw_only=True):
    """A text to be used as it is."""

    kind: Kind
    place: Annotated[str, about("A name in DNS, a URL or a file.")]
    text: str


class FindingItem(msgspec.Struct, frozen=True, kw_only=True):
    """A finding: what was seen, what follows for mail, what to do."""

    code: Annotated[str, about("Stable; the catalogue of findings explains each.")]
    severity: Severity
    subject: Annotated[str, about('A domain, an MX host, or "host [address]".')]
    seen: str
    follows: Annotated[str, about("Empty where nothing follows.")]
    remedy: Annotated[str, about("Empty where there is nothing to do.")]
    ready: tuple[ReadyText, ...]
    clause: Annotated[str, about("Of the RFC.")]
    result: Annotated[ResultType | None, about("The word of senders' TLS reports.")]


def to_item(finding: Finding) -> FindingItem:
    """Return the object of a finding."""
    return FindingItem(
        code=finding.code,
        severity=finding.severity,
        subject=str(finding.subject),  # msgspec writes no Domain
        seen=finding.seen,
        follows=finding.follows,
        remedy=finding.remedy,
        ready=tuple(
            ReadyText(kind=one.kind, place=str(one.place), text=str(one.text))
            for one in finding.ready
        ),
        clause=finding.clause,
        result=finding.result,
    )
