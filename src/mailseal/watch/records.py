"""What is stored of watched domains: each with its memory, its looks, and news on their way."""

from dataclasses import dataclass
from datetime import datetime

from mailseal.checks.changes import Span
from mailseal.checks.finding import Severity
from mailseal.names import Domain
from mailseal.watch.notice import Channel, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the last look came to, in a few numbers; ends are None where none was seen."""

    verdict: str
    sentence: str
    errors: int = 0
    warnings: int = 0
    unknown: int = 0
    infos: int = 0
    certificate_end: datetime | None = None
    signature_end: datetime | None = None

    def by_severity(self) -> tuple[tuple[Severity, int], ...]:
        """Return how many findings there were of each severity, the worst first."""
        return (
            (Severity.ERROR, self.errors),
            (Severity.WARNING, self.warnings),
            (Severity.UNKNOWN, self.unknown),
            (Severity.INFO, self.infos),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A domain that is watched.

    ``looked_at`` is the last look, ``succeeded_at`` the last one that could tell a verdict.
    ``memory`` is that of ``checks.memory`` as it is written.
    """

    domain: Domain
    added_at: datetime
    next_look_at: datetime
    looked_at: datetime | None = None
    succeeded_at: datetime | None = None
    figures: Figures | None = None
    memory: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look, kept.

    ``is_change`` says that it found something new, or something gone, or another verdict. The
    evidence, compressed, is kept of such a look and of the last one; it is None where it is not
    asked for, or was too large.
    """

    at: datetime
    verdict: str
    sentence: str
    is_change: bool = False
    evidence: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that one look changes, stored together or not at all.

    ``before`` is what was known when it began: if somebody else has looked since, it is void.
    ``spans`` are those that were open and what became of them, and new ones. ``notice`` goes out
    by each of ``channels``.
    """

    before: Watched
    observation: Observation
    is_success: bool
    next_look_at: datetime
    figures: Figures
    memory: bytes
    spans: tuple[Span, ...]
    notice: Notice | None = None
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notice on its way by one channel; ``attempts`` have failed so far."""

    id: str
    channel: Channel
    notice: Notice
    created_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A message that needs no more attempts: delivered, or given up for a reason."""

    at: datetime
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A message that is tried again."""

    until: datetime
    failure: str
