"""Whether TLSA records survive the next change of a key, and what makes them fragile (RFC 7671
§8, RFC 7672 §4)."""

from collections.abc import Iterator
from datetime import timedelta

from mailseal.answers import Found
from mailseal.certs import CertificateSyntaxError, read_certificate
from mailseal.checks.context import is_verified_by_dane
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.hostreading import HostReading
from mailseal.checks.reading import Reading
from mailseal.checks.tlsarecords import propose_record
from mailseal.dane.match import DANE_EE, DANE_TA, WHOLE, Standing
from mailseal.dane.rollover import Scheme, judge_rollover
from mailseal.dane.tlsa import TlsaRecord

SHORT_LIFE = timedelta(days=120)  # ours: certificates of automatic authorities live 6 to 100 days
SOON = timedelta(days=14)
MAX_TTL = timedelta(days=1)  # ours: a change has to wait for it, and so has a mended mistake
MAX_DATAGRAM_BYTES = 1232  # DNS flag day 2020; larger answers are cut into pieces, or go by TCP
_RECORD_BYTES = 12 + 3  # name pointer, type, class, TTL and length; usage, selector, matching type
_SIGNATURE_BYTES = 300  # of the answer: header, question, RRSIG with RSA-2048

_DIGEST = "openssl pkey -in next.key -pubout -outform DER | openssl dgst -sha256"

UNPREPARED = Entry(
    code="tlsa-no-rollover",
    title="the TLSA records leave no room for another key",
    about="Records are cached, so the one for the next key has to stand in DNS for a while before "
    "the key changes: 3 1 1 for each of the two keys, or 3 1 1 for the key and 2 1 1 for its "
    "issuer. Two records for one certificate do not help.",
    clause="RFC 7671 §8.1, RFC 7672 §4",
)
REPEATED = Entry(
    code="tlsa-repeated",
    title="several TLSA records say the same",
    about="They name one and the same certificate or key. They do no harm, but are no "
    "preparation for another key either.",
    clause="RFC 7671 §8",
)
STALE = Entry(
    code="tlsa-combination-stale",
    title="TLSA records of one form name nothing that is in use",
    about="Each combination of usage, selector and matching type that is published needs a "
    "record for the chain in use: a sender may know only that one.",
    clause="RFC 7671 §8",
)
FRAGILE = Entry(
    code="tlsa-fragile",
    title="a TLSA record breaks with the next certificate",
    about="3 0 1 changes with every renewal, even if the key stays. 2 x x on an intermediate "
    "certificate of a public authority breaks when the authority picks another one.",
    clause="RFC 7671 §5.1, §5.2, §8",
)
EXPIRING = Entry(
    code="tlsa-expires-with-certificate",
    title="the only TLSA records that match are for a certificate that is about to be replaced",
    about="When the new certificate comes, no record names it.",
    clause="RFC 7671 §8.1",
)
LARGE = Entry(
    code="tlsa-large",
    title="the TLSA answer is large",
    about="What does not fit into a datagram is cut into pieces, which firewalls drop, or asked "
    "for again by TCP, which some servers do not answer.",
    clause="RFC 7671 §10.1.1",
)
WHOLE_DATA = Entry(
    code="tlsa-without-digest",
    title="a TLSA record holds a whole certificate or key",
    about="A digest says the same in 32 octets.",
    clause="RFC 7671 §10.1.2",
)
ONLY_SHA512 = Entry(
    code="tlsa-without-sha256",
    title="there is no TLSA record with SHA-256",
    about="SHA-256 is the one digest that every sender has.",
    clause="RFC 7671 §2, RFC 7672 §3.1",
)
LONG_TTL = Entry(
    code="tlsa-ttl-long",
    title="TLSA records are cached for long",
    about="A mistake stays with senders for that long after it was mended, and a change of key "
    "has to wait as long.",
    clause="RFC 7671 §8.1, §13",
)

ENTRIES = (
    UNPREPARED,
    REPEATED,
    STALE,
    FRAGILE,
    EXPIRING,
    LARGE,
    WHOLE_DATA,
    ONLY_SHA512,
    LONG_TTL,
)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the records of every host that is verified by them."""
    for host in reading.hosts:
        if not is_verified_by_dane(reading, host):
            continue
        yield from _judge_form(host)
        chains = [one.tls.chain for one in host.sessions if one.tls and one.tls.chain]
        if chains and _matching(host):
            yield from _judge_rollover(host, chains)
            yield from _judge_fragility(reading, host, chains)


def _matching(host: HostReading) -> tuple[TlsaRecord, ...]:
    """Return the records that serve at some address."""
    found = (one.dane.of(Standing.MATCHES) for one in host.observed if one.dane)
    return tuple(dict.fromkeys(match.record for matches in found for match in matches))


def _judge_rollover(host: HostReading, chains: list[tuple[bytes, ...]]) -> Iterator[Finding]:
    rollover = judge_rollover(host.dane.records, chains)
    if rollover.scheme is Scheme.NONE:
        yield UNPREPARED.found(
            Severity.INFO,
            host.name,
            seen=f"The TLSA records of {host.name} name the key in use and no other one.",
            follows="When the key changes, mail from senders with DANE waits until all caches "
            "have the new record.",
            remedy="Make the next key now, publish its 3 1 1 record beside this one, and change "
            "the key two days later at the earliest; or keep the key when certificates are "
            "renewed.",
            ready=(
                Ready(kind=Kind.COMMAND, place="beside the next key: its digest", text=_DIGEST),
            ),
        )
    if rollover.repeated:
        shown = ", ".join(_say(record) for record in rollover.repeated[:5])
        yield REPEATED.found(
            Severity.INFO,
            host.name,
            seen=f"These TLSA records of {host.name} repeat what another one says: {shown}.",
            remedy="Keep one 3 1 1 record for each key.",
        )
    if rollover.stale:
        forms = ", ".join(" ".join(map(str, form)) for form in rollover.stale[:5])
        yield STALE.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} has TLSA records {forms} that name nothing it shows, and none of "
            "that form that does.",
            follows="A sender that knows only this form does not deliver there.",
            remedy="Remove them, or publish one of the same form for the chain in use.",
        )


def _judge_fragility(
    reading: Reading, host: HostReading, chains: list[tuple[bytes, ...]]
) -> Iterator[Finding]:
    matching = _matching(host)
    is_public = all(not one.tls.distrust for one in host.sessions if one.tls)
    try:
        leaves = [read_certificate(chain[0]) for chain in chains]
    except CertificateSyntaxError:
        return
    is_short = any(each.not_after - each.not_before <= SHORT_LIFE for each in leaves)
    whole = [record for record in matching if _is_certificate(record)]
    issuers = [record for record in matching if record.usage == DANE_TA]
    if len(whole) == len(matching) and is_short:
        yield FRAGILE.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} is verified by {_say(whole[0])} alone, and its certificate is "
            "renewed every few weeks.",
            follows="With the next certificate senders with DANE stop delivering.",
            remedy="Publish 3 1 1 records, and let renewals keep the key.",
            ready=propose_record(host),
        )
    elif len(issuers) == len(matching) and is_public:
        yield FRAGILE.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} is verified by {_say(issuers[0])} alone, an issuer that is a "
            "public authority.",
            follows="When the authority signs with another certificate, which it does without "
            "notice, senders with DANE stop delivering; and whoever gets a certificate from it "
            "for this name is believed.",
            remedy="Publish a 3 1 1 record for the server's own key beside it.",
            ready=propose_record(host),
        )
    end = min(each.not_after for each in leaves)
    is_last = not is_short and whole and len(whole) == len(matching) == len(host.dane.records)
    if is_last and reading.now <= end <= reading.now + SOON:
        yield EXPIRING.found(
            Severity.WARNING,
            host.name,
            seen=f"Every TLSA record of {host.name} is for the certificate that ends on "
            f"{end:%Y-%m-%d}.",
            follows="With the next certificate senders with DANE stop delivering.",
            remedy="Publish a 3 1 1 record for the key of the next certificate before it is used.",
        )


def _judge_form(host: HostReading) -> Iterator[Finding]:
    records = [record for record in host.dane.records if record.is_usable]
    answers = [each.answer for each in host.evidence.tlsa if each.base == host.dane.base]
    size = sum(_RECORD_BYTES + len(each.data) for each in host.dane.records) + _SIGNATURE_BYTES
    if size > MAX_DATAGRAM_BYTES:
        yield LARGE.found(
            Severity.INFO,
            host.name,
            seen=f"The {len(host.dane.records)} TLSA records of {host.name} make an answer of "
            f"about {size} bytes; {MAX_DATAGRAM_BYTES} are safe.",
            follows="Some senders may fail to look them up, and then do not deliver.",
            remedy="Keep two records with SHA-256 digests.",
        )
    if any(record.matching_type == WHOLE for record in records):
        yield WHOLE_DATA.found(
            Severity.WARNING,
            host.name,
            seen=f"A TLSA record of {host.name} holds a whole certificate or key.",
            follows="The answer is larger than it need be, and some tools cannot read it.",
            remedy="Publish a SHA-256 digest (matching type 1) in its place.",
            ready=propose_record(host),
        )
    elif records and not any(record.matching_type == 1 for record in records):
        yield ONLY_SHA512.found(
            Severity.INFO,
            host.name,
            seen=f"No TLSA record of {host.name} has a SHA-256 digest.",
            follows="A sender that has no SHA-512 does not verify this host.",
            remedy="Publish a SHA-256 digest (matching type 1).",
            ready=propose_record(host),
        )
    for answer in answers:
        if isinstance(answer, Found) and answer.ttl > MAX_TTL:
            yield LONG_TTL.found(
                Severity.INFO,
                host.name,
                seen=f"The TLSA records of {host.name} are cached for "
                f"{answer.ttl // timedelta(hours=1)} hours.",
                follows="A change of key has to wait for that long.",
                remedy="Set their TTL to an hour.",
            )


def _is_certificate(record: TlsaRecord) -> bool:
    return record.usage == DANE_EE and record.selector == 0


def _say(record: TlsaRecord) -> str:
    return f"{record.usage} {record.selector} {record.matching_type} {record.data.hex()[:12]}…"
