"""Overrides, pins and the ruling made of them, as JSON values for explanations."""

from datetime import datetime
from typing import Any

from mailseal.mtasts.pins import pin_document, render_instant
from mailseal.overrides import Match
from mailseal.ruling import Ruling
from mailseal.services.pinbook import PinBook, PinStanding

Document = dict[str, Any]


def override_document(match: Match | None) -> Document | None:
    """Return the override that counted, with the name that it was found by."""
    if match is None:
        return None
    override = match.override
    return {
        "matched": match.scope.text,
        "domains": [scope.text for scope in override.domains],
        "sts": override.sts and override.sts.value,
        "mx": [pattern.text for pattern in override.mx],
        "dane": override.dane and override.dane.value,
        "expires": _optional(override.expires),
        "comment": override.comment,
    }


def pin_standing_document(standing: PinStanding | None) -> Document | None:
    """Return a domain's pin, and whether it would count where nothing goes before it."""
    if standing is None:
        return None
    if standing.has_expired:
        state = "expired"
    elif standing.pin.hold:
        state = "held"
    else:
        state = "replaced" if standing.replaced_at else "available"
    return {
        "hold": False,
        "comment": "",
        **pin_document(standing.pin),
        "state": state,
        "issued": render_instant(standing.issued),
        "expires": render_instant(standing.expires),
        "replaced_at": _optional(standing.replaced_at),
    }


def ruling_document(ruling: Ruling) -> Document:
    """Return which policy counted and on whose word."""
    return {
        "policy_from": ruling.source.value,
        "mode": ruling.policy.mode.value if ruling.policy else None,
        "mx": [pattern.text for pattern in ruling.policy.mx] if ruling.policy else [],
        "mode_changed_by": ruling.mode_changed_by and ruling.mode_changed_by.value,
    }


def pins_document(book: PinBook) -> Document:
    """Return the state of the list in use, without its pins."""
    found = book.in_use
    return {
        "source": book.source_name,
        "in_use": found
        and {
            "issued": render_instant(found.issued),
            "expires": render_instant(found.expires),
            "pins": len(found.pins),
            "replaced": book.replaced_count,
        },
        "trouble": book.trouble,
    }


def _optional(instant: datetime | None) -> str | None:
    return None if instant is None else render_instant(instant)
