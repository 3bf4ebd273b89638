"""A scan that many machines share: what is ordered, what is handed out, how far it is."""

from dataclasses import dataclass
from datetime import datetime

import mailseal


class ScanUnknownError(mailseal.Error):
    """There is no scan of that number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOrder:
    """What a scan is to do; ``title`` is what its list was called, ``level`` a ``Depth``."""

    title: str
    level: str
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanBatch:
    """Some domains of a scan with their numbers, for one worker."""

    scan: int
    domains: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanStatus:
    """How far a scan is; ``total`` is None while domains are still being submitted.

    ``done_lately`` are results of the last minute, ``workers`` those heard of lately, whatever
    scan they work on.
    """

    scan: int
    title: str
    level: str
    submitted_at: datetime
    total: int | None
    done: int
    done_lately: int
    waiting_batches: int
    running_batches: int
    workers: int
