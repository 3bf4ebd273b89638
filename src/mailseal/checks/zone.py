"""The zone at its own servers: whether each answers, and how long its signatures last (deep)."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mailseal.checks.evidence import AuthorityAnswer
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.results import ResultType

SOON = timedelta(days=3)  # ours: a weekend in which nobody notices that signing has stopped
MAX_NSEC3_ITERATIONS = 50  # where BIND and Knot Resolver stop, RFC 9276 §3.2 lets them
MAX_NAMED = 5

SERVER_FAILS = Entry(
    code="zone-server-fails",
    title="a name server of the zone does not answer for it",
    about="One that is silent, refuses or does not know the zone makes look-ups slow at best. "
    "With the other servers gone, mail waits.",
    clause="RFC 1034 §4.1, RFC 1912 §2.8",
    is_deep=True,
)
SERVERS_DIFFER = Entry(
    code="zone-servers-differ",
    title="name servers of the zone have different versions of it",
    about="For a few minutes after a change that is normal. If it lasts, transfers fail, and "
    "which records and signatures a sender sees is left to chance.",
    clause="RFC 1034 §4.3.5",
    is_deep=True,
)
SIGNATURE_ENDS = Entry(
    code="dnssec-signature-ends",
    title="a signature of the zone ends soon",
    about="Signatures are made anew long before they end. One with a few days left means that "
    "signing has stopped; from its end on the zone is bogus.",
    clause="RFC 4034 §3.1.5, RFC 6781 §4.4.2",
    result=ResultType.DNSSEC_INVALID,
    is_deep=True,
)
ITERATIONS = Entry(
    code="dnssec-nsec3-iterations",
    title="NSEC3 hashes more than once",
    about="More iterations protect nobody and cost every resolver. Above a bound of their own "
    "resolvers treat the zone as unsigned, or refuse it.",
    clause="RFC 9276 §3.1, §3.2",
    is_deep=True,
)

ENTRIES = (SERVER_FAILS, SERVERS_DIFFER, SIGNATURE_ENDS, ITERATIONS)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge what the zone's own servers said."""
    authorities = reading.evidence.records.authorities
    yield from _judge_failures(authorities)
    yield from _judge_serials(reading, authorities)
    facts = reading.evidence.records.signatures
    if facts is None:
        return
    if facts.first_expiry is not None:
        yield from _judge_expiry(reading, facts.first_expiry - reading.now)
    if facts.nsec3_iterations:
        yield from _judge_iterations(reading, facts.nsec3_iterations)


def _judge_failures(answers: Sequence[AuthorityAnswer]) -> Iterator[Finding]:
    """Tell servers that do not give the zone's SOA; one that fails later is judged by its type."""
    asked = [one for one in answers if one.rdtype == "SOA"]
    working = [one for one in asked if one.texts is not None]
    for one in asked:
        if one.texts is not None:
            continue
        yield SERVER_FAILS.found(
            # Where no server at all answers us, the fault may be on our side.
            Severity.WARNING if working else Severity.UNKNOWN,
            f"{one.server} [{one.address}]",
            seen=f"{one.server} [{one.address}] does not answer for {one.name}: {one.failure}.",
            follows="Look-ups by senders are slow or fail, whenever they meet this server.",
            remedy="Repair the server, or remove it from the NS records of the zone and of its "
            "parent.",
        )


def _judge_serials(reading: Reading, answers: Sequence[AuthorityAnswer]) -> Iterator[Finding]:
    serials: dict[tuple[str, ...], list[str]] = {}
    for one in answers:
        if one.rdtype == "SOA" and one.texts:
            serials.setdefault(one.texts, []).append(one.server)
    if len(serials) < 2:
        return
    shown = "; ".join(
        f"{', '.join(texts)} at {', '.join(dict.fromkeys(servers[:MAX_NAMED]))}"
        for texts, servers in list(serials.items())[:MAX_NAMED]
    )
    yield SERVERS_DIFFER.found(
        Severity.WARNING,
        reading.domain,
        seen=f"The name servers have different serial numbers: {shown}.",
        follows="Senders see old or new records by chance.",
        remedy="Check again in an hour; if they still differ, look for failing zone transfers.",
    )


def _judge_expiry(reading: Reading, left: timedelta) -> Iterator[Finding]:
    if left > SOON:
        return
    hours = int(left / timedelta(hours=1))
    yield SIGNATURE_ENDS.found(
        Severity.WARNING if left > timedelta(0) else Severity.ERROR,
        reading.domain,
        seen=f"A signature of the zone ends in {hours} hours."
        if left > timedelta(0)
        else f"A signature of the zone ended {-hours} hours ago.",
        follows="From then on resolvers that validate find nothing of this domain.",
        remedy="Sign the zone anew, and find out why its signer has stopped.",
    )


def _judge_iterations(reading: Reading, iterations: int) -> Iterator[Finding]:
    is_beyond = iterations > MAX_NSEC3_ITERATIONS
    yield ITERATIONS.found(
        Severity.WARNING if is_beyond else Severity.INFO,
        reading.domain,
        seen=f"NSEC3 hashes {iterations} times more than once.",
        follows="Many resolvers treat the zone as unsigned, and DANE is off for those who use them."
        if is_beyond
        else "It costs resolvers time, and protects nobody.",
        remedy="Set the number of NSEC3 iterations to 0.",
    )
