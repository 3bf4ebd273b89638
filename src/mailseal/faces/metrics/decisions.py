"""What is told of the answers that the resolver process makes, and of what they rest on."""

from mailseal.faces.metrics.metric import Metric, counter, gauge, histogram

DECISIONS = counter(
    "decisions",
    "Answers made by the resolver process, for misses and renewals, by what they say.\n"
    "`zone` is the map name and `profile` its form; `answer` is a word of "
    "[the decisions](../howto/read-a-decision.md#the-decisions).",
    "zone",
    "profile",
    "answer",
)
COLD_ANSWERS = histogram(
    "cold_answer_seconds",
    "How long the resolver process took for answers that somebody waited for.",
)
DANE_ON = gauge(
    "dane_on",
    "1 while DANE can be decided upon, 0 while it is off.\n"
    "It is off by `enabled` in `[dane]`, or since no resolver validates: none of those in `[dns]`, "
    "or none of a zone's own.",
)
DNS_VALIDATES = gauge(
    "dns_resolver_validates",
    "What the self-test found out about each resolver that DANE is built upon.\n"
    "1: it validates; 0: it was proven not to, and is not asked for DANE; -1: not known yet, "
    "which changes nothing.",
    "address",
)

METRICS: tuple[Metric, ...] = (
    DECISIONS,
    COLD_ANSWERS,
    DANE_ON,
    DNS_VALIDATES,
)
