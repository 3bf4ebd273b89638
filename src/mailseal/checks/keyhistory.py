"""Keys over time: TLSA records that a new key left behind, renewals that are late (RFC 7671 §8).

That records and key do not match is an error by itself; here is told which of them has changed.
"""

from collections.abc import Iterator
from datetime import timedelta

from mailseal.checks.context import asks_for_dane
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.hostreading import HostReading
from mailseal.checks.memory import (
    Agreement,
    Memory,
    Renewal,
    is_refused_by_dane,
    key_of_host,
    tlsa_of_host,
)
from mailseal.checks.reading import Reading

# A renewal is late when less is left than at the last one, by a fifth and three days at least.
LATE_SHARE = 0.2  # ours
LATE_LEAST = timedelta(days=3)  # ours: a timer that runs twice a day may fail for a weekend

LEFT_BEHIND = Entry(
    code="tlsa-left-behind",
    title="key and TLSA records have parted",
    about="They matched when they were last looked at, and one of them was changed without the "
    "other. The records of the next key have to be in DNS, longer than their TTL, before the "
    "key is put to use.",
    clause="RFC 7671 §8.1, RFC 7672 §8.1",
    needs_history=True,
)
LATE_RENEWAL = Entry(
    code="certificate-renewal-late",
    title="a certificate has not been renewed when it was due by habit",
    about="The last certificate was replaced with more time left than this one has. Whatever "
    "renews it has probably stopped.",
    clause="RFC 8461 §3.3, §4.2",
    needs_history=True,
)

ENTRIES = (LEFT_BEHIND, LATE_RENEWAL)


def check_history(memory: Memory, reading: Reading) -> Iterator[Finding]:
    """Judge every host and every certificate; ``memory`` includes this look."""
    known = {one.host: one for one in memory.agreements}
    for host in reading.hosts:
        agreement = known.get(str(host.name))
        is_held_to = asks_for_dane(reading, host) and is_refused_by_dane(host)
        if agreement is not None and is_held_to:
            yield from _judge_parting(agreement, host)
    for renewal in memory.renewals:
        yield from _judge_renewal(renewal, reading)


def _judge_parting(agreement: Agreement, host: HostReading) -> Iterator[Finding]:
    key, tlsa = key_of_host(host), tlsa_of_host(host)
    has_new_key, has_new_records = key != agreement.key, tlsa != agreement.tlsa
    if not key or not (has_new_key or has_new_records):
        return
    what = "the TLSA records have changed and the key has not"
    if has_new_key:
        what = "the key has changed and the TLSA records have not"
    if has_new_key and has_new_records:
        what = "both have changed"
    text = f"TLSA 3 1 1 {key}"
    yield LEFT_BEHIND.found(
        Severity.ERROR,
        host.name,
        seen=f"On {agreement.at:%Y-%m-%d %H:%M} UTC the key of {host.name} matched its TLSA "
        f"records; since then {what}.",
        follows="Senders with DANE do not deliver there.",
        remedy="Publish the record of the present key at once, beside the others.",
        ready=(Ready(kind=Kind.RECORD, place=f"_25._tcp.{host.dane.base}", text=text),),
    )


def _judge_renewal(renewal: Renewal, reading: Reading) -> Iterator[Finding]:
    if renewal.lead is None:
        return
    left = renewal.not_after - reading.now
    if left <= timedelta(0) or left > renewal.lead - max(renewal.lead * LATE_SHARE, LATE_LEAST):
        return  # over is said as that
    yield LATE_RENEWAL.found(
        Severity.WARNING,
        renewal.subject,
        seen=f"The certificate of {renewal.subject} ends on {renewal.not_after:%Y-%m-%d}, in "
        f"{left.days} days; the last one was replaced {renewal.lead.days} days before its end.",
        follows="When it has ended, senders that verify it do not believe the server.",
        remedy="Look at what renews it, and reload the server once there is a new one.",
    )
