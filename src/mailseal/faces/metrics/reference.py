"""The reference of all metrics, docs/reference/metrics.md, from the catalogue itself."""

from collections.abc import Iterator

from mailseal.faces.metrics.catalogue import SECTIONS
from mailseal.faces.metrics.metric import Kind

_HEAD = """\
<!-- Made by "make docs"; a test compares. Change src/mailseal/faces/metrics instead. -->

# Metrics

`GET /metrics` on the [HTTP listener](configuration.md#http) tells these to Prometheus.
How to use them, with a dashboard and alerts: [monitor mailseal](../howto/monitor.md).

Answers from memory are counted in plain integers, so reading the metrics costs the same
whatever was asked, and nothing is done per question.
No label holds a domain or anything else that a stranger chose: the number of series is bounded.
Only [watched domains](#watched-domains), which the operator has named, have series of their own.
"""


def render_reference() -> str:
    """Return the reference as Markdown, one sentence per line; ends with one newline."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for title, metrics in SECTIONS.items():
        yield f"## {title}\n"
        for metric in metrics:
            shown = metric.series[0] if metric.kind is Kind.COUNTER else metric.name
            labels = ", ".join(f"`{label}`" for label in metric.labels)
            about = metric.about.replace(". ", ".\n")
            yield f"### `{shown}`\n\n{about}\n"
            yield f"- Type: {metric.kind.value}." + (f"\n- Labels: {labels}." if labels else "")
            yield ""
