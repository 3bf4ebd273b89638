"""Pinned policies: a signed list of what domains enforce, known before the first mail to them.

RFC 8461 §10 leaves the first look-up unprotected: who blocks it makes a domain look as if it had
no policy. A pin closes that gap. It ranks as a policy fetched earlier would: DANE goes before it,
and what the domain itself serves replaces it, unless the list says to hold it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import mailseal
from mailseal.envelope import PublicKey, unseal
from mailseal.mtasts.fields import MAX_MX_PATTERNS
from mailseal.mtasts.pattern import MxPattern, PatternSyntaxError
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain, NameSyntaxError

PAYLOAD_TYPE = "application/vnd.mailseal.pins+json"
VERSION = 1
MAX_LIST_BYTES = 16 * 1024 * 1024  # ours, of the envelope: 50 000 pins with two patterns need 8
MAX_PINS = 50_000
MAX_LIFE = timedelta(days=366)  # ours: a list that nobody looks after must come to an end
MAX_CLOCK_SKEW = timedelta(hours=1)  # ours: a list issued later than that is dated wrongly
MAX_COMMENT_CHARS = 200

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


class PinListError(mailseal.Error):
    """A text is no list of pins, or not one that may be used now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a domain enforces, or tests, by the word of the list.

    ``hold`` keeps it in force whatever the domain serves.
    """

    policy: Policy
    hold: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinList:
    """All pins of one issue; in force from ``issued`` until just before ``expires``."""

    issued: datetime
    expires: datetime
    pins: Mapping[Domain, Pin] = field(default_factory=lambda: MappingProxyType({}))

    def has_expired(self, now: datetime) -> bool:
        """Tell whether its pins no longer count."""
        return now >= self.expires


def open_list(
    envelope: bytes, *, keys: tuple[PublicKey, ...], now: datetime, stored: PinList | None
) -> PinList:
    """Check a signed list from outside and return it, or say why it must not be used.

    ``stored`` is the list that is in use: an older one is refused, for whoever could serve it
    again could bring back what was taken off. Raises ``PinListError`` and ``EnvelopeError``.
    """
    if len(envelope) > MAX_LIST_BYTES:
        raise PinListError(f"has over {MAX_LIST_BYTES} bytes")
    found = parse_list(unseal(envelope, PAYLOAD_TYPE, keys))
    if found.has_expired(now):
        raise PinListError(f"expired {render_instant(found.expires)}")
    if found.issued > now + MAX_CLOCK_SKEW:
        raise PinListError(f"is issued in the future, {render_instant(found.issued)}")
    if stored is not None and found.issued < stored.issued:
        raise PinListError(
            f"is older than the one in use: issued {render_instant(found.issued)}, "
            f"in use {render_instant(stored.issued)}"
        )
    if stored is not None and found.issued == stored.issued and found != stored:
        raise PinListError(
            f"differs from the one in use, though both are issued {render_instant(found.issued)}"
        )
    return found


def recall_list(envelope: bytes, *, keys: tuple[PublicKey, ...]) -> PinList:
    """Read a list again that was found good before; raises as ``open_list`` does.

    Its dates are not looked at: an expired one still tells which lists are older, and a clock
    that was set back must not take the pins away.
    """
    if len(envelope) > MAX_LIST_BYTES:
        raise PinListError(f"has over {MAX_LIST_BYTES} bytes")
    return parse_list(unseal(envelope, PAYLOAD_TYPE, keys))


def parse_list(payload: bytes) -> PinList:
    """Read the signed document; raises ``PinListError``. Unknown fields are passed over."""
    document = read_json(payload)
    if document.get("version") != VERSION:
        raise PinListError(f"version is {_shown(document.get('version'))}, expected {VERSION}")
    issued = _instant(document.get("issued"), "issued")
    expires = _instant(document.get("expires"), "expires")
    if not timedelta(0) < expires - issued <= MAX_LIFE:
        raise PinListError(f"expires is not within {MAX_LIFE.days} days after issued")
    return PinList(issued=issued, expires=expires, pins=parse_pins(document.get("policies")))


def read_json(payload: bytes) -> dict[str, Any]:
    """Read a JSON object in which no name is there twice; raises ``PinListError``."""
    try:
        document: object = json.loads(payload, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise PinListError(f"is not JSON: {str(error)[:200]}") from error
    return _object(document, "the list")


def parse_pins(raw: object) -> Mapping[Domain, Pin]:
    """Read ``policies``, domain by domain; raises ``PinListError``."""
    policies = _object(raw, "policies")
    if len(policies) > MAX_PINS:
        raise PinListError(f"has {len(policies)} policies, expected at most {MAX_PINS}")
    pins: dict[Domain, Pin] = {}
    for name, table in policies.items():
        try:
            domain = Domain.parse(name)
        except NameSyntaxError as error:
            raise PinListError(f"policies: {error}") from error
        if domain in pins:
            raise PinListError(f"{domain} is there twice")
        pins[domain] = _pin(domain, _object(table, domain))
    return MappingProxyType(pins)


def render_list(found: PinList) -> bytes:
    """Write the document that is to be signed."""
    policies = {str(domain): pin_document(pin) for domain, pin in sorted(found.pins.items())}
    document = {
        "version": VERSION,
        "issued": render_instant(found.issued),
        "expires": render_instant(found.expires),
        "policies": policies,
    }
    return json.dumps(document, indent=1).encode()


def pin_document(pin: Pin) -> dict[str, Any]:
    """Return a pin as JSON values."""
    document: dict[str, Any] = {
        "mode": pin.policy.mode.value,
        "mx": [pattern.text for pattern in pin.policy.mx],
    }
    if pin.hold:
        document["hold"] = True
    if pin.comment:
        document["comment"] = pin.comment
    return document


def render_instant(instant: datetime) -> str:
    """Write an instant as the list does: UTC, whole seconds."""
    return instant.astimezone(UTC).strftime(_INSTANT)


def _pin(domain: Domain, table: dict[str, Any]) -> Pin:
    mode = table.get("mode", Mode.ENFORCE.value)
    if mode not in (Mode.ENFORCE.value, Mode.TESTING.value):
        raise PinListError(f'{domain}: mode is {_shown(mode)}, expected "enforce" or "testing"')
    patterns = table.get("mx")
    if not isinstance(patterns, list) or not 0 < len(patterns) <= MAX_MX_PATTERNS:
        raise PinListError(f"{domain}: mx is not a list of 1 to {MAX_MX_PATTERNS} patterns")
    hold = table.get("hold", False)
    comment = table.get("comment", "")
    if not isinstance(hold, bool):
        raise PinListError(f"{domain}: hold is {_shown(hold)}, expected true or false")
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARS:
        raise PinListError(f"{domain}: comment is not a text of {MAX_COMMENT_CHARS} characters")
    policy = Policy(
        mode=Mode(mode),
        # A pin lasts as long as its list; no reply shows this.
        max_age=MAX_LIFE,
        mx=tuple(dict.fromkeys(_pattern(domain, pattern) for pattern in patterns)),
    )
    return Pin(policy=policy, hold=hold, comment=comment)


def _pattern(domain: Domain, raw: object) -> MxPattern:
    try:
        pattern = MxPattern.parse(raw if isinstance(raw, str) else "")
    except PatternSyntaxError as error:
        raise PinListError(f"{domain}: mx: {error}") from error
    if not pattern.is_usable:
        # In a file of strangers it is passed over; whoever writes a pin wants it to work.
        raise PinListError(f"{domain}: mx: {_shown(raw)} is a single label")
    return pattern


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return document


def _object(raw: object, what: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise PinListError(f"{what} is {_shown(raw)}, expected an object")
    return raw


def _instant(raw: object, name: str) -> datetime:
    try:
        return datetime.strptime(str(raw), _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        raise PinListError(
            f'{name} is {_shown(raw)}, expected an instant such as "2026-07-01T12:00:00Z"'
        ) from None


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)[:70]
    return text if len(text) < 70 else text + "…"
