"""Notices as the body of a webhook, and the signature that proves who sent it and when."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from mailseal.checks.findingjson import to_item
from mailseal.watch.notice import Notice, id_of

VERSION = 1  # of the form; fields may be added without another number
SIGNATURE_HEADER = "Mailseal-Signature"


def render_json(notices: Sequence[Notice]) -> bytes:
    """Return the body; each event has an id of its own, the same on every attempt."""
    events = [_event(notice) for notice in notices]
    return msgspec.json.encode({"version": VERSION, "id": id_of(notices), "events": events})


def sign(body: bytes, secret: bytes, at: datetime) -> str:
    """Return the value of the header: when it was sent, and HMAC-SHA256 over that and the body.

    The receiver computes it over ``TIME.BODY`` and refuses what is older than some minutes.
    """
    time = str(int(at.timestamp()))
    digest = hmac.new(secret, time.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={digest}"


def _event(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "event": "test" if notice.is_test else "changed",
        "domain": notice.domain,
        "at": notice.at,
        "headline": notice.headline,
        "verdict": notice.verdict,
        "verdict_before": notice.verdict_before,
        "sentence": notice.sentence,
        "added": [to_item(one) for one in notice.added],
        "worse": [to_item(one) for one in notice.worse],
        "resolved": [to_item(one) for one in notice.resolved],
        "still_there": notice.still_there,
    }
