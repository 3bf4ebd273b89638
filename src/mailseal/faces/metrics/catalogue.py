"""Every metric by name, with its labels and its paragraph; the reference is made of these.

Names follow Prometheus' rules: base units, ``_total`` behind counters, which is left out here.
No label's value comes from a stranger, so that no number of questions makes more series.
"""

import enum
from collections.abc import Iterator
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


def _counter(name: str, about: str, *labels: str) -> Metric:
    return Metric(name=f"mailseal_{name}", kind=Kind.COUNTER, labels=labels, about=about)


def _gauge(name: str, about: str, *labels: str) -> Metric:
    return Metric(name=f"mailseal_{name}", kind=Kind.GAUGE, labels=labels, about=about)


def _histogram(name: str, about: str) -> Metric:
    return Metric(name=f"mailseal_{name}", kind=Kind.HISTOGRAM, about=about)


# -- questions of mail servers ------------------------------------------------------------------

REQUESTS = _counter(
    "requests",
    "Questions of mail servers, by what came of them.\n"
    "`outcome` is `hit` (answered from memory), `hit-long-way` (the same, for a question that was "
    "not written canonically or came with others), `waited` (it had to be looked into), "
    "`no-lookup` (parents, addresses and whatever has no policy), `overloaded` (TEMP, too many "
    "are waiting), `unknown-map` (PERM) and `malformed`.",
    "outcome",
)
QUESTIONS = _counter(
    "questions",
    "Questions handed to the resolver process, by cause.\n"
    "`cause` is `miss`, for one or more mail servers that wait, or `renewal`, behind an answer "
    "from memory that is no longer fresh.",
    "cause",
)
LATE = _counter(
    "late_answers",
    "Questions answered TEMP since the resolver process gave no answer in time.\n"
    "Any of these means that it was stuck, dead or starved; look-ups that take too long are "
    "answered from what is known and are not late.",
)
WAITS = _histogram(
    "wait_seconds",
    "How long mail servers waited for answers that were not in memory.\n"
    "The bounds are powers of two of a millisecond.",
)
QUESTIONS_OPEN = _gauge(
    "questions_open", "Different questions that the resolver process has not answered yet."
)
REQUESTS_WAITING = _gauge("requests_waiting", "Questions of mail servers that wait for an answer.")
CONNECTIONS = _gauge("connections", "Open connections of mail servers.")
CONNECTION_EVENTS = _counter(
    "connection_events",
    "What happened to connections of mail servers.\n"
    "`event` is `accepted`, `refused` (over `connections` in `[limits]`), `idle-closed` and "
    "`slow-dropped` (a client that did not take its answers).",
    "event",
)
TABLE_ENTRIES = _gauge("table_entries", "Finished answers in memory.")
TABLE_BYTES = _gauge("table_bytes", "About how much memory they take.")
TABLE_EVICTIONS = _counter(
    "table_evictions",
    "Finished answers dropped for want of room.\n"
    "They are made again when asked for; many of them call for a larger `cached_answers` in "
    "`[limits]`.",
)

# -- decisions ----------------------------------------------------------------------------------

DECISIONS = _counter(
    "decisions",
    "Answers made by the resolver process, for misses and renewals, by what they say.\n"
    "`zone` is the map name and `profile` its form; `answer` is a word of "
    "[the decisions](../howto/read-a-decision.md#the-decisions).",
    "zone",
    "profile",
    "answer",
)
COLD_ANSWERS = _histogram(
    "cold_answer_seconds",
    "How long the resolver process took for answers that somebody waited for.",
)
DANE_ON = _gauge(
    "dane_on",
    "1 while DANE can be decided upon, 0 while it is off.\n"
    "It is off by `enabled` in `[dane]`, or since no resolver validates: none of those in `[dns]`, "
    "or none of a zone's own.",
)
DNS_VALIDATES = _gauge(
    "dns_resolver_validates",
    "What the self-test found out about each resolver that DANE is built upon.\n"
    "1: it validates; 0: it was proven not to, and is not asked for DANE; -1: not known yet, "
    "which changes nothing.",
    "address",
)

# -- policies -----------------------------------------------------------------------------------

POLICIES = _gauge(
    "policies",
    "Stored policies in force, by `mode`.\n"
    "These and the next ones are counted once a minute, or less often in a very large store.",
    "mode",
)
POLICIES_FAILING = _gauge(
    "policies_failing",
    "Stored policies in force whose last fetch failed, by how long ago the last good one was.\n"
    "`fetched_ago` is `under-2d`, `2d-to-4d`, `4d-to-8d` or `over-8d`; a healthy policy is "
    "fetched daily.",
    "fetched_ago",
)
POLICIES_NEAR_EXPIRY = _gauge(
    "policies_near_expiry",
    "Policies with less than a quarter of their life left whose last fetch failed, by `mode`.\n"
    "When they expire, mail to these domains is no longer protected; the log names them as "
    "`policy nears its end unrefreshed`.",
    "mode",
)
POLICIES_EXPIRED = _gauge(
    "policies_expired", "Expired policies that are kept for those who ask why."
)
POLICIES_COUNTED = _gauge(
    "policies_counted_timestamp_seconds", "When the stored policies were last counted."
)
POLICIES_UNSAVED = _gauge(
    "policies_unsaved",
    "Policies in force from memory that the store has refused.\nA restart would lose them.",
)
PINS = _gauge(
    "pins",
    "Domains on the signed list of pinned policies that is in use.\n"
    "Missing where there is no list.",
)
PINS_REPLACED = _gauge(
    "pins_replaced",
    "Pins of that list in whose place a policy of the domain's own has come.\n"
    "Those with `hold` count all the same.",
)
PINS_ISSUED = _gauge(
    "pins_issued_timestamp_seconds",
    "When that list was issued: how old it is.",
)
PINS_EXPIRE = _gauge(
    "pins_expire_timestamp_seconds",
    "When that list expires, unless a newer one is signed.\nIts pins no longer count then.",
)
PINS_SOURCE_UP = _gauge(
    "pins_source_up",
    "1 when the last attempt to read the list from `source` brought a good one, 0 when not.\n"
    "Missing without a source, and before the first attempt.\n"
    "The last good list stays in use until it expires; the log says why another was not taken.",
)
PINS_FAILED = _gauge(
    "pins_failure_timestamp_seconds",
    "When an attempt to read the list last failed.\n"
    "Missing where none has since the resolver process began.",
)
FETCHES = _counter(
    "policy_fetches",
    "Fetches from policy hosts, by outcome.\n"
    "`result` is `ok` or the word of RFC 8460 (`sts-policy-fetch-error`, `sts-webpki-invalid`, "
    "`sts-policy-invalid`); `reason` is a class, such as `timeout`, `connect`, `tls`, `dns`, "
    "`http-4xx`, `redirect`, `expired`, `wrong-name`, `unknown-ca`, `syntax` or `other`.\n"
    "The log has the reason in full.",
    "result",
    "reason",
)
FETCH_TIMES = _histogram("policy_fetch_seconds", "How long fetches from policy hosts took.")

# -- DNS and the store --------------------------------------------------------------------------

DNS = _counter(
    "dns_lookups",
    "Look-ups in DNS, by record `type` and outcome.\n"
    "`outcome` is `found`, `absent`, or a failure: `servfail`, `bogus`, `timeout`, `refused` or "
    "`malformed`.",
    "type",
    "outcome",
)
DNS_TIMES = _histogram("dns_lookup_seconds", "How long look-ups in DNS took, failed ones too.")
STORE = _counter(
    "store_operations",
    "Calls of the store, by `operation` and `outcome` (`ok` or `error`).",
    "operation",
    "outcome",
)
STORE_UP = _gauge(
    "store_up",
    "1 when the last call of the store succeeded, 0 when it failed.\n"
    "Without its store mailseal answers from memory, and mail to domains that are not in it may "
    "wait.",
)
CORRUPT_ROWS = _counter("store_corrupt_rows", "Stored rows passed over since they are corrupt.")
IN_MEMORY = _gauge(
    "in_memory",
    "Entries in the resolver process's memory.\n"
    "`kind` is `domains` (policies and their absence), `mx-sets` or `hosts` (DANE states).",
    "kind",
)
MEMORY_EVICTIONS = _counter(
    "memory_evictions",
    "Entries of that memory dropped to make room for others, by `kind`.\n"
    "Policies are read from the store again, the others looked up anew: with a steady stream of "
    "evictions raise `known_domains` or `known_mib` in `[limits]` for `domains`.",
    "kind",
)

# -- watched domains ----------------------------------------------------------------------------

WATCHED_VERDICT = _gauge(
    "watched_verdict",
    "1 for each watched domain, with the verdict of the last look.\n"
    "`verdict` is a word of [the verdict](../explain/verdict.md); a `domain` that was not looked "
    "at yet is missing here and below.",
    "domain",
    "verdict",
)
WATCHED_FINDINGS = _gauge(
    "watched_findings",
    "Findings of the last look at each watched domain, by `severity`.\n"
    "`severity` is `error`, `warning`, `unknown` or `info`.",
    "domain",
    "severity",
)
WATCHED_CERTIFICATE_END = _gauge(
    "watched_certificate_end_timestamp_seconds",
    "When the first certificate of each watched domain's servers ends, policy host and MX hosts "
    "together.\n"
    "Less `time()` and divided by 86400 it is the days left.",
    "domain",
)
WATCHED_SIGNATURE_END = _gauge(
    "watched_signature_end_timestamp_seconds",
    "When the first DNSSEC signature of each watched domain ends.\n"
    "Missing without `deep` in `[monitor]`.",
    "domain",
)
WATCHED_LOOK = _gauge(
    "watched_look_timestamp_seconds", "When each watched domain was last looked at.", "domain"
)
WATCHED_SUCCESS = _gauge(
    "watched_success_timestamp_seconds",
    "When a look at each watched domain last came to a verdict other than `cannot-tell`.\n"
    "Until one has, it is when the domain was added.",
    "domain",
)
WATCH_ALERTS = _counter(
    "watch_alerts",
    "Attempts to send alerts by this node, by `channel` and `outcome`.\n"
    "`channel` is `mail` or `webhook`, `outcome` is `ok` or `failed`.",
    "channel",
    "outcome",
)
WATCH_ALERTS_WAITING = _gauge(
    "watch_alerts_waiting",
    "Alerts that are neither delivered nor given up, of all nodes together.",
)

# -- the service itself -------------------------------------------------------------------------

BUILD_INFO = _gauge("build_info", "1, with the version in labels.", "version", "python")
ANSWERER_UP = _gauge(
    "answerer_up",
    "1 when the answering process told its numbers for this scrape.\n"
    "When it is 0, every metric of questions and connections is missing.",
)
LISTENERS = _gauge("listeners", "Open sockets that mail servers can connect to.")
RESOLVER_STARTS = _counter(
    "resolver_starts",
    "How often a resolver process was started since the service began.\n"
    "The first start and every reload count too; anything beyond is a crash or a stuck process, "
    "told in the log.",
)
START_TIME = _gauge(
    "resolver_start_time_seconds",
    "When the present resolver process began.\nIts counters began at zero then.",
)
CPU = _counter("process_cpu_seconds", "CPU time used, by `process`.", "process")
RESIDENT = _gauge("process_resident_bytes", "Memory occupied, by `process`.", "process")
LOG_LINES_LOST = _counter(
    "log_lines_lost",
    "Lines of the log that could not be written, by `process`.\n"
    "The disk under the log is full, or whoever reads it is gone or too slow; mail servers are "
    "answered all the same.\n"
    "The log tells it as `lines of the log were lost`, once it can be written again.",
    "process",
)
HTTP = _counter(
    "http_requests",
    "Requests to this HTTP listener, by `route` and `status`.",
    "route",
    "status",
)
HTTP_REFUSED = _counter(
    "http_connections_refused", "Connections to the HTTP listener closed since there were too many."
)

SECTIONS: dict[str, tuple[Metric, ...]] = {
    "Questions of mail servers": (
        REQUESTS,
        QUESTIONS,
        LATE,
        WAITS,
        QUESTIONS_OPEN,
        REQUESTS_WAITING,
        CONNECTIONS,
        CONNECTION_EVENTS,
        TABLE_ENTRIES,
        TABLE_BYTES,
        TABLE_EVICTIONS,
    ),
    "Decisions": (DECISIONS, COLD_ANSWERS, DANE_ON, DNS_VALIDATES),
    "Policies": (
        POLICIES,
        POLICIES_FAILING,
        POLICIES_NEAR_EXPIRY,
        POLICIES_EXPIRED,
        POLICIES_COUNTED,
        POLICIES_UNSAVED,
        PINS,
        PINS_REPLACED,
        PINS_ISSUED,
        PINS_EXPIRE,
        PINS_SOURCE_UP,
        PINS_FAILED,
        FETCHES,
        FETCH_TIMES,
    ),
    "DNS and the store": (
        DNS,
        DNS_TIMES,
        STORE,
        STORE_UP,
        CORRUPT_ROWS,
        IN_MEMORY,
        MEMORY_EVICTIONS,
    ),
    "Watched domains": (
        WATCHED_VERDICT,
        WATCHED_FINDINGS,
        WATCHED_CERTIFICATE_END,
        WATCHED_SIGNATURE_END,
        WATCHED_LOOK,
        WATCHED_SUCCESS,
        WATCH_ALERTS,
        WATCH_ALERTS_WAITING,
    ),
    "The service itself": (
        BUILD_INFO,
        ANSWERER_UP,
        LISTENERS,
        RESOLVER_STARTS,
        START_TIME,
        CPU,
        RESIDENT,
        LOG_LINES_LOST,
        HTTP,
        HTTP_REFUSED,
    ),
}
METRICS: tuple[Metric, ...] = tuple(one for section in SECTIONS.values() for one in section)

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
