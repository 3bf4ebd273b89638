"""Look-ups of a host's addresses that failed: A and AAAA do so each by itself (RFC 5321 §5.1).

A resolver that fails or stays silent proves no absence, whatever the other type has.
"""

from dataclasses import dataclass

from mailseal.answers import Answer, LookupFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedLookup:
    """The record types, "A", "AAAA" or both where they failed alike, and half a sentence why."""

    rdtypes: str
    reason: str


def failed_lookups(a: Answer[str], aaaa: Answer[str]) -> tuple[FailedLookup, ...]:
    """Return which of a host's look-ups failed."""
    reasons: dict[str, list[str]] = {}
    for rdtype, answer in (("A", a), ("AAAA", aaaa)):
        if isinstance(answer, LookupFailed):
            reasons.setdefault(answer.reason, []).append(rdtype)
    return tuple(
        FailedLookup(rdtypes=" and ".join(rdtypes), reason=reason)
        for reason, rdtypes in reasons.items()
    )
