"""TXT records that ask for reports: what is counted, what is told (RFC 8460 §3)."""

import pytest

import mailseal
from mailseal.deviations import Severity
from mailseal.tlsrpt.record import MAX_URIS, parse_records, read_records
from mailseal.txtrecords.reading import MAX_DEVIATIONS, RecordSyntaxError
from mailseal.txtrecords.selection import MAX_RECORD_BYTES

GOOD = b"v=TLSRPTv1; rua=mailto:tls@example.com"


def test_a_clean_record_has_nothing_to_find_and_renders_again() -> None:
    """What we publish reads back without a deviation."""
    reading = read_records([[GOOD]])
    assert reading.record is not None
    assert reading.deviations == ()
    assert str(reading.record) == GOOD.decode()


def test_error_tells_which_record_and_why() -> None:
    """The exception can be shown to a mail admin as it is."""
    with pytest.raises(RecordSyntaxError) as raised:
        parse_records([[b"v=spf1 -all"], [b"v=TLSRPTv1; rua=tls@example.com"]])
    assert str(raised.value) == (
        'TXT record 2: "tls@example.com" lacks its scheme. Write "mailto:tls@example.com".'
    )
    assert isinstance(raised.value, mailseal.Error)


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        (b"v=TLSRPTv1 ; rua=mailto:a@x.example", "blank-before-semicolon", Severity.ERROR),
        (GOOD + b"; rua=https://x.example/", "duplicate-field", Severity.WARNING),
        (GOOD + b"; v=1", "duplicate-field", Severity.WARNING),
        (GOOD + b",mailto:tls@example.com", "duplicate-uri", Severity.WARNING),
        (GOOD + b",http://x.example/", "unknown-scheme", Severity.WARNING),
        (GOOD + b",", "bad-uri", Severity.ERROR),
        (GOOD + b",mailto:" * MAX_URIS, "bad-uri", Severity.ERROR),
    ],
)
def test_what_is_odd_about_a_usable_record_is_told(
    text: bytes, code: str, severity: Severity
) -> None:
    """Reports come, and yet something is to be put right."""
    reading = read_records([[text]])
    assert reading.record is not None
    assert (reading.deviations[0].code, reading.deviations[0].severity) == (code, severity)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'"v=TLSRPTv1; rua=mailto:a@x.example"', "quotes"),
        (b" v=TLSRPTv1; rua=mailto:a@x.example", "a blank stands in front"),
        ("\ufeffv=TLSRPTv1; rua=mailto:a@x.example".encode(), "a blank stands in front"),
        (b"v=TLSRPTv1, rua=mailto:a@x.example", "not a comma"),
        (b"v=TLSRPTv1 rua=mailto:a@x.example", "semicolon behind v=TLSRPTv1 is missing"),
        (b"v=TLSRPTv1\\; rua=mailto:a@x.example", "backslash"),
        (b"v=tlsrptv1; rua=mailto:a@x.example", "upper- and lower-case"),
        (b"v = TLSRPTv1; rua=mailto:a@x.example", "no blanks"),
        (b"v=TLSRPTv10; rua=mailto:a@x.example", "the only one that exists"),
        (b"v=TLSRPT1; rua=mailto:a@x.example", "the only one that exists"),
        (b"v=TLS-RPTv1; rua=mailto:a@x.example", "the only one that exists"),
        (b"rua=mailto:a@x.example; v=TLSRPTv1", "must come first"),
        (b"v=DMARC1; p=none", "none of the TXT records is for TLS reporting"),
        (b"v=TLSRPTv1", "alone"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example;; x=2", "two semicolons"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example; x", "is no field"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example; x=", "has no value"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example; x=a b", "a blank inside"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example; x=a=b", "a second equals sign"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example; -x=1", "is no field"),
        (b"v=TLSRPTv1; rua = mailto:a@x.example", "blank beside the equals sign"),
        (b"v=TLSRPTv1; x=\xff; rua=mailto:a@x.example", "not ASCII"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example; https://x.example/", "by commas"),
        (b"v=TLSRPTv1; rua=mailto:a@x.example ", "blanks stand at the end"),
    ],
)
def test_the_mistake_is_named_in_words(text: bytes, words: str) -> None:
    """The message says what went wrong, not only that the grammar was left."""
    reading = read_records([[text]])
    assert reading.record is None
    assert words in reading.deviations[0].message


def test_a_record_longer_than_dns_allows_is_discarded() -> None:
    """RDATA has at most 65535 bytes (RFC 1035 §3.2.1); whoever hands us more is not DNS."""
    reading = read_records([[GOOD + b"; x=" + b"y" * MAX_RECORD_BYTES]])
    assert reading.deviations[0].code == "no-usable-record"


def test_addresses_and_deviations_are_bounded() -> None:
    """A record of 64 KiB makes no endless list of either."""
    texts = b",".join(b"mailto:%d@x.example" % number for number in range(2_000))
    reading = read_records([[b"v=TLSRPTv1; rua=" + texts]])
    assert reading.record is not None
    assert len(reading.record.rua) == MAX_URIS
    assert reading.deviations[0].code == "too-many-uris"
    assert len(read_records([[b"v=tlsrpt"]] * 1000).deviations) == MAX_DEVIATIONS
