"""A policy from another daemon's cache, believed only as far as our own parser believes it.

postfix-mta-sts-resolver keeps, per domain, the record's id, the policy's fields as a JSON object
(``mx`` a list, the rest text, ``max_age`` a number) and one time: that of its last fetch, or of
its last look at an id that had stayed the same. What it let through, such as an ``mx`` with
blanks in it, is not let through here.
"""

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import mailseal
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import MAX_BODY_BYTES, PolicySyntaxError, parse_policy
from mailseal.names import Domain, NameSyntaxError

MAX_FIELDS_BYTES = 2 * MAX_BODY_BYTES  # ours: what a policy of the largest size becomes as JSON

_RECORD_ID = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)  # RFC 8461 §3.1
_FIRST = ("version", "mode", "mx", "max_age")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPolicy:
    """An entry as it was found, unchecked; ``fields`` is JSON, ``at`` seconds since 1970."""

    domain: str
    id: str
    fields: str
    at: float


class ForeignPolicyError(mailseal.Error):
    """An entry that cannot be taken over; the text says why."""


def take_over(found: ForeignPolicy, now: datetime) -> CachedPolicy:
    """Make a cached policy of an entry; raises ``ForeignPolicyError``.

    It rules until ``max_age`` after its time, as it did, and is fetched anew at once.
    """
    try:
        domain = Domain.parse(found.domain)
    except NameSyntaxError as error:
        raise ForeignPolicyError(str(error)) from error
    if not _RECORD_ID.fullmatch(found.id):
        raise ForeignPolicyError("its record's id is not 1 to 32 letters and digits")
    body = _body(found.fields)
    try:
        policy = parse_policy(body)
    except PolicySyntaxError as error:
        raise ForeignPolicyError(str(error)) from error
    fetched_at = min(_instant(found.at), now)
    expires_at = fetched_at + policy.max_age
    if expires_at <= now:
        raise ForeignPolicyError(f"it expired on {expires_at:%Y-%m-%d}")
    return CachedPolicy(
        domain=domain,
        id=found.id,
        policy=policy,
        body=body,
        fetched_at=fetched_at,
        expires_at=expires_at,
        id_checked_at=fetched_at,
        id_ttl=timedelta(0),
        refetch_at=now,
    )


def _body(text: str) -> bytes:
    """Write the file that the fields came from, as far as they tell."""
    if len(text) > MAX_FIELDS_BYTES:
        raise ForeignPolicyError(f"its policy has over {MAX_FIELDS_BYTES} characters")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ForeignPolicyError("its policy is not JSON") from error
    if not isinstance(fields, dict):
        raise ForeignPolicyError("its policy is no JSON object")
    lines: list[str] = []
    # PostgreSQL's jsonb has an order of its own, and the first of two fields would count.
    for key in (*_FIRST, *sorted(fields.keys() - set(_FIRST))):
        values = fields.get(key, [])
        several = values if isinstance(values, list) else [values]
        # A blank line was kept there as a field without name or value.
        lines += [_line(key, value) for value in several if key or value]
    try:
        return "".join(f"{line}\n" for line in lines).encode()
    except UnicodeEncodeError as error:
        raise ForeignPolicyError("its policy holds half a character") from error


def _line(key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ForeignPolicyError(f'its field "{key[:32]!a}" is neither text nor a number')
    try:
        line = f"{key}: {value}"
    except ValueError as error:  # Python refuses to write a number of over 4300 digits
        raise ForeignPolicyError("a number in its policy is too long") from error
    if "\n" in line or "\r" in line:
        raise ForeignPolicyError("a field of its policy spans lines")
    return line


def _instant(seconds: float) -> datetime:
    if not math.isfinite(seconds) or seconds <= 0:
        raise ForeignPolicyError("it has no date")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ForeignPolicyError("its date cannot be") from error
