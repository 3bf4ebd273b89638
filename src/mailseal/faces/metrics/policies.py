"""What is told of stored policies, of pinned ones, and of fetches from policy hosts."""

from mailseal.faces.metrics.metric import Metric, counter, gauge, histogram

POLICIES = gauge(
    "policies",
    "Stored policies in force, by `mode`.\n"
    "These and the next ones are counted once a minute, or less often in a very large store.",
    "mode",
)
POLICIES_FAILING = gauge(
    "policies_failing",
    "Stored policies in force whose last fetch failed, by how long ago the last good one was.\n"
    "`fetched_ago` is `under-2d`, `2d-to-4d`, `4d-to-8d` or `over-8d`; a healthy policy is "
    "fetched daily.",
    "fetched_ago",
)
POLICIES_NEAR_EXPIRY = gauge(
    "policies_near_expiry",
    "Policies with less than a quarter of their life left whose last fetch failed, by `mode`.\n"
    "When they expire, mail to these domains is no longer protected; the log names them as "
    "`policy nears its end unrefreshed`.",
    "mode",
)
POLICIES_EXPIRED = gauge(
    "policies_expired", "Expired policies that are kept for those who ask why."
)
POLICIES_COUNTED = gauge(
    "policies_counted_timestamp_seconds", "When the stored policies were last counted."
)
POLICIES_UNSAVED = gauge(
    "policies_unsaved",
    "Policies in force from memory that the store has refused.\nA restart would lose them.",
)
PINS = gauge(
    "pins",
    "Domains on the signed list of pinned policies that is in use.\n"
    "Missing where there is no list.",
)
PINS_REPLACED = gauge(
    "pins_replaced",
    "Pins of that list in whose place a policy of the domain's own has come.\n"
    "Those with `hold` count all the same.",
)
PINS_ISSUED = gauge(
    "pins_issued_timestamp_seconds",
    "When that list was issued: how old it is.",
)
PINS_EXPIRE = gauge(
    "pins_expire_timestamp_seconds",
    "When that list expires, unless a newer one is signed.\nIts pins no longer count then.",
)
PINS_SOURCE_UP = gauge(
    "pins_source_up",
    "1 when the last attempt to read the list from `source` brought a good one, 0 when not.\n"
    "Missing without a source, and before the first attempt.\n"
    "The last good list stays in use until it expires; the log says why another was not taken.",
)
PINS_FAILED = gauge(
    "pins_failure_timestamp_seconds",
    "When an attempt to read the list last failed.\n"
    "Missing where none has since the resolver process began.",
)
FETCHES = counter(
    "policy_fetches",
    "Fetches from policy hosts, by outcome.\n"
    "`result` is `ok` or the word of RFC 8460 (`sts-policy-fetch-error`, `sts-webpki-invalid`, "
    "`sts-policy-invalid`); `reason` is a class, such as `timeout`, `connect`, `tls`, `dns`, "
    "`http-4xx`, `redirect`, `expired`, `wrong-name`, `unknown-ca`, `syntax` or `other`.\n"
    "The log has the reason in full.",
    "result",
    "reason",
)
FETCH_TIMES = histogram("policy_fetch_seconds", "How long fetches from policy hosts took.")

METRICS: tuple[Metric, ...] = (
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
)
