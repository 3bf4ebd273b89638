"""Which of the operator's exceptions have come to their end, or soon will.

An override or a pin that ends does so without a word to the operator before: mail that was let
through is held again, or mail that was protected is protected no more.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from mailseal.config.exceptions import OverrideSettings, PinSettings
from mailseal.config.settings import Config
from mailseal.envelope import EnvelopeError
from mailseal.mtasts.pins import MAX_LIST_BYTES, PinList, PinListError, recall_list
from mailseal.quoting import name_some

NOTICE = timedelta(days=14)  # ours: time to ask whoever wanted the exception
MAX_NAMED = 5  # of the domains of one override or list; the date is the same for all


def judge_expiry(config: Config, now: datetime) -> tuple[str, ...]:
    """Return a warning for each override, and for the list of pins, that has ended or soon will.

    Of pins only a list in a local file is read; one from a URL is the running service's to tell.
    """
    return (*_judge_overrides(config.overrides, now), *_judge_pins(config.pins, now))


def _judge_overrides(overrides: Sequence[OverrideSettings], now: datetime) -> Iterator[str]:
    for number, override in enumerate(overrides, 1):
        expires = override.expires
        if expires is None or now + NOTICE < expires:
            continue
        place = f"[[overrides]] number {number} for {_named(override.domains)}"
        if expires <= now:
            yield (
                f"{place} has expired {_shown(expires)} and counts no more; "
                "remove it, or write a later date"
            )
        else:
            yield (
                f"{place} expires {_shown(expires)}, and counts no more from then on; "
                "write a later date if it is still needed"
            )


def _judge_pins(settings: PinSettings, now: datetime) -> Iterator[str]:
    source = settings.source
    if source is None or not source.startswith("/"):
        return
    try:
        found = _read_list(Path(source), settings)
    except OSError:
        return  # that it cannot be read is told where configuration and machine are compared
    except (EnvelopeError, PinListError) as error:
        yield f"[pins] source {source} is refused, and the last good list used, if any: {error}"
        return
    if now + NOTICE < found.expires:
        return
    place = f"[pins] source {source}, which pins {_named(sorted(found.pins))},"
    if found.has_expired(now):
        yield (
            f"{place} has expired {_shown(found.expires)} and counts no more; "
            'sign it anew ("mailseal pins sign")'
        )
    else:
        yield (
            f"{place} expires {_shown(found.expires)}, and counts no more from then on; "
            'sign it anew in time ("mailseal pins sign")'
        )


def _read_list(path: Path, settings: PinSettings) -> PinList:
    # A FIFO would keep us waiting for a writer.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        return recall_list(file.read(MAX_LIST_BYTES + 1), keys=settings.keys)


def _named(names: Sequence[object]) -> str:
    return name_some(names, MAX_NAMED) or "no domain"


def _shown(instant: datetime) -> str:
    """Write an instant as the configuration does, the first moment of a day as a date."""
    if instant == datetime.combine(instant.date(), time(), UTC):
        return instant.date().isoformat()
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
