"""Findings about DANE: whether it is in use, whether it matches, whether it lasts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure, Found
from mailseal.checks import danematch, danerollover, daneservers, daneuse
from mailseal.checks.evidence import AuthorityAnswer, Evidence, SmtpSession, TlsaLookup
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import read
from mailseal.dane.match import MAX_WHOLE_ISSUERS
from mailseal.dane.tlsa import TlsaRecord
from mailseal.results import ResultType
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import NOW, absent, failed, found, host, session, tls

from .mxworld import (
    MX1,
    MX2,
    V4,
    V4_TOO,
    at,
    digest,
    domain,
    expired,
    record_for,
    self_signed,
    unseen,
    with_lookup,
    without_starttls,
    wrong_name,
)
from .tables import Row, each_of

MODULES = (daneuse, danematch, danerollover, daneservers)
ENTRIES: tuple[Entry, ...] = tuple(entry for module in MODULES for entry in module.ENTRIES)

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue


def judge(evidence: Evidence) -> list[Finding]:
    """Return what the modules of this test find."""
    reading = read(evidence)
    return [finding for module in MODULES for finding in module.check(reading)]


GOOD = session()
OWN = record_for(GOOD)
NEXT = digest(1)
ISSUER = record_for(GOOD, (2, 1, 1), depth=1)
SELF = self_signed()


def dane(*records: TlsaRecord, shown: SmtpSession = GOOD, mode: str | None = None) -> Evidence:
    """A domain whose only host has these records."""
    return domain(at(MX1, shown, tlsa=records), mode=mode)


def insecure_mx(name: str) -> Evidence:
    """A host with records behind MX records that are not signed."""
    return domain(at(name, session(name), tlsa=(NEXT,)), mode=None, is_secure=False)


def looked_up(**changes: object) -> Evidence:
    """A signed domain and host, with another look-up of TLSA."""
    return domain(with_lookup(at(MX1, GOOD), **changes), mode=None, is_secure=True)


def insecure_host(records: Found[TlsaRecord]) -> Evidence:
    """A host in an unsigned zone that has TLSA records all the same."""
    lookup = TlsaLookup(base=MX1, name=f"_25._tcp.{MX1}", answer=records)
    return domain(replace(at(MX1, GOOD), tlsa=(lookup,)), mode=None, is_secure=True)


def unsigned_throughout() -> Evidence:
    """A host that has TLSA records where nothing at all is signed."""
    lookup = TlsaLookup(base=MX1, name=f"_25._tcp.{MX1}", answer=found(OWN))
    host = replace(at(MX1, GOOD), tlsa=(lookup,))
    return domain(host, mode=None, is_secure=False)


def cached_for(days: int) -> Evidence:
    """A good host whose records are cached for long."""
    evidence = dane(OWN, NEXT)
    one = evidence.mx_hosts[0]
    answer = one.tlsa[0].answer
    assert isinstance(answer, Found)
    lookup = replace(one.tlsa[0], answer=found(*answer.records, is_secure=True))
    long = Found(
        records=answer.records,
        ttl=timedelta(days=days),
        is_secure=True,
        canonical=answer.canonical,
    )
    return replace(evidence, mx_hosts=(replace(one, tlsa=(replace(lookup, answer=long),)),))


def with_life(days: int, left: int) -> SmtpSession:
    """A session with a certificate of a certain life, of which some days are left."""
    ends = NOW + timedelta(days=left)
    chain = make_chain((MX1,), not_before=ends - timedelta(days=days), not_after=ends)
    return session(handshake=tls(chain=chain))


def form(text: str, shown: SmtpSession = GOOD, depth: int = 0) -> TlsaRecord:
    """The record of a form, such as ``3 1 1``, for a session."""
    usage, selector, matching_type = map(int, text.split())
    return record_for(shown, (usage, selector, matching_type), depth=depth)


def served(*texts: tuple[str, ...] | None, rdtype: str = "TLSA") -> Evidence:
    """Good DANE, with what each name server says; None for one that does not answer."""
    evidence = dane(OWN, NEXT)
    answers = tuple(
        AuthorityAnswer(
            server=f"ns{number}.example.com",
            address=f"192.0.2.{number}",
            name=f"_25._tcp.{MX1}",
            rdtype=rdtype,
            texts=each,
            failure="" if each is not None else "gives no answer",
        )
        for number, each in enumerate(texts, 1)
    )
    return replace(evidence, records=replace(evidence.records, authorities=answers))


def behind_alias(failure: DnsFailure) -> Evidence:
    """A host that is an alias out of its signed zone, whose CNAME cannot be looked up."""
    one = replace(at(MX1, GOOD), a=found(V4, name="mail.example.net"))
    return domain(replace(one, alias=failed(failure, "no answer")), mode=None, is_secure=True)


def whole_issuers(count: int) -> tuple[TlsaRecord, ...]:
    """Records that hold whole keys, readable ones, which nobody has."""
    ed25519 = bytes.fromhex("302a300506032b6570032100")  # what stands before the key (RFC 8410 §4)
    keys = (ed25519 + bytes([number]) * 32 for number in range(count))
    return tuple(TlsaRecord(usage=2, selector=1, matching_type=0, data=key) for key in keys)


ONE, TWO = (str(OWN), str(NEXT)), (str(OWN),)

PRIVATE = session(handshake=tls(MX1, distrust="unknown-ca"))
LEAF_ONLY = session(handshake=tls(chain=make_chain((MX1,))[:1], distrust="incomplete-chain"))
UNUSABLE = digest(1, (1, 1, 1))

PRODUCED: list[Row] = [
    (daneuse.INSECURE_MX, E, insecure_mx(MX1)),
    (daneuse.INSECURE_MX, W, insecure_mx("mx.provider.net")),  # not this owner's records
    (daneuse.INSECURE_MX, E, unsigned_throughout()),
    (daneuse.INSECURE_ADDRESS, E, insecure_host(found(OWN, is_secure=True))),
    (daneuse.INSECURE_ADDRESS, E, insecure_host(found(OWN))),
    (daneuse.INSECURE, E, looked_up(answer=found(OWN))),
    (daneuse.FAILED, E, looked_up(answer=failed(DnsFailure.BOGUS, "bogus"))),
    (daneuse.FAILED, E, looked_up(answer=failed(), at_name=absent())),  # TLSA alone fails
    (daneuse.UNKNOWN, U, looked_up(answer=failed(DnsFailure.TIMEOUT, "no answer"))),
    (daneuse.UNKNOWN, U, looked_up(answer=failed(DnsFailure.REFUSED, "REFUSED"))),
    (daneuse.FAILED, E, behind_alias(DnsFailure.SERVFAIL)),
    (daneuse.UNKNOWN, U, behind_alias(DnsFailure.TIMEOUT)),
    (daneuse.DENIAL, E, looked_up(answer=failed(), at_name=failed())),
    (daneuse.DENIAL, W, looked_up(answer=absent(is_secure=True), at_name=failed())),
    (daneuse.UNUSABLE, W, dane(OWN, NEXT, UNUSABLE)),
    (daneuse.UNUSABLE, W, dane(OWN, NEXT, replace(NEXT, data=bytes(31)))),
    (daneuse.NONE_USABLE, E, dane(UNUSABLE)),
    (daneuse.PARTIAL, W, domain(at(MX1, GOOD, tlsa=(OWN, NEXT)), host(MX2, is_secure=True))),
    (daneuse.CONTRADICTION, W, dane(record_for(SELF), shown=SELF, mode="enforce")),
    (daneuse.CONTRADICTION, W, dane(record_for(SELF), shown=SELF, mode="testing")),
    (daneuse.CONTRADICTION, W, dane(NEXT, mode="enforce")),
    (daneuse.CONTRADICTION, W, domain(at(MX1, GOOD, tlsa=(OWN, NEXT)), covered=("a.test",))),
    (danematch.MISMATCH, E, dane(NEXT)),
    (danematch.MISMATCH, E, dane(NEXT, digest(2), mode="testing")),
    (danematch.MISMATCH, E, dane(digest(1, (2, 0, 1)))),
    (danematch.MISMATCH, E,
     domain(at(MX1, GOOD, self_signed(MX1, V4_TOO), tlsa=(OWN,)))),  # one of two addresses
    (danematch.MISMATCH, W, insecure_mx(MX1)),  # only some senders look at it
    (danematch.NOT_SENT, E, dane(ISSUER, shown=LEAF_ONLY)),
    (danematch.REFUSED, E, dane(form("2 1 1", expired(), 1), shown=expired())),
    (danematch.REFUSED, E, dane(form("2 0 1", wrong_name(), 1), shown=wrong_name())),
    (danematch.SUPERSEDED, E, dane(OWN, digest(1, (3, 1, 2)))),
    (danematch.SUPERSEDED, E, dane(ISSUER, digest(1, (2, 1, 2)))),
    (danematch.UNCHECKED, U, dane(*whole_issuers(MAX_WHOLE_ISSUERS + 1))),
    (danerollover.UNPREPARED, I, dane(OWN)),
    (danerollover.UNPREPARED, I, dane(OWN, form("3 0 1"))),  # one certificate, twice
    (danerollover.REPEATED, I, dane(OWN, NEXT, form("3 0 1"))),
    (danerollover.STALE, W, dane(OWN, NEXT, digest(2, (3, 0, 1)))),
    (danerollover.FRAGILE, W, dane(form("3 0 1", with_life(90, 60)), shown=with_life(90, 60))),
    (danerollover.FRAGILE, W, dane(ISSUER)),
    (danerollover.EXPIRING, W, dane(form("3 0 1", with_life(365, 7)), shown=with_life(365, 7))),
    (danerollover.LARGE, I, dane(OWN, *(digest(number) for number in range(1, 30)))),
    (danerollover.WHOLE_DATA, W, dane(form("3 1 0"), NEXT)),
    (danerollover.ONLY_SHA512, I, dane(form("3 1 2"), digest(1, (3, 1, 2)))),
    (danerollover.LONG_TTL, I, cached_for(2)),
    (daneservers.DIFFERENT, W, served(ONE, TWO)),
    (daneservers.DIFFERENT, W, served(ONE, ())),
    (daneservers.DIFFERENT, W, served(ONE, None)),
]  # fmt: skip


@each_of(PRODUCED)
def test_each_fault_is_found_with_the_severity_of_its_context(
    entry: Entry, severity: Severity, evidence: Evidence
) -> None:
    """What is seen, what follows and the clause."""
    found_here = [finding for finding in judge(evidence) if finding.code == entry.code]

    assert {finding.severity for finding in found_here} == {severity}
    for finding in found_here:
        assert finding.seen.endswith(".")
        assert ".." not in finding.seen
        assert finding.clause
        assert finding.remedy


def test_every_entry_is_produced() -> None:
    """No code is in the catalogue for nothing."""
    assert {entry.code for entry, _, _ in PRODUCED} == {entry.code for entry in ENTRIES}


GOOD_EVIDENCE = {
    "no-dane": domain(at(MX1, GOOD)),
    "no-dane-signed": domain(host(is_secure=True), is_secure=True),
    "no-dane-without-tls": domain(at(MX1, without_starttls())),
    "next-key": dane(OWN, NEXT),
    "next-key-enforce": dane(OWN, NEXT, mode="enforce"),
    "next-key-testing": dane(NEXT, OWN, mode="testing"),
    "key-and-issuer": dane(OWN, ISSUER),
    "key-and-issuer-enforce": dane(OWN, ISSUER, mode="enforce"),
    "own-issuer": dane(form("2 1 1", PRIVATE, 1), shown=PRIVATE),  # an authority of one's own
    "expired": dane(record_for(expired()), NEXT, shown=expired()),
    "wrong-name": dane(record_for(wrong_name()), NEXT, shown=wrong_name()),
    "self-signed": dane(record_for(SELF), NEXT, shown=SELF),
    "unseen": dane(OWN, NEXT, shown=unseen()),  # said elsewhere
    "two-hosts": domain(
        at(MX1, GOOD, tlsa=(OWN, NEXT)),
        at(MX2, session(MX2), tlsa=(record_for(session(MX2)), NEXT)),
    ),
    "servers-agree": served(ONE, ONE),
    "another-zone": served(None, None),  # these servers do not have it
    "other-types": served(ONE, TWO, rdtype="TXT"),
    "insecure-mx-without-records": domain(at(MX1, GOOD), is_secure=False),
    "insecure-mx-unusable-records": domain(at(MX1, GOOD, tlsa=(UNUSABLE,)), is_secure=False),
    "no-validation": replace(
        insecure_host(found(OWN)),
        observer=replace(domain(at(MX1, GOOD)).observer, validates=False),
    ),
    "unsigned-host-whose-tlsa-fails": domain(
        replace(with_lookup(at(MX1, GOOD)), a=found(V4, name=MX1)), is_secure=True
    ),  # nobody asks
}


@pytest.mark.parametrize("name", GOOD_EVIDENCE)
def test_nothing_is_found_where_all_is_well(name: str) -> None:
    """Good DANE, or none at all, gives no finding."""
    assert judge(GOOD_EVIDENCE[name]) == []


# -- details --------------------------------------------------------------------------------


def test_a_mismatch_comes_with_the_record_of_the_key_that_is_shown() -> None:
    """The owner may publish it as it stands."""
    (finding,) = [each for each in judge(dane(NEXT)) if each.code == "tlsa-mismatch"]

    assert [(each.place, each.text) for each in finding.ready] == [
        (f"_25._tcp.{MX1}", f"TLSA {OWN}")
    ]
    assert finding.result is ResultType.TLSA_INVALID


def test_records_are_proposed_for_where_they_stand() -> None:
    """Behind an alias the base domain is another name (RFC 7672 §2.2.2)."""
    base = "mail.example.net"
    one = at(MX1, GOOD, tlsa=(NEXT,))
    lookup = replace(one.tlsa[0], base=base, name=f"_25._tcp.{base}")
    one = replace(one, a=found(V4, name=base, is_secure=True), tlsa=(lookup,))
    findings = judge(domain(one, mode=None))

    assert {ready.place for each in findings for ready in each.ready} == {f"_25._tcp.{base}"}


def test_one_address_with_another_key_is_named() -> None:
    """Sooner or later a sender meets it."""
    evidence = domain(at(MX1, GOOD, self_signed(MX1, V4_TOO), tlsa=(OWN, NEXT)), mode=None)

    assert [(each.code, each.subject) for each in judge(evidence)] == [
        ("tlsa-mismatch", f"{MX1} [{V4_TOO}]")
    ]


@pytest.mark.parametrize(
    ("shown", "result", "why"),
    [
        (expired(), ResultType.CERTIFICATE_EXPIRED, "the server's certificate expired on"),
        (wrong_name(), ResultType.CERTIFICATE_HOST_MISMATCH, "is for other.example.org"),
    ],
)
def test_a_bad_chain_below_the_named_issuer_says_what_is_wrong(
    shown: SmtpSession, result: ResultType, why: str
) -> None:
    """It is not the record that has to be changed."""
    record = record_for(shown, (2, 1, 1), depth=1)
    (finding,) = [each for each in judge(dane(record, shown=shown)) if "refused" in each.code]

    assert finding.result is result
    assert why in finding.seen
    own = record_for(shown)
    assert [ready.text for ready in finding.ready] == [f"TLSA {own}"]  # as the remedy says


@pytest.mark.parametrize(
    ("record", "word"),
    [(digest(1), "its record"), (digest(1, (2, 0, 1)), "send the whole chain")],
)
def test_what_to_do_about_a_mismatch_depends_on_what_the_record_is_about(
    record: TlsaRecord, word: str
) -> None:
    """An issuer that no certificate of the chain is may be a root that was not sent."""
    (finding,) = [each for each in judge(dane(record)) if each.code == "tlsa-mismatch"]

    assert word in finding.remedy


def test_the_domain_counts_as_a_name_behind_signed_mx_records() -> None:
    """RFC 7672 §3.2.2: a certificate for the domain itself is good for its MX hosts."""
    shown = session(handshake=tls("example.com", distrust="unknown-ca"))
    record = record_for(shown, (2, 1, 1), depth=1)

    assert judge(dane(record, shown=shown)) == []


def test_a_name_server_that_answers_nothing_is_not_told_for_tlsa() -> None:
    """That it is out of order is said of the zone, once."""
    evidence = served(ONE, None)
    own = evidence.records.authorities
    soa = replace(own[1], name="example.com", rdtype="SOA")
    evidence = replace(evidence, records=replace(evidence.records, authorities=(*own, soa)))

    assert judge(evidence) == []


def test_each_host_without_records_is_told_the_record_to_publish() -> None:
    """Half of DANE protects half of the mail."""
    evidence = domain(at(MX1, GOOD, tlsa=(OWN, NEXT)), host(MX2, is_secure=True))
    (finding,) = judge(evidence)

    assert finding.subject == MX2
    assert finding.ready[0].place == f"_25._tcp.{MX2}"
