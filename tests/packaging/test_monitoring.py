"""The dashboard and the alert rules ask for what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailseal.faces.metrics.catalogue import METRICS

PACKAGING = Path(__file__).parents[2] / "packaging"
DASHBOARD = PACKAGING / "grafana" / "mailseal.json"
RULES = PACKAGING / "prometheus" / "mailseal.rules.yml"
HOWTO = PACKAGING.parent / "docs" / "howto" / "monitor.md"

SERIES = {name: metric for metric in METRICS for name in metric.series}
_METRIC = re.compile(r"\b(mailseal_\w+)(\{[^}]*\})?")
_MATCHER = re.compile(r'(\w+)(?:=~|!~|!=|=)"')
_BY = re.compile(r"\bby \(([^)]*)\)")
TARGET_LABELS = {"job", "instance"}  # which Prometheus adds


def queries(value: Any) -> Iterator[str]:
    """Yield every query of a dashboard."""
    match value:
        case dict():
            for key in ("expr", "definition"):
                if key in value:
                    yield value[key]
            for one in value.values():
                yield from queries(one)
        case list():
            for one in value:
                yield from queries(one)


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def rules() -> list[dict[str, Any]]:
    """Return every alert."""
    document = yaml.safe_load(RULES.read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def check(query: str) -> None:
    """Every metric of a query exists, and so does every label that it is asked by."""
    named = _METRIC.findall(query)
    assert named, query
    labels = set(TARGET_LABELS) | {"le"}
    for name, matchers in named:
        assert name in SERIES, f"{name} in {query}"
        known = TARGET_LABELS | set(SERIES[name].labels)
        assert set(_MATCHER.findall(matchers)) <= known, query
        labels |= known
    for group in _BY.findall(query):
        assert {label.strip() for label in group.split(",")} <= labels, query


@pytest.mark.parametrize("query", sorted(set(queries(json.loads(DASHBOARD.read_text("utf-8"))))))
def test_the_dashboard_asks_for_metrics_that_exist(query: str) -> None:
    """A renamed metric would leave a panel empty, and nobody would know why."""
    check(query)


def test_the_dashboard_shows_every_metric_of_use() -> None:
    """What is not on it is about the metrics themselves, or tells what another one tells."""
    shown = {name for query in queries(panels()) for name, _ in _METRIC.findall(query)}
    metrics = {SERIES[name].name for name in shown}
    left_out = {metric.name for metric in METRICS} - metrics

    assert left_out == {
        "mailseal_dns_resolver_validates",  # the alert names the address
        "mailseal_http_connections_refused",
        "mailseal_http_requests",
        "mailseal_listeners",
        "mailseal_pins_failure_timestamp_seconds",  # that it fails now is shown
        "mailseal_policies_counted_timestamp_seconds",
        "mailseal_resolver_start_time_seconds",
    }


def test_panels_do_not_overlap_and_have_their_own_numbers() -> None:
    """Grafana would move or drop one of two."""
    seen: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & seen, panel["title"]
        assert place["x"] + place["w"] <= 24
        seen |= cells
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alerts_ask_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    """And each says how urgent it is, what has happened and what to do."""
    check(rule["expr"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}


def test_every_alert_is_in_the_howto() -> None:
    """Whoever is woken by one finds it there."""
    page = HOWTO.read_text("utf-8")
    for rule in rules():
        assert f"`{rule['alert']}`" in page
