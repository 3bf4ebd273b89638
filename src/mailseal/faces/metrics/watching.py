"""What is told of watched domains, and of alerts about them."""

from mailseal.faces.metrics.metric import Metric, counter, gauge

WATCHED_VERDICT = gauge(
    "watched_verdict",
    "1 for each watched domain, with the verdict of the last look.\n"
    "`verdict` is a word of [the verdict](../explain/verdict.md); a `domain` that was not looked "
    "at yet is missing here and below.",
    "domain",
    "verdict",
)
WATCHED_FINDINGS = gauge(
    "watched_findings",
    "Findings of the last look at each watched domain, by `severity`.\n"
    "`severity` is `error`, `warning`, `unknown` or `info`.",
    "domain",
    "severity",
)
WATCHED_CERTIFICATE_END = gauge(
    "watched_certificate_end_timestamp_seconds",
    "When the first certificate of each watched domain's servers ends, policy host and MX hosts "
    "together.\n"
    "Less `time()` and divided by 86400 it is the days left.",
    "domain",
)
WATCHED_SIGNATURE_END = gauge(
    "watched_signature_end_timestamp_seconds",
    "When the first DNSSEC signature of each watched domain ends.\n"
    "Missing without `deep` in `[monitor]`.",
    "domain",
)
WATCHED_LOOK = gauge(
    "watched_look_timestamp_seconds", "When each watched domain was last looked at.", "domain"
)
WATCHED_SUCCESS = gauge(
    "watched_success_timestamp_seconds",
    "When a look at each watched domain last came to a verdict other than `cannot-tell`.\n"
    "Until one has, it is when the domain was added.",
    "domain",
)
WATCH_ALERTS = counter(
    "watch_alerts",
    "Attempts to send alerts by this node, by `channel` and `outcome`.\n"
    "`channel` is `mail` or `webhook`, `outcome` is `ok` or `failed`.",
    "channel",
    "outcome",
)
WATCH_ALERTS_WAITING = gauge(
    "watch_alerts_waiting",
    "Alerts that are neither delivered nor given up, of all nodes together.",
)

METRICS: tuple[Metric, ...] = (
    WATCHED_VERDICT,
    WATCHED_FINDINGS,
    WATCHED_CERTIFICATE_END,
    WATCHED_SIGNATURE_END,
    WATCHED_LOOK,
    WATCHED_SUCCESS,
    WATCH_ALERTS,
    WATCH_ALERTS_WAITING,
)
