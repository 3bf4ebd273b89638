"""How far a scan has come, in one line: for a terminal again and again, else now and then."""

import sys
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TextIO

from mailseal.checks.verdict import Verdict
from mailseal.services.scanner import ScanCounts

WINDOW_SECONDS = 60.0  # ours: the rate is that of the last minute
QUIET_SECONDS = 60.0  # ours: how often a line is written where nobody watches

_ERASE_LINE = "\r\x1b[K"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a scan has come; ``total`` is None where nobody knows how long the list is."""

    counts: ScanCounts
    duplicates: int
    total: int | None

    @property
    def done(self) -> int:
        """Return how many entries of the list need no more work."""
        return self.counts.done + self.counts.spared + self.duplicates


class Rate:
    """Entries a second, over the last minute or since the start."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, at: float, done: int) -> float:
        """Return the rate as of now."""
        self._samples.append((at, done))
        while at - self._samples[0][0] > WINDOW_SECONDS and len(self._samples) > 2:
            self._samples.popleft()
        begin, before = self._samples[0]
        return (done - before) / (at - begin) if at > begin else 0.0


def render(standing: Standing, rate: float) -> str:
    """Return the line, at most 79 columns for a list of up to ten million."""
    counts = standing.counts
    verdicts = counts.verdicts
    bad = sum(count for verdict, count in verdicts.items() if verdict.is_bad)
    if standing.total is None:
        parts = [f"{standing.done:,} done"]
    else:
        share = standing.done / max(standing.total, 1)
        parts = [f"{standing.done:,}/{standing.total:,} ({share:.1%})"]
    parts.append(f"{rate:.0f}/s")
    if standing.total is not None and rate > 0:
        parts.append(f"{render_time((standing.total - standing.done) / rate)} left")
    parts.append(f"{bad:,} broken")
    parts.append(f"{verdicts[Verdict.CANNOT_TELL]:,} unclear")
    if counts.faults:
        parts.append(f"{counts.faults:,} not examined")
    return "  ".join(parts)


def render_time(seconds: float) -> str:
    """Return a duration in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min" if minutes >= 10 else f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{timedelta(hours=hours).days} d {hours % 24} h"


class ProgressLine:
    """Writes lines on progress to where a person may see them."""

    def __init__(self, stream: TextIO | None = None, *, is_quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._is_quiet = is_quiet
        self._is_terminal = self._stream.isatty()
        self._rate = Rate()
        self._written_at: float | None = None

    def show(self, standing: Standing, at: float) -> None:
        """Show how far it is; ``at`` is monotonic."""
        rate = self._rate.sample(at, standing.done)
        if self._is_quiet:
            return
        if self._is_terminal:
            self._stream.write(_ERASE_LINE + render(standing, rate))
            self._stream.flush()
            return
        if self._written_at is None:
            self._written_at = at
        elif at - self._written_at >= QUIET_SECONDS:
            self._written_at = at
            print(render(standing, rate), file=self._stream, flush=True)

    def end(self, text: str) -> None:
        """Put the last word in place of the line."""
        if self._is_terminal and not self._is_quiet:
            self._stream.write(_ERASE_LINE)
        print(text, file=self._stream, flush=True)
