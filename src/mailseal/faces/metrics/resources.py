"""What is told of DNS, of the store, and of the resolver process's memory."""

from mailseal.faces.metrics.metric import Metric, counter, gauge, histogram

DNS = counter(
    "dns_lookups",
    "Look-ups in DNS, by record `type` and outcome.\n"
    "`outcome` is `found`, `absent`, or a failure: `servfail`, `bogus`, `timeout`, `refused` or "
    "`malformed`.",
    "type",
    "outcome",
)
DNS_TIMES = histogram("dns_lookup_seconds", "How long look-ups in DNS took, failed ones too.")
STORE = counter(
    "store_operations",
    "Calls of the store, by `operation` and `outcome` (`ok` or `error`).",
    "operation",
    "outcome",
)
STORE_UP = gauge(
    "store_up",
    "1 when the last call of the store succeeded, 0 when it failed.\n"
    "Without its store mailseal answers from memory, and mail to domains that are not in it may "
    "wait.",
)
CORRUPT_ROWS = counter("store_corrupt_rows", "Stored rows passed over since they are corrupt.")
IN_MEMORY = gauge(
    "in_memory",
    "Entries in the resolver process's memory.\n"
    "`kind` is `domains` (policies and their absence), `mx-sets` or `hosts` (DANE states).",
    "kind",
)
MEMORY_EVICTIONS = counter(
    "memory_evictions",
    "Entries of that memory dropped to make room for others, by `kind`.\n"
    "Policies are read from the store again, the others looked up anew: with a steady stream of "
    "evictions raise `known_domains` or `known_mib` in `[limits]` for `domains`.",
    "kind",
)

METRICS: tuple[Metric, ...] = (
    DNS,
    DNS_TIMES,
    STORE,
    STORE_UP,
    CORRUPT_ROWS,
    IN_MEMORY,
    MEMORY_EVICTIONS,
)
