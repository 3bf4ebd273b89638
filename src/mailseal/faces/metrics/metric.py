"""What a metric is: its name, its type, its labels and its paragraph.

Names follow Prometheus' rules: base units, ``_total`` behind counters, which is left out here.
"""

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """What Prometheus calls the type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric; ``about`` has one sentence per line, the first is its HELP text."""

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    about: str

    @property
    def help(self) -> str:
        """Return the first sentence."""
        return self.about.partition("\n")[0]

    @property
    def series(self) -> tuple[str, ...]:
        """Return the names that a query can use."""
        match self.kind:
            case Kind.COUNTER:
                return (f"{self.name}_total",)
            case Kind.HISTOGRAM:
                return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
            case Kind.GAUGE:
                return (self.name,)


def counter(name: str, about: str, *labels: str) -> Metric:
    """Return a metric that only rises; ``name`` has neither our prefix nor ``_total``."""
    return Metric(name=f"mailseal_{name}", kind=Kind.COUNTER, labels=labels, about=about)


def gauge(name: str, about: str, *labels: str) -> Metric:
    """Return a metric that rises and falls; ``name`` is without our prefix."""
    return Metric(name=f"mailseal_{name}", kind=Kind.GAUGE, labels=labels, about=about)


def histogram(name: str, about: str) -> Metric:
    """Return a metric of durations; ``name`` is without our prefix."""
    return Metric(name=f"mailseal_{name}", kind=Kind.HISTOGRAM, about=about)
