"""What is told of the questions of mail servers, all by the answering process."""

from mailseal.faces.metrics.metric import Metric, counter, gauge, histogram

REQUESTS = counter(
    "requests",
    "Questions of mail servers, by what came of them.\n"
    "`outcome` is `hit` (answered from memory), `hit-long-way` (the same, for a question that was "
    "not written canonically or came with others), `waited` (it had to be looked into), "
    "`no-lookup` (parents, addresses and whatever has no policy), `overloaded` (TEMP, too many "
    "are waiting), `unknown-map` (PERM) and `malformed`.",
    "outcome",
)
QUESTIONS = counter(
    "questions",
    "Questions handed to the resolver process, by cause.\n"
    "`cause` is `miss`, for one or more mail servers that wait, or `renewal`, behind an answer "
    "from memory that is no longer fresh.",
    "cause",
)
LATE = counter(
    "late_answers",
    "Questions answered TEMP since the resolver process gave no answer in time.\n"
    "Any of these means that it was stuck, dead or starved; look-ups that take too long are "
    "answered from what is known and are not late.",
)
WAITS = histogram(
    "wait_seconds",
    "How long mail servers waited for answers that were not in memory.\n"
    "The bounds are powers of two of a millisecond.",
)
QUESTIONS_OPEN = gauge(
    "questions_open", "Different questions that the resolver process has not answered yet."
)
REQUESTS_WAITING = gauge("requests_waiting", "Questions of mail servers that wait for an answer.")
CONNECTIONS = gauge("connections", "Open connections of mail servers.")
CONNECTION_EVENTS = counter(
    "connection_events",
    "What happened to connections of mail servers.\n"
    "`event` is `accepted`, `refused` (over `connections` in `[limits]`), `idle-closed` and "
    "`slow-dropped` (a client that did not take its answers).",
    "event",
)
TABLE_ENTRIES = gauge("table_entries", "Finished answers in memory.")
TABLE_BYTES = gauge("table_bytes", "About how much memory they take.")
TABLE_EVICTIONS = counter(
    "table_evictions",
    "Finished answers dropped for want of room.\n"
    "They are made again when asked for; many of them call for a larger `cached_answers` in "
    "`[limits]`.",
)

METRICS: tuple[Metric, ...] = (
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
)
