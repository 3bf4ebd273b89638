"""Looks at a domain one after another, as the watch makes them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Finding
from mailseal.checks.history import check_history
from mailseal.checks.memory import Memory, read_memory, remember, write_memory
from mailseal.checks.reading import read
from mailseal.testing.evidence import NOW, domain_evidence, fetch, policy_host, records, txt

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def policy(mode: str = "enforce", *mx: str, max_age: int = 604800) -> bytes:
    """Return a policy file."""
    lines = [f"mx: {name}" for name in mx or ("mx1.example.com",)]
    text = ["version: STSv1", f"mode: {mode}", *lines, f"max_age: {max_age}", ""]
    return "\r\n".join(text).encode()


def published(body: bytes, id_: str = "1", evidence: Evidence | None = None) -> Evidence:
    """Return evidence with another policy file and record."""
    evidence = evidence or domain_evidence()
    sts = txt(f"v=STSv1; id={id_};")
    return replace(
        evidence,
        policy_host=policy_host(fetch(body)),
        records=replace(evidence.records, sts=sts),
    )


@dataclass
class Timeline:
    """Remembers as the watch does, its memory written and read each time."""

    now: datetime = NOW
    memory: Memory | None = None
    found: tuple[Finding, ...] = field(default=())

    def look(self, evidence: Evidence, after: timedelta = HOUR) -> set[str]:
        """Look again a while later; return the codes found by comparison."""
        self.now += after
        reading = read(evidence, now=self.now)
        before = read_memory(write_memory(self.memory)) if self.memory else None
        self.memory = remember(before, reading)
        self.found = tuple(check_history(self.memory, reading))
        return codes(self.found)


def codes(findings: Iterable[Finding]) -> set[str]:
    """Return the codes of findings."""
    return {finding.code for finding in findings}


__all__ = ["DAY", "HOUR", "Timeline", "codes", "policy", "published", "records"]
