"""Turns the integers of both processes into the families of the catalogue, when a scrape asks."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry

import mailseal
from mailseal.faces.metrics import decisions, policies, questions, resources, service, watching
from mailseal.faces.metrics.metric import Kind, Metric
from mailseal.services.census import Figures
from mailseal.services.meter import Meter
from mailseal.services.tallies import Durations

if TYPE_CHECKING:
    # It knows every check, and a service without watched domains loads none.
    from mailseal.services.watchservice import WatchService

Counters = Mapping[str, int]
Samples = Iterable[tuple[tuple[str, ...], float]]

ANSWERER, RESOLVER = "answerer", "resolver"
WAIT_BUCKET = "wait_bucket_"  # how the answerer names its buckets of waits
VALIDATES = "resolver_validates "  # how the self-test names what it knows of an address

# The answerer's names and ours.
_REQUESTS = {
    "hit": "hits",
    "hit-long-way": "slow_hits",
    "waited": "waited",
    "no-lookup": "no_lookup",
    "overloaded": "overloaded",
    "unknown-map": "unknown_map",
    "malformed": "malformed",
}
_CONNECTION_EVENTS = {
    "accepted": "connections_accepted",
    "refused": "connections_refused",
    "idle-closed": "idle_closed",
    "slow-dropped": "slow_readers_dropped",
}
_IN_MEMORY = {"domains": "domains_in_memory", "mx-sets": "mx_sets", "hosts": "hosts"}
_EVICTED = {"domains": "domains_evicted", "mx-sets": "mx_sets_evicted", "hosts": "hosts_evicted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is known at the moment of a scrape.

    ``answerer`` is None when it did not tell its numbers, ``figures`` until policies were counted.
    """

    answerer: Counters | None
    service: Counters
    meter: Meter
    figures: Figures | None
    usage: Counters
    started_at: datetime
    watch: "WatchService | None" = None


class SnapshotCollector(Collector):
    """Gives one snapshot to prometheus-client."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Family]:
        """Yield every family that there are numbers for."""
        snapshot = self._snapshot
        yield _family(service.ANSWERER_UP, [((), int(snapshot.answerer is not None))])
        if snapshot.answerer is not None:
            yield from _answerer(snapshot.answerer)
        yield from _service(snapshot.service)
        yield from _meter(snapshot.meter)
        if snapshot.figures is not None:
            yield from _figures(snapshot.figures)
        if snapshot.watch is not None:
            yield from _watch(snapshot.watch)
        yield from _itself(snapshot)


def registry_of(snapshot: Snapshot) -> CollectorRegistry:
    """Return a registry of this one snapshot, for an encoder to write."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot))
    return registry


def _answerer(counters: Counters) -> Iterator[Family]:
    yield _family(questions.REQUESTS, _renamed(_REQUESTS, counters))
    causes = {"miss": "asked", "renewal": "renewed"}
    yield _family(questions.QUESTIONS, _renamed(causes, counters))
    yield _family(questions.LATE, _single(counters, "late"))
    buckets = [counters.get(f"{WAIT_BUCKET}{number}", 0) for number in range(Durations.COUNT)]
    yield _histogram(questions.WAITS, buckets, counters.get("wait_total_ms", 0))
    for metric, name in (
        (questions.QUESTIONS_OPEN, "questions_open"),
        (questions.REQUESTS_WAITING, "requests_waiting"),
        (questions.CONNECTIONS, "connections_open"),
        (questions.TABLE_ENTRIES, "table_entries"),
        (questions.TABLE_BYTES, "table_bytes"),
        (questions.TABLE_EVICTIONS, "table_evictions"),
        (service.LISTENERS, "listeners"),
        (service.RESOLVER_STARTS, "resolver_starts"),
    ):
        yield _family(metric, _single(counters, name))
    yield _family(questions.CONNECTION_EVENTS, _renamed(_CONNECTION_EVENTS, counters))


def _service(counters: Counters) -> Iterator[Family]:
    yield _family(resources.IN_MEMORY, _renamed(_IN_MEMORY, counters))
    yield _family(resources.MEMORY_EVICTIONS, _renamed(_EVICTED, counters))
    for metric, name in (
        (policies.POLICIES_UNSAVED, "policies_unsaved"),
        (policies.PINS, "pins"),
        (policies.PINS_REPLACED, "pins_replaced"),
        (policies.PINS_ISSUED, "pins_issued_at"),
        (policies.PINS_EXPIRE, "pins_expire_at"),
        (policies.PINS_SOURCE_UP, "pins_source_works"),
        (policies.PINS_FAILED, "pins_failed_at"),
        (decisions.DANE_ON, "dane_is_on"),
    ):
        yield _family(metric, _single(counters, name))
    validates = [
        ((name.removeprefix(VALIDATES),), value)
        for name, value in counters.items()
        if name.startswith(VALIDATES)
    ]
    yield _family(decisions.DNS_VALIDATES, validates)


def _meter(meter: Meter) -> Iterator[Family]:
    yield _family(decisions.DECISIONS, meter.decisions)
    yield _histogram(
        decisions.COLD_ANSWERS, meter.cold_answers.buckets, meter.cold_answers.total_ms
    )
    yield _family(policies.FETCHES, meter.fetches)
    yield _histogram(policies.FETCH_TIMES, meter.fetch_times.buckets, meter.fetch_times.total_ms)
    yield _family(resources.DNS, meter.dns)
    yield _histogram(resources.DNS_TIMES, meter.dns_times.buckets, meter.dns_times.total_ms)
    yield _family(resources.STORE, meter.store)
    yield _family(resources.STORE_UP, [((), int(not meter.is_store_failing))])
    yield _family(resources.CORRUPT_ROWS, [((), meter.corrupt_rows())])
    yield _family(service.HTTP, meter.http)
    yield _family(service.HTTP_REFUSED, [((), meter.http_refused)])


def _figures(figures: Figures) -> Iterator[Family]:
    yield _family(policies.POLICIES, _by_word(figures.modes))
    yield _family(policies.POLICIES_FAILING, _by_word(figures.failing))
    yield _family(policies.POLICIES_NEAR_EXPIRY, _by_word(figures.near_end))
    yield _family(policies.POLICIES_EXPIRED, [((), figures.expired)])
    yield _family(policies.POLICIES_COUNTED, [((), figures.counted_at.timestamp())])


def _watch(watch: "WatchService") -> Iterator[Family]:
    known = watch.watcher.latest or ()
    looked = [(str(one.domain), one.figures) for one in known if one.figures is not None]
    yield _family(watching.WATCHED_VERDICT, [((name, one.verdict), 1) for name, one in looked])
    findings = [
        ((name, severity.value), count)
        for name, one in looked
        for severity, count in one.by_severity()
    ]
    yield _family(watching.WATCHED_FINDINGS, findings)
    certificates = [(name, one.certificate_end) for name, one in looked]
    yield _family(watching.WATCHED_CERTIFICATE_END, _instants(certificates))
    signatures = [(name, one.signature_end) for name, one in looked]
    yield _family(watching.WATCHED_SIGNATURE_END, _instants(signatures))
    looks = [(str(one.domain), one.looked_at) for one in known]
    yield _family(watching.WATCHED_LOOK, _instants(looks))
    successes = [(str(one.domain), one.succeeded_at or one.added_at) for one in known]
    yield _family(watching.WATCHED_SUCCESS, _instants(successes))
    yield _family(watching.WATCH_ALERTS, watch.herald.counts)
    waiting = watch.herald.waiting
    yield _family(watching.WATCH_ALERTS_WAITING, [] if waiting is None else [((), waiting)])


def _instants(pairs: Iterable[tuple[str, datetime | None]]) -> Samples:
    return [((name,), at.timestamp()) for name, at in pairs if at is not None]


def _itself(snapshot: Snapshot) -> Iterator[Family]:
    version = (mailseal.__version__, platform.python_version())
    yield _family(service.BUILD_INFO, [(version, 1)])
    yield _family(service.START_TIME, [((), snapshot.started_at.timestamp())])
    processes = [(RESOLVER, snapshot.usage)]
    if snapshot.answerer is not None:
        processes.append((ANSWERER, snapshot.answerer))
    cpu = [((name,), usage.get("cpu_ms", 0) / 1000) for name, usage in processes]
    yield _family(service.CPU, cpu)
    memory = [((name,), usage.get("resident_bytes", 0)) for name, usage in processes]
    yield _family(service.RESIDENT, memory)
    lost = [((name,), usage.get("log_lines_lost", 0)) for name, usage in processes]
    yield _family(service.LOG_LINES_LOST, lost)


def _family(metric: Metric, samples: Samples) -> Family:
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.kind is Kind.COUNTER:
        family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    else:
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for words, value in samples:
        family.add_metric(words, value)
    return family


def _histogram(metric: Metric, buckets: Iterable[int], total_ms: int) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help)
    bounds: list[tuple[str, float]] = []
    below = 0
    *finite, beyond = buckets
    for number, count in enumerate(finite):
        below += count
        bounds.append((str(2**number / 1000), below))
    bounds.append(("+Inf", below + beyond))
    family.add_metric((), buckets=bounds, sum_value=total_ms / 1000)
    return family


def _renamed(names: Mapping[str, str], counters: Counters) -> Samples:
    return [((shown,), counters[own]) for shown, own in names.items() if own in counters]


def _single(counters: Counters, name: str) -> Samples:
    return [((), counters[name])] if name in counters else []


def _by_word(counts: Counters) -> Samples:
    return [((word,), count) for word, count in counts.items()]
