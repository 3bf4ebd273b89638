"""DNSSEC of the domain: whether what DNS says can be forged (RFC 4033, RFC 7672 §2.1).

Only a resolver that validates can tell; what it calls bogus is refused by every such resolver,
so that mail of senders with DNSSEC fails.
"""

from collections.abc import Iterator, Sequence

from mailseal.answers import Absent, Answer, DnsFailure, DnskeyRecord, DsRecord, Found, LookupFailed
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.results import ResultType

BOGUS = Entry(
    code="dnssec-bogus",
    title="a DNSSEC signature is wrong",
    about="Resolvers that validate refuse such an answer. Senders that use them cannot look the "
    "name up at all: to them it is worse than an unsigned zone.",
    clause="RFC 4035 §5.5, RFC 7672 §2.1.1",
    result=ResultType.DNSSEC_INVALID,
)
NOT_VALIDATED = Entry(
    code="dnssec-not-validated",
    title="the resolver used here does not validate",
    about="Whether answers are signed, and so anything about DANE, can only be judged by a "
    "resolver that validates and is reached over a trusted way. It is tested at the start with "
    "signed names and a bogus one.",
    clause="RFC 7672 §2.1.1, RFC 4035 §4.9.3",
)
SIGNED = Entry(
    code="dnssec-signed",
    title="the domain is signed",
    about="Its MX records are protected by DNSSEC, so that DANE can protect the hosts that they "
    "name.",
    clause="RFC 7672 §2.2.1",
)
UNSIGNED = Entry(
    code="dnssec-unsigned",
    title="the domain is not signed",
    about="Without DNSSEC there is no DANE, and forged MX records go unnoticed by all but MTA-STS.",
    clause="RFC 7672 §2.2.1",
)
NO_DS = Entry(
    code="dnssec-ds-missing",
    title="the zone has keys, but its parent does not vouch for them",
    about="Without a DS record at the parent the chain of trust ends above the zone: it counts "
    "as unsigned. It is the last step of signing a zone, and is lost at times when a domain "
    "moves to another registrar.",
    clause="RFC 4035 §2.4, RFC 4033 §5",
)
NO_DNSKEY = Entry(
    code="dnssec-dnskey-missing",
    title="the parent vouches for keys that the zone does not have",
    about="With a DS record at the parent, resolvers that validate insist on signatures. A move "
    "to name servers that do not sign makes the whole domain disappear for them.",
    clause="RFC 4035 §2.4, §5.2",
    result=ResultType.DNSSEC_INVALID,
)
STALE_DS = Entry(
    code="dnssec-ds-stale",
    title="a DS record belongs to no key of the zone",
    about="One left over from a change of keys does no harm as long as another one is right. "
    "It may also be one that waits for a key to come.",
    clause="RFC 4035 §2.4, RFC 6781 §4.1.2",
)
OLD_ALGORITHM = Entry(
    code="dnssec-old-algorithm",
    title="the zone is signed with an algorithm that resolvers give up",
    about="Resolvers of some current systems treat signatures with SHA-1 as if there were none. "
    "To them the zone is unsigned, and DANE is off.",
    clause="RFC 8624 §3.1, §3.3",
)

ENTRIES = (
    BOGUS,
    NOT_VALIDATED,
    SIGNED,
    UNSIGNED,
    NO_DS,
    NO_DNSKEY,
    STALE_DS,
    OLD_ALGORITHM,
)

MAX_NAMED = 5

_UNREACHABLE = "Senders whose resolvers validate find nothing of this domain, and their mail waits."
_ZONE_KEY = 0x0100  # RFC 4034 §2.1.1: bit 7 of the flags
_REVOKED = 0x0080  # RFC 5011 §7
_OLD_ALGORITHMS = {  # RFC 8624 §3.1
    1: "RSAMD5",
    3: "DSA",
    5: "RSASHA1",
    6: "DSA-NSEC3-SHA1",
    7: "RSASHA1-NSEC3-SHA1",
    12: "ECC-GOST",
}
_OLD_DIGESTS = {1: "SHA-1", 3: "GOST"}  # RFC 8624 §3.3


def check(reading: Reading) -> Iterator[Finding]:
    """Judge what the resolver said of signatures, and the chain at the domain itself."""
    yield from _judge_resolver(reading)
    yield from _judge_bogus(reading)
    yield from _judge_domain(reading)
    records = reading.evidence.records
    yield from _judge_chain(reading, records.ds, records.dnskey)


def key_tag(key: DnskeyRecord) -> int:
    """Return the number that DS records name a key by (RFC 4034 appendix B)."""
    rdata = key.flags.to_bytes(2) + bytes([3, key.algorithm]) + key.key
    if key.algorithm == 1:  # appendix B.1
        return int.from_bytes(key.key[-3:-1])
    total = sum(byte << 8 if index % 2 == 0 else byte for index, byte in enumerate(rdata))
    return (total + (total >> 16)) & 0xFFFF


def _judge_resolver(reading: Reading) -> Iterator[Finding]:
    if reading.evidence.observer.validates is True:
        return
    needs_it = (
        isinstance(reading.evidence.records.ds, Found)
        or any(
            isinstance(lookup.answer, Found)
            for host in reading.hosts
            for lookup in host.evidence.tlsa
        )
        # Without MTA-STS the verdict depends on it.
        or not (reading.wants_sts or reading.takes_no_mail or reading.is_nowhere)
    )
    is_known = reading.evidence.observer.validates is False
    yield NOT_VALIDATED.found(
        Severity.UNKNOWN if needs_it else Severity.INFO,
        reading.domain,
        seen="The resolver used here does not validate DNSSEC."
        if is_known
        else "Whether the resolver used here validates DNSSEC is not known.",
        follows="Whether signatures are good, and whether DANE protects mail, cannot be told."
        if needs_it
        else "That the domain is unsigned is not proven.",
        remedy="Check with a resolver on this machine that validates, such as Unbound.",
    )


def _judge_bogus(reading: Reading) -> Iterator[Finding]:
    evidence = reading.evidence
    records = evidence.records
    own: list[tuple[str, Answer[object] | None]] = [
        (f"MX of {reading.domain}", records.mx),
        (f"TXT of _mta-sts.{reading.domain}", records.sts),
        (f"TXT of _smtp._tls.{reading.domain}", records.tlsrpt),
    ]
    if evidence.policy_host is not None:
        name = evidence.policy_host.name
        own += [(f"A of {name}", evidence.policy_host.a)]
        own += [(f"AAAA of {name}", evidence.policy_host.aaaa)]
    yield from _say_bogus(reading.domain, own)
    for host in evidence.mx_hosts:
        answers: list[tuple[str, Answer[object] | None]] = [
            (f"A of {host.name}", host.a),
            (f"AAAA of {host.name}", host.aaaa),
            (f"CNAME of {host.name}", host.alias),
        ]
        yield from _say_bogus(host.name, answers)


def _say_bogus(
    subject: str, answers: Sequence[tuple[str, Answer[object] | None]]
) -> Iterator[Finding]:
    bogus = [(what, answer) for what, answer in answers if _is_bogus(answer)]
    if not bogus:
        return
    named = ", ".join(what for what, _ in bogus[:MAX_NAMED])
    reason = next(answer.reason for _, answer in bogus if isinstance(answer, LookupFailed))
    yield BOGUS.found(
        Severity.ERROR,
        subject,
        seen=f"DNSSEC validation fails for {named}: {reason}.",
        follows="Senders whose resolvers validate cannot look this up, and their mail waits.",
        remedy="Sign the zone anew, compare its keys with the DS record at the parent, and check "
        "every name server's clock and copy.",
    )


def _is_bogus(answer: Answer[object] | None) -> bool:
    return isinstance(answer, LookupFailed) and answer.failure is DnsFailure.BOGUS


def _judge_domain(reading: Reading) -> Iterator[Finding]:
    answer = reading.evidence.records.mx
    if isinstance(answer, LookupFailed) or reading.evidence.observer.validates is not True:
        return
    if answer.is_secure:
        yield SIGNED.found(
            Severity.INFO,
            reading.domain,
            seen=f"The MX answer of {reading.domain} is signed, and the signatures are good.",
        )
    else:
        yield UNSIGNED.found(
            Severity.INFO,
            reading.domain,
            seen=f"The MX answer of {reading.domain} is not signed.",
            follows="DANE cannot protect mail to this domain.",
            remedy="Sign the zone with DNSSEC, if whoever runs its name servers offers it.",
        )


def _judge_chain(
    reading: Reading, ds: Answer[DsRecord] | None, dnskey: Answer[DnskeyRecord] | None
) -> Iterator[Finding]:
    match ds, dnskey:
        case Absent(), Found():
            yield NO_DS.found(
                Severity.WARNING,
                reading.domain,
                seen=f"{reading.domain} has {len(dnskey.records)} DNSKEY records, but its parent "
                "has no DS record for it.",
                follows="The zone counts as unsigned, and DANE is off.",
                remedy="Have the DS record published by the registrar.",
            )
        case Found(), Absent():
            yield NO_DNSKEY.found(
                Severity.ERROR,
                reading.domain,
                seen=f"The parent of {reading.domain} has a DS record, but the zone has no "
                "DNSKEY record.",
                follows=_UNREACHABLE,
                remedy="Sign the zone, or have the DS record removed by the registrar at once.",
            )
        case Found(), Found():
            yield from _judge_pairs(reading, ds.records, dnskey.records)
        case _:
            pass
    if isinstance(ds, Found):
        yield from _judge_algorithms(reading, ds.records)


def _judge_pairs(
    reading: Reading, ds: Sequence[DsRecord], keys: Sequence[DnskeyRecord]
) -> Iterator[Finding]:
    known = {
        (key_tag(key), key.algorithm)
        for key in keys
        if key.flags & _ZONE_KEY and not key.flags & _REVOKED
    }
    stale = [record for record in ds if (record.key_tag, record.algorithm) not in known]
    if not stale:
        return
    numbers = ", ".join(map(str, dict.fromkeys(record.key_tag for record in stale[:MAX_NAMED])))
    if len(stale) == len(ds):
        yield STALE_DS.found(
            Severity.ERROR,
            reading.domain,
            seen=f"No DS record of {reading.domain} belongs to a key of the zone ({numbers}).",
            follows=_UNREACHABLE,
            remedy="Have the DS record of the present key published by the registrar at once.",
            result=ResultType.DNSSEC_INVALID,
        )
    else:
        yield STALE_DS.found(
            Severity.INFO,
            reading.domain,
            seen=f"DS records of {reading.domain} for the keys {numbers} belong to no key of the "
            "zone.",
            follows="They do no harm while another DS record is right.",
            remedy="Remove them at the registrar, unless a change of keys is under way.",
        )


def _judge_algorithms(reading: Reading, ds: Sequence[DsRecord]) -> Iterator[Finding]:
    """Tell old algorithms where nothing newer stands beside them."""
    if all(record.algorithm in _OLD_ALGORITHMS for record in ds):
        names = dict.fromkeys(_OLD_ALGORITHMS[record.algorithm] for record in ds)
    elif all(record.digest_type in _OLD_DIGESTS for record in ds):
        names = dict.fromkeys(f"{_OLD_DIGESTS[one.digest_type]} in the DS record" for one in ds)
    else:
        return
    yield OLD_ALGORITHM.found(
        Severity.WARNING,
        reading.domain,
        seen=f"{reading.domain} is signed with {', '.join(names)}.",
        follows="Some resolvers treat the zone as unsigned, and DANE is off for those who use "
        "them.",
        remedy="Change to ECDSAP256SHA256 (13), with a SHA-256 digest in the DS record.",
    )
