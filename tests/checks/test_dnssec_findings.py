"""Findings about DNSSEC, and about the zone at its own servers."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.answers import Answer, DnsFailure, DnskeyRecord, DsRecord
from mailseal.checks import dnssec, zone
from mailseal.checks.dnssec import key_tag
from mailseal.checks.evidence import (
    AuthorityAnswer,
    Evidence,
    PolicyHostEvidence,
    RecordEvidence,
    SignatureFacts,
)
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import read
from mailseal.testing.evidence import NOW, absent, domain_evidence, failed, found, host, records

from .mxworld import domain
from .tables import Row, each_of, severities

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue

# RFC 4034 §5.4: the key of dskey.example.com., whose tag is 60485.
KEY = DnskeyRecord(
    flags=256,
    algorithm=5,
    key=base64.b64decode(
        "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMm"
        "mAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
    ),
)
NEW_KEY = replace(KEY, algorithm=13, flags=257)
BOGUS = failed(DnsFailure.BOGUS, "the signature has expired")


def ds(key: DnskeyRecord, *, digest_type: int = 2, off: int = 0) -> DsRecord:
    """The DS record of a key; ``off`` makes it one of another key."""
    return DsRecord(
        key_tag=key_tag(key) ^ off,
        algorithm=key.algorithm,
        digest_type=digest_type,
        digest=bytes(32),
    )


def judge(evidence: Evidence) -> list[Finding]:
    """Return what both modules find."""
    reading = read(evidence)
    return [*dnssec.check(reading), *zone.check(reading)]


def having(own: RecordEvidence | None = None, **others: object) -> Evidence:
    """A domain with these records."""
    own = replace(own or records(), **others)  # type: ignore[arg-type] # named in a table
    return domain_evidence(own_records=own)


def without_sts(own: RecordEvidence | None = None) -> Evidence:
    """A domain that publishes nothing of MTA-STS."""
    gone = PolicyHostEvidence(name="mta-sts.example.com", a=absent(), aaaa=absent())
    return replace(having(own, sts=absent()), policy_host=gone)


def chained(
    ds_answer: Answer[DsRecord], key_answer: Answer[DnskeyRecord], *, is_secure: bool = True
) -> Evidence:
    """A domain with these ends of the chain."""
    return having(records(is_secure=is_secure), ds=ds_answer, dnskey=key_answer)


def seen_by(evidence: Evidence, *, validates: bool | None) -> Evidence:
    """The same, seen through another resolver."""
    return replace(evidence, observer=replace(evidence.observer, validates=validates))


def serving(*serials: str | None) -> Evidence:
    """A zone whose servers have these serial numbers; None for one that is silent."""
    return having(
        authorities=tuple(
            AuthorityAnswer(
                server=f"ns{number}.example.com",
                address=f"192.0.2.{50 + number}",
                name="example.com",
                rdtype="SOA",
                texts=(serial,) if serial else None,
                failure="" if serial else "no answer in time",
            )
            for number, serial in enumerate(serials, 1)
        )
    )


def signed(*, hours: float = 200, iterations: int | None = None) -> Evidence:
    """A zone with signatures of this kind."""
    facts = SignatureFacts(first_expiry=NOW + timedelta(hours=hours), nsec3_iterations=iterations)
    return having(signatures=facts)


PRODUCED: list[Row] = [
    (dnssec.BOGUS, E, having(mx=BOGUS)),
    (dnssec.BOGUS, E, having(sts=BOGUS)),
    (dnssec.BOGUS, E, domain_evidence(replace(host(), a=BOGUS))),
    (dnssec.NOT_VALIDATED, I, seen_by(domain_evidence(), validates=None)),
    (dnssec.NOT_VALIDATED, I, seen_by(domain_evidence(), validates=False)),
    (dnssec.NOT_VALIDATED, U, seen_by(without_sts(), validates=None)),  # as the verdict
    (dnssec.NOT_VALIDATED, I, seen_by(without_sts(records((0, ""))), validates=False)),  # null MX
    (dnssec.NOT_VALIDATED, U, seen_by(chained(found(ds(KEY)), found(KEY)), validates=False)),
    (dnssec.SIGNED, I, having(records(is_secure=True))),
    (dnssec.SIGNED, I, having(mx=absent(is_secure=True))),
    (dnssec.UNSIGNED, I, domain_evidence()),
    (dnssec.NO_DS, W, chained(absent(), found(KEY), is_secure=False)),
    (dnssec.NO_DNSKEY, E, chained(found(ds(KEY)), absent())),
    (dnssec.STALE_DS, E, chained(found(ds(KEY, off=1)), found(KEY))),
    (dnssec.STALE_DS, E, chained(found(ds(KEY)), found(replace(KEY, flags=0x180)))),  # revoked
    (dnssec.STALE_DS, I, chained(found(ds(NEW_KEY), ds(NEW_KEY, off=1)), found(NEW_KEY))),
    (dnssec.OLD_ALGORITHM, W, chained(found(ds(KEY)), found(KEY))),
    (dnssec.OLD_ALGORITHM, W, chained(found(ds(NEW_KEY, digest_type=1)), found(NEW_KEY))),
    (zone.SERVER_FAILS, W, serving("1", None)),
    (zone.SERVER_FAILS, U, serving(None, None)),  # perhaps it is us
    (zone.SERVERS_DIFFER, W, serving("1", "2")),
    (zone.SIGNATURE_ENDS, W, signed(hours=20)),
    (zone.SIGNATURE_ENDS, E, signed(hours=-1)),
    (zone.ITERATIONS, I, signed(iterations=5)),
    (zone.ITERATIONS, W, signed(iterations=100)),
]


@each_of(PRODUCED)
def test_each_fault_is_found(entry: Entry, severity: Severity, evidence: Evidence) -> None:
    """What resolvers that validate refuse is an error; what only weakens is a warning."""
    assert severities(judge(evidence), entry) == {severity}


def test_every_entry_is_produced() -> None:
    """No code is in the catalogue for nothing."""
    assert {entry for entry, _, _ in PRODUCED} == {*dnssec.ENTRIES, *zone.ENTRIES}


def codes(findings: Sequence[Finding]) -> list[str]:
    """Return the codes."""
    return [one.code for one in findings]


@pytest.mark.parametrize(
    "evidence",
    [
        chained(found(ds(NEW_KEY)), found(NEW_KEY)),
        chained(found(ds(NEW_KEY), ds(KEY)), found(NEW_KEY, KEY)),  # an old key beside a new one
        chained(absent(), absent()),  # a name within a signed zone
        domain(host(is_secure=True), is_secure=True),
    ],
)
def test_of_a_well_signed_domain_only_that_is_said(evidence: Evidence) -> None:
    """What is right is said once."""
    assert codes(judge(evidence)) == ["dnssec-signed"]


@pytest.mark.parametrize("evidence", [serving("1", "1"), signed(), signed(iterations=0)])
def test_nothing_is_found_at_servers_that_agree(evidence: Evidence) -> None:
    """Fresh signatures and equal serial numbers are no findings."""
    assert codes(judge(evidence)) == ["dnssec-unsigned"]


def test_a_newer_digest_beside_an_old_one_makes_a_chain_as_good_as_new() -> None:
    """Resolvers take the best one that they know (RFC 4509 §3)."""
    both = found(ds(NEW_KEY, digest_type=1), ds(NEW_KEY))

    assert codes(judge(chained(both, found(NEW_KEY)))) == ["dnssec-signed"]


def test_only_serial_numbers_tell_that_servers_differ() -> None:
    """Records in another order, or of another type, are no other zone."""
    evidence = serving("1", "1")
    (first, second) = evidence.records.authorities
    other = replace(second, rdtype="TXT", texts=("v=STSv1; id=1;",))
    own = replace(evidence.records, authorities=(first, other))

    assert zone.SERVERS_DIFFER.code not in codes(judge(replace(evidence, records=own)))


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (signed(hours=20), "A signature of the zone ends in 20 hours."),
        (signed(hours=-3), "A signature of the zone ended 3 hours ago."),
        (signed(iterations=50), "protects nobody"),  # as many as resolvers go along with
        (signed(iterations=51), "treat the zone as unsigned"),
        (seen_by(domain_evidence(), validates=None), "validates DNSSEC is not known."),
        (seen_by(domain_evidence(), validates=False), "used here does not validate DNSSEC."),
    ],
)
def test_what_is_said_depends_on_what_was_seen(evidence: Evidence, words: str) -> None:
    """How long there still is, what resolvers do, and whether anybody knows."""
    said = [f"{one.seen} {one.follows}" for one in judge(evidence)]

    assert any(words in one for one in said), said


def test_a_failure_that_is_not_bogus_proves_nothing() -> None:
    """A time-out is said where the record is judged, not here."""
    assert codes(judge(having(sts=failed(DnsFailure.TIMEOUT, "no answer")))) == ["dnssec-unsigned"]


def test_key_tags_are_those_of_the_standard() -> None:
    """RFC 4034 §5.4 and appendix B.1 give examples."""
    assert key_tag(KEY) == 60485
    old = DnskeyRecord(flags=256, algorithm=1, key=bytes([1, 2, 3, 4, 5]))
    assert key_tag(old) == 0x0304
