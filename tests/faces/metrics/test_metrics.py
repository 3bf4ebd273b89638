"""The metrics: all that is declared is told, nothing else, and in the right numbers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families

from mailseal.config import Config
from mailseal.faces.metrics.catalogue import METRICS
from mailseal.faces.metrics.collector import Snapshot, registry_of
from mailseal.faces.metrics.metric import Kind
from mailseal.faces.metrics.reference import render_reference
from mailseal.faces.policyd.answerer import AnswererConfig
from mailseal.faces.policyd.connections import Connections
from mailseal.faces.policyd.switchboard import Switchboard
from mailseal.faces.policyd.usage import usage
from mailseal.names import Domain
from mailseal.services.census import Census
from mailseal.services.meter import Meter
from mailseal.services.watchservice import WatchService
from mailseal.testing import ManualClock
from mailseal.watch.records import Watched
from tests.faces.world import World
from tests.services.watchworld import DOMAIN, broken
from tests.services.watchworld import World as WatchWorld

NOW = datetime(2026, 11, 22, tzinfo=UTC)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def answerer_counters() -> dict[str, int]:
    """Return what an answerer tells, as it would over the link."""
    board = Switchboard(
        AnswererConfig(listeners=(), zones={}), clock=lambda: 0.0, log=lambda *_, **__: None
    )
    Connections(board, max_connections=1)
    board.counters.hits_of_closed = 5
    board.counters.waited = 3
    board.waits.add(0.003)
    board.waits.add(0.003)
    board.waits.add(100.0)
    return {**board.stats(), "listeners": 2, **usage()}


async def snapshot_of(world: World, meter: Meter) -> Snapshot:
    """Return a snapshot with something in every metric."""
    async with world.open_service(Config.embedded(world.folder), world.dropped.append) as service:
        figures = await Census(world.store, ManualClock()).count()
        counters = service.counters()
    return Snapshot(
        answerer=answerer_counters(),
        service={
            **counters,
            "resolver_validates 127.0.0.1:53": 1,
            "pins": 8,
            "pins_replaced": 2,
            "pins_issued_at": int(NOW.timestamp()) - 60,
            "pins_expire_at": int(NOW.timestamp()),
            "pins_source_works": 0,
            "pins_failed_at": int(NOW.timestamp()) - 5,
            "domains_evicted": 9,
        },
        meter=meter,
        figures=figures,
        usage=usage(),
        started_at=NOW,
        watch=await busy_watch(),
    )


async def busy_watch() -> WatchService:
    """Return a watch that has looked at a domain, and sent an alert."""
    world = WatchWorld()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    await world.go_on()
    assert world.watcher.latest is not None
    (watched,) = world.watcher.latest
    assert watched.figures is not None
    figures = replace(watched.figures, signature_end=NOW)
    new = Watched(domain=Domain("new.example"), added_at=NOW, next_look_at=NOW)
    world.watcher.latest = (replace(watched, figures=figures), new)
    return WatchService(history=world.history, watcher=world.watcher, herald=world.herald)


def busy_meter() -> Meter:
    """Return a meter that has seen one of everything."""
    meter = Meter()
    for _ in range(4):
        meter.decisions.add("postfix", "postfix-3.10", "sts-enforced")
    meter.dns.add("TXT", "timeout")
    meter.fetches.add("ok", "ok")
    meter.store.add("load", "error")
    meter.is_store_failing = True
    meter.http.add("/metrics", "200")
    meter.corrupt_rows = lambda: 6
    return meter


def read(text: bytes) -> Samples:
    """Return every sample by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


@pytest.fixture
async def samples(world: World) -> Samples:
    """Give what a scrape of a busy service would read."""
    return read(generate_latest(registry_of(await snapshot_of(world, busy_meter()))))


def test_everything_declared_is_told_and_nothing_else(samples: Samples) -> None:
    """So the reference, which is made of the declarations, is complete."""
    told = {name for name, _ in samples}
    declared = {name for metric in METRICS for name in metric.series}

    assert told == declared


def test_labels_are_those_declared(samples: Samples) -> None:
    """A dashboard can rely on them."""
    declared = {name: metric for metric in METRICS for name in metric.series}
    for name, labels in samples:
        names = {label for label, _ in labels} - {"le"}
        assert names == set(declared[name].labels), name


@pytest.mark.parametrize(("name", "labels", "value"), [
    ("mailseal_requests_total", (("outcome", "hit"),), 5),
    ("mailseal_requests_total", (("outcome", "waited"),), 3),
    ("mailseal_wait_seconds_bucket", (("le", "0.002"),), 0),
    ("mailseal_wait_seconds_bucket", (("le", "0.004"),), 2),
    ("mailseal_wait_seconds_bucket", (("le", "65.536"),), 2),
    ("mailseal_wait_seconds_bucket", (("le", "+Inf"),), 3),
    ("mailseal_wait_seconds_count", (), 3),
    ("mailseal_wait_seconds_sum", (), 100.006),
    ("mailseal_decisions_total",
     (("answer", "sts-enforced"), ("profile", "postfix-3.10"), ("zone", "postfix")), 4),
    ("mailseal_dns_lookups_total", (("outcome", "timeout"), ("type", "TXT")), 1),
    ("mailseal_store_up", (), 0),
    ("mailseal_store_corrupt_rows_total", (), 6),
    ("mailseal_dns_resolver_validates", (("address", "127.0.0.1:53"),), 1),
    ("mailseal_resolver_start_time_seconds", (), NOW.timestamp()),
    ("mailseal_listeners", (), 2),
    ("mailseal_pins", (), 8),
    ("mailseal_pins_replaced", (), 2),
    ("mailseal_pins_issued_timestamp_seconds", (), NOW.timestamp() - 60),
    ("mailseal_pins_source_up", (), 0),
    ("mailseal_pins_failure_timestamp_seconds", (), NOW.timestamp() - 5),
    ("mailseal_memory_evictions_total", (("kind", "domains"),), 9),
    ("mailseal_memory_evictions_total", (("kind", "hosts"),), 0),
    ("mailseal_pins_expire_timestamp_seconds", (), NOW.timestamp()),
    ("mailseal_answerer_up", (), 1),
    ("mailseal_watched_verdict",
     (("domain", "example.com"), ("verdict", "enforcing-and-losing-mail")), 1),
    ("mailseal_watched_findings", (("domain", "example.com"), ("severity", "error")), 1),
    ("mailseal_watched_signature_end_timestamp_seconds", (("domain", "example.com"),),
     NOW.timestamp()),
    ("mailseal_watch_alerts_total", (("channel", "mail"), ("outcome", "ok")), 1),
    ("mailseal_watch_alerts_waiting", (), 0),
    ("mailseal_watched_success_timestamp_seconds", (("domain", "new.example"),), NOW.timestamp()),
])  # fmt: skip
def test_numbers_arrive(
    samples: Samples, name: str, labels: tuple[tuple[str, str], ...], value: float
) -> None:
    """From plain integers of both processes to what Prometheus reads."""
    assert samples[name, labels] == value


async def test_it_is_good_open_metrics_too(world: World) -> None:
    """By the strict parser, which minds units, suffixes and the order of buckets."""
    registry = registry_of(await snapshot_of(world, busy_meter()))
    text = generate_open_metrics(registry)  # type: ignore[no-untyped-call]  # so is the library

    families = read_open_metrics(text.decode())  # type: ignore[no-untyped-call]  # likewise
    assert len(list(families)) == len(METRICS)


async def test_a_service_that_has_done_nothing_is_told_as_well(world: World) -> None:
    """Counters without labels begin at zero, so that the first event is seen as a rise."""
    samples = read(generate_latest(registry_of(await snapshot_of(world, Meter()))))

    assert samples["mailseal_late_answers_total", ()] == 0
    assert samples["mailseal_store_up", ()] == 1
    assert samples["mailseal_policies", (("mode", "enforce"),)] == 0


def test_names_follow_the_rules() -> None:
    """Prefix, base units, no _total but behind a counter, each name once."""
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert metric.name.startswith("mailseal_")
        assert not metric.name.endswith(("_total", "_ms", "_milliseconds"))
        assert metric.kind is not Kind.HISTOGRAM or metric.name.endswith("_seconds")
        assert metric.help.endswith(".")


def test_the_reference_has_every_metric() -> None:
    """With its labels."""
    page = render_reference()
    for metric in METRICS:
        assert f"### `{metric.series[0]}`" in page or f"### `{metric.name}`" in page
        for label in metric.labels:
            assert f"`{label}`" in page
