"""What is told of the service itself: its processes, its log, its HTTP listener."""

from mailseal.faces.metrics.metric import Metric, counter, gauge

BUILD_INFO = gauge("build_info", "1, with the version in labels.", "version", "python")
ANSWERER_UP = gauge(
    "answerer_up",
    "1 when the answering process told its numbers for this scrape.\n"
    "When it is 0, every metric of questions and connections is missing.",
)
LISTENERS = gauge("listeners", "Open sockets that mail servers can connect to.")
RESOLVER_STARTS = counter(
    "resolver_starts",
    "How often a resolver process was started since the service began.\n"
    "The first start and every reload count too; anything beyond is a crash or a stuck process, "
    "told in the log.",
)
START_TIME = gauge(
    "resolver_start_time_seconds",
    "When the present resolver process began.\nIts counters began at zero then.",
)
CPU = counter("process_cpu_seconds", "CPU time used, by `process`.", "process")
RESIDENT = gauge("process_resident_bytes", "Memory occupied, by `process`.", "process")
LOG_LINES_LOST = counter(
    "log_lines_lost",
    "Lines of the log that could not be written, by `process`.\n"
    "The disk under the log is full, or whoever reads it is gone or too slow; mail servers are "
    "answered all the same.\n"
    "The log tells it as `lines of the log were lost`, once it can be written again.",
    "process",
)
HTTP = counter(
    "http_requests",
    "Requests to this HTTP listener, by `route` and `status`.",
    "route",
    "status",
)
HTTP_REFUSED = counter(
    "http_connections_refused", "Connections to the HTTP listener closed since there were too many."
)

METRICS: tuple[Metric, ...] = (
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
)
