"""The figures of a summary: which groups there are, in words, for text and picture alike."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mailseal.checks.finding import Severity
from mailseal.checks.verdict import Verdict
from mailseal.checks.webpki import GOOD_VERSIONS
from mailseal.mtasts.policy import Mode
from mailseal.scans.result import MxState, State
from mailseal.scans.tally import (
    EVERY_ADDRESS,
    EVERY_HOST,
    LONGER,
    MAX_AGES,
    NO_ADDRESS,
    SOME_ADDRESSES,
    SOME_HOSTS,
    UNKNOWN,
)

if TYPE_CHECKING:
    from mailseal.scans.tally import Tally

T = TypeVar("T")

MAX_CODES = 15  # ours: those that matter; JSON has all
COLUMNS = 34  # of a label in text

_VERDICTS = (  # who enforces first
    Verdict.HEALTHY,
    Verdict.LOSING_MAIL,
    Verdict.SAFE_TO_ENFORCE,
    Verdict.NOT_YET,
    Verdict.NOT_PUBLISHED,
    Verdict.CANNOT_TELL,
)
_MX = {
    MxState.PRESENT: "with MX records",
    MxState.IMPLICIT: "without: the domain itself",
    MxState.NULL: "take no mail (null MX)",
    MxState.INVALID: "MX records without a host",
    MxState.NOWHERE: "neither MX nor address",
    MxState.UNKNOWN: "could not be looked up",
}
_POLICIES = {
    State.PRESENT: "a valid policy",
    State.INVALID: "an answer that is none",
    State.ABSENT: "no policy",
    State.UNKNOWN: "could not be reached",
}
_MODES = {Mode.ENFORCE: "enforce", Mode.TESTING: "testing", Mode.NONE: "none"}
_STARTTLS = (EVERY_ADDRESS, SOME_ADDRESSES, NO_ADDRESS, UNKNOWN)
_TLS = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One count; ``is_bad`` marks what mail suffers from."""

    label: str
    count: int
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Counts of one kind; ``of`` is what they are a share of, called ``unit``."""

    title: str
    of: int
    unit: str
    bars: tuple[Bar, ...]


def figures(tally: "Tally") -> Iterator[Group]:
    """Yield the groups that have anything in them."""
    for group in _groups(tally):
        if any(bar.count for bar in group.bars):
            yield group


def _groups(tally: "Tally") -> Iterator[Group]:
    yield Group(
        title="Verdicts",
        of=tally.domains,
        unit="domains",
        bars=tuple(
            Bar(label=one.words, count=tally.verdicts[one], is_bad=one.is_bad) for one in _VERDICTS
        ),
    )
    yield Group(title="Mail", of=tally.domains, unit="domains", bars=_bars(tally.mx, _MX))
    yield Group(
        title="Adoption", of=tally.takes_mail, unit="domains with mail", bars=_adoption(tally)
    )
    yield Group(
        title="Policy hosts serve",
        of=tally.policies.total(),
        unit="domains with a record",
        bars=_bars(tally.policies, _POLICIES, bad={State.INVALID, State.ABSENT}),
    )
    yield Group(
        title="Modes",
        of=tally.modes.total(),
        unit="policies",
        bars=_bars(tally.modes, _MODES),
    )
    ages = [name for _, name in MAX_AGES] + [LONGER]
    yield Group(
        title="Policies are valid for (max_age)",
        of=tally.max_ages.total(),
        unit="policies",
        bars=_bars(tally.max_ages, dict(zip(ages, ages, strict=True))),
    )
    yield Group(
        title="STARTTLS on mail servers",
        of=tally.starttls.total(),
        unit="domains asked",
        bars=_bars(tally.starttls, {one: one for one in _STARTTLS}, bad={NO_ADDRESS}),
    )
    versions = [*_TLS, *sorted(set(tally.tls) - set(_TLS))]
    yield Group(
        title="TLS versions of mail servers",
        of=tally.tls.total(),
        unit="sessions",
        bars=_bars(tally.tls, {one: one for one in versions}, bad=set(versions) - GOOD_VERSIONS),
    )
    for severity, title in (
        (Severity.ERROR, "Errors"),
        (Severity.WARNING, "Warnings"),
        (Severity.UNKNOWN, "What could not be found out"),
    ):
        codes = tally.findings[severity].most_common(MAX_CODES)
        yield Group(
            title=title,
            of=tally.domains,
            unit="domains",
            bars=tuple(
                Bar(label=code, count=count, is_bad=severity is Severity.ERROR)
                for code, count in codes
            ),
        )
    yield Group(
        title="Not examined",
        of=tally.entries,
        unit="entries",
        bars=tuple(Bar(label=name, count=count) for name, count in tally.faults.most_common()),
    )


def _adoption(tally: "Tally") -> tuple[Bar, ...]:
    return (
        Bar(label="MTA-STS record", count=tally.sts[State.PRESENT]),
        Bar(label="MTA-STS record, broken", count=tally.sts[State.INVALID], is_bad=True),
        Bar(label="MTA-STS policy served", count=tally.policies[State.PRESENT]),
        Bar(label="MTA-STS in mode enforce", count=tally.modes[Mode.ENFORCE]),
        Bar(label="TLSRPT record", count=tally.tlsrpt[State.PRESENT]),
        Bar(label="DANE on every MX host", count=tally.dane[EVERY_HOST]),
        Bar(label="DANE on some MX hosts", count=tally.dane[SOME_HOSTS]),
    )


def _bars(
    counter: Mapping[T, int], labels: Mapping[T, str], bad: Collection[T] = ()
) -> tuple[Bar, ...]:
    return tuple(
        Bar(label=label, count=counter[one], is_bad=one in bad) for one, label in labels.items()
    )


def share(count: int, of: int) -> str:
    """Return a share as people read it: never 0 % for something, never 100 % for not all."""
    if not of:
        return "-"
    percent = 100 * count / of
    if 0 < percent < 0.01:
        return "<0.01 %"
    if percent > 99.9 and count < of:
        return ">99.9 %"
    return f"{percent:.2f} %" if 0 < percent < 1 else f"{percent:.1f} %"


def render_text(tally: "Tally") -> str:
    """Return all figures as text, readable at 80 columns."""
    lines = [head(tally)]
    for group in figures(tally):
        lines += ["", f"{group.title} (of {group.of:,} {group.unit})"]
        lines += [
            f"  {bar.label[:COLUMNS]:{COLUMNS}} {bar.count:>12,} {share(bar.count, group.of):>9}"
            for bar in group.bars
            if bar.count
        ]
    return "\n".join(lines) + "\n"


def head(tally: "Tally") -> str:
    """Return how much was looked at, and when."""
    days = span(tally)
    return f"{tally.domains:,} domains" + (f", {days}" if days else "")


def span(tally: "Tally") -> str:
    """Return from when to when the observations were made, in days; nothing if there are none."""
    if tally.first_at is None or tally.last_at is None:
        return ""
    first, last = f"{tally.first_at:%Y-%m-%d}", f"{tally.last_at:%Y-%m-%d}"
    return first if first == last else f"{first} to {last}"
