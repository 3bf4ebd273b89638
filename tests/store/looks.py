"""Looks at watched domains to store, with every field set to something of its own."""

from datetime import datetime

from mailseal.checks.changes import Span
from mailseal.checks.finding import Finding, Severity
from mailseal.names import Domain
from mailseal.ports.historystore import HistoryStore
from mailseal.watch.notice import Channel, Notice
from mailseal.watch.records import Figures, Look, Observation, Watched
from tests.store.samples import DAY, HOUR, NOW

DOMAIN, OTHER = Domain("example.com"), Domain("example.net")
FINDING = Finding(
    code="certificate-expired", severity=Severity.ERROR, subject="mx1.example.com", seen="It is."
)
FIGURES = Figures(
    verdict="enforcing-and-losing-mail",
    sentence="Mail is lost.",
    errors=1,
    certificate_end=NOW + DAY,
)


def look(before: Watched, at: datetime, *spans: Span, notice: Notice | None = None) -> Look:
    """Return a look that found these."""
    return Look(
        before=before,
        observation=Observation(
            at=at, verdict=FIGURES.verdict, sentence=FIGURES.sentence, evidence=b"evidence"
        ),
        is_success=True,
        next_look_at=at + 6 * HOUR,
        figures=FIGURES,
        memory=b"{}",
        spans=spans,
        notice=notice,
        channels=(Channel.MAIL, Channel.WEBHOOK),
    )


def notice(at: datetime = NOW) -> Notice:
    """Return news."""
    return Notice(
        domain=DOMAIN, at=at, verdict=FIGURES.verdict, sentence="Mail is lost.", added=(FINDING,)
    )


def span(first_seen: datetime = NOW) -> Span:
    """Return an open finding."""
    return Span(finding=FINDING, first_seen=first_seen, last_seen=first_seen)


async def watch(history: HistoryStore, domain: Domain = DOMAIN) -> Watched:
    """Watch a domain and claim it."""
    await history.add(domain, now=NOW, at_most=10)
    claimed = await history.claim(domain, NOW, until=NOW + HOUR)
    assert claimed is not None
    return claimed
