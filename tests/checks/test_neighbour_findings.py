"""Findings about SPF, DKIM, DMARC and CAA: presence and syntax, warnings at most."""

import base64
from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailseal.answers import Answer, CaaRecord
from mailseal.checks import caa, dkim, dmarc, spf
from mailseal.checks.evidence import DkimLookup, Evidence
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import read
from mailseal.testing.evidence import absent, domain_evidence, failed, found, host, records, txt

from .mxworld import domain
from .oddcertificates import rsa_public_key
from .tables import Row, each_of, severities

W, I, U = Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue

MODULES = (spf, dkim, dmarc, caa)


@cache
def key(bits: int = 2048) -> str:
    """A public key in base64."""
    data = rsa_public_key(bits).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(data).decode()


def judge(evidence: Evidence) -> list[Finding]:
    """Return what the modules find."""
    reading = read(evidence)
    return [finding for module in MODULES for finding in module.check(reading)]


def having(**others: object) -> Evidence:
    """A good domain with these records."""
    own = replace(records(), **others)  # type: ignore[arg-type] # named in a table
    return domain_evidence(own_records=own)


def sending(*texts: str) -> Evidence:
    """A domain with these TXT records."""
    return having(txt=txt(*texts))


def signing(*texts: str) -> Evidence:
    """A domain with these TXT records at the selector s1."""
    answer: Answer[tuple[bytes, ...]] = txt(*texts, name="s1._domainkey.example.com")
    return having(dkim=(DkimLookup(selector="s1", answer=answer),))


def asking(*texts: str) -> Evidence:
    """A domain with these TXT records at _dmarc."""
    return having(dmarc=txt(*texts, name="_dmarc.example.com"))


def below(*texts: str) -> Evidence:
    """A domain without a record, below one with these at _dmarc."""
    return having(dmarc=absent(), parent_dmarc=txt(*texts, name="_dmarc.com"))


def record(tag: str, value: str, *, flags: int = 0) -> CaaRecord:
    """One CAA record."""
    return CaaRecord(flags=flags, tag=tag, value=value.encode())


def issued(*values: str, mode: str | None = "enforce") -> Evidence:
    """A domain with issue records."""
    evidence = domain(host(), mode=mode)
    answer = found(*(record("issue", value) for value in values))
    return replace(evidence, records=replace(evidence.records, caa=answer))


GOOD_DMARC = "v=DMARC1; p=reject; sp=none"

PRODUCED: list[Row] = [
    (spf.UNKNOWN, U, having(txt=failed())),
    (spf.ABSENT, I, sending("google-site-verification=1")),
    (spf.ABSENT, I, having(txt=absent())),
    (spf.PRESENT, I, sending("v=spf1 mx -all")),
    (spf.PRESENT, I, sending("v=spf1 redirect=_spf.example.net")),
    (spf.SEVERAL, W, sending("v=spf1 -all", "v=spf1 mx -all")),
    (spf.SYNTAX, W, sending("v=spf1 ipv4:192.0.2.1 -all")),
    (spf.OPEN, W, sending("v=spf1 +all")),
    (spf.LOOKUPS, W, sending(f"v=spf1 {' '.join(['a:x.example'] * 11)} -all")),
    (dkim.UNKNOWN, U, having(dkim=(DkimLookup(selector="s1", answer=failed()),))),
    (dkim.ABSENT, W, having(dkim=(DkimLookup(selector="s1", answer=absent()),))),
    (dkim.PRESENT, I, signing(f"v=DKIM1; p={key()}")),
    (dkim.SEVERAL, W, signing("v=DKIM1; p=", "v=DKIM1; p=")),
    (dkim.SYNTAX, W, signing("v=DKIM1; p=MIIB")),
    (dkim.REVOKED, I, signing("v=DKIM1; p=")),
    (dkim.WEAK, I, signing(f"v=DKIM1; p={key(1024)}")),
    (dkim.TESTING, I, signing(f"v=DKIM1; t=y; p={key()}")),
    (dmarc.UNKNOWN, U, having(dmarc=failed())),
    (dmarc.UNKNOWN, U, having(dmarc=absent(), parent_dmarc=failed())),
    (dmarc.ABSENT, I, having(dmarc=absent())),
    (dmarc.ABSENT, I, below("v=spf1 -all")),
    (dmarc.PRESENT, I, asking(GOOD_DMARC)),
    (dmarc.PRESENT, I, below(GOOD_DMARC)),
    (dmarc.SEVERAL, W, asking(GOOD_DMARC, GOOD_DMARC)),
    (dmarc.SYNTAX, W, asking("v=DMARC1; p=deny")),
    (caa.UNKNOWN, U, having(caa=failed())),
    (caa.ABSENT, I, having(caa=absent())),
    (caa.PRESENT, I, issued("ca.example.net")),
    (caa.PRESENT, I, issued("ca.example.net; validationmethods=dns-01", ";")),
    (caa.PRESENT, I, domain_evidence(
        replace(host(), caa=found(record("issue", "ca.example.net"))))),
    (caa.FORBIDS, W, issued(";")),
    (caa.FORBIDS, I, issued(";", mode=None)),  # nobody needs a certificate
    (caa.MALFORMED, W, issued("ca example net")),
    (caa.MALFORMED, W, issued("ca.example.net; nothing")),
    (caa.MALFORMED, W, having(caa=found(record("future", "x", flags=128)))),
]  # fmt: skip


@each_of(PRODUCED)
def test_each_fault_is_found(entry: Entry, severity: Severity, evidence: Evidence) -> None:
    """What was meant and has no effect is a warning; what is merely absent is not."""
    assert severities(judge(evidence), entry) == {severity}


def test_every_entry_is_produced_and_none_is_an_error() -> None:
    """Neighbours are not what mailseal is for."""
    assert {entry for entry, _, _ in PRODUCED} == {
        entry for module in MODULES for entry in module.ENTRIES
    }
    for _, _, evidence in PRODUCED:
        assert not any(one.severity is Severity.ERROR for one in judge(evidence))


def test_what_nobody_asked_about_is_not_found() -> None:
    """A scan leaves the neighbours out; that is no absence."""
    assert judge(domain_evidence()) == []


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (sending("v=spf1 mx ~all"), "fails softly"),
        (sending("v=spf1 redirect=_spf.example.net"), '"_spf.example.net"'),
        (below(GOOD_DMARC), "_dmarc.com asks for none here"),
        (signing(f"v=DKIM1; s=tlsrpt; p={key()}"), "for other services than mail"),
        (issued("ca.example.net", "CA.example.org"), "ca.example.net, ca.example.org only"),
    ],
)
def test_what_is_there_is_told_in_a_few_words(evidence: Evidence, words: str) -> None:
    """An owner recognises his own record."""
    (finding,) = judge(evidence)
    assert words in finding.seen
