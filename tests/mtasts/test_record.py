"""TXT records: what is counted, what is discarded and why (RFC 8461 §3.1)."""

import pytest

import mailseal
from mailseal.deviations import Severity
from mailseal.mtasts.record import StsRecord, parse_records, read_records
from mailseal.txtrecords.reading import MAX_DEVIATIONS, RecordSyntaxError
from mailseal.txtrecords.selection import MAX_RECORD_BYTES


def test_a_clean_record_has_nothing_to_find() -> None:
    """RFC 8461 §3.1's own record reads without a deviation."""
    reading = read_records([[b"v=STSv1; id=20160831085700Z;"]])
    assert reading.record == StsRecord("20160831085700Z")
    assert reading.deviations == ()


def test_a_record_renders_in_the_plain_form() -> None:
    """What we publish is one string without exotic blanks, and reads back."""
    record = StsRecord("20260301T120000")
    assert str(record) == "v=STSv1; id=20260301T120000;"
    assert parse_records([[str(record).encode()]]) == record


def test_ids_differ_by_case() -> None:
    """Ids are compared byte for byte, so that abc and ABC are two policies."""
    assert parse_records([[b"v=STSv1; id=abc"]]) != parse_records([[b"v=STSv1; id=ABC"]])


def test_error_tells_which_record_and_why() -> None:
    """The exception can be shown to a mail admin as it is."""
    with pytest.raises(RecordSyntaxError) as raised:
        parse_records([[b"v=spf1 -all"], [b"v=STSv1; id=2026-03-01"]])
    assert str(raised.value).startswith('TXT record 2: id is "2026-03-01", expected 1 to 32')
    assert raised.value.deviation.code == "bad-id"
    assert isinstance(raised.value, mailseal.Error)


def test_no_record_is_an_error_without_a_number() -> None:
    """An empty answer has no record to point at."""
    with pytest.raises(RecordSyntaxError, match=r"^TXT records: there is no TXT record\."):
        parse_records([])


@pytest.mark.parametrize(
    ("records", "found"),
    [
        # an unrelated record harms nobody
        ([b"v=spf1 -all"], [("other-record", Severity.INFO, 1)]),
        # discarded by every sender, but somebody meant it
        ([b'"v=STSv1; id=2"'], [("discarded-record", Severity.WARNING, 1)]),
        ([b"v=STSv1"], [("discarded-record", Severity.WARNING, 1)]),
    ],
)
def test_what_is_discarded_beside_a_good_record_is_told(
    records: list[bytes], found: list[tuple[str, Severity, int]]
) -> None:
    """Only records that begin with v=STSv1; are counted (RFC 8461 §3.1)."""
    reading = read_records([*([one] for one in records), [b"v=STSv1; id=1"]])
    assert reading.record == StsRecord("1")
    assert [(one.code, one.severity, one.line) for one in reading.deviations] == found


def test_a_blank_before_the_semicolon_is_counted_and_told() -> None:
    """Erratum 6285: grammar and prose differ, so that some senders discard the record."""
    reading = read_records([[b"v=STSv1 ; id=1"]])
    assert reading.record == StsRecord("1")
    assert [(one.code, one.severity) for one in reading.deviations] == [
        ("blank-before-semicolon", Severity.ERROR)
    ]


def test_the_mistake_in_a_discarded_record_decides_when_nothing_else_is_there() -> None:
    """The admin reads what is wrong with the record, not only that there is none."""
    reading = read_records([[b"v=spf1 -all"], [b"v=STSv1, id=1"]])
    assert [(one.code, one.line) for one in reading.deviations] == [
        ("no-usable-record", 2),
        ("other-record", 1),
    ]
    assert "comma" in reading.deviations[0].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'"v=STSv1; id=1"', "quotes"),
        (b'\\"v=STSv1; id=1\\"', "quotes"),
        ("\u201cv=STSv1; id=1\u201d".encode(), "quotes"),
        (b" v=STSv1; id=1", "a blank stands in front"),
        ("\u00a0v=STSv1; id=1".encode(), "a blank stands in front"),
        (b"v=STSv1, id=1", "not a comma"),
        (b"v=STSv1 id=1", "semicolon behind v=STSv1 is missing"),
        (b"v=STSv1\\; id=1", "backslash"),
        (b"v=stsv1; id=1", "upper- and lower-case"),
        (b"v = STSv1; id=1", "no blanks"),
        (b"v:STSv1; id=1", "equals sign"),
        (b"v=STSv2; id=1", "the only one that exists"),
        (b"v=STSv10; id=1", "the only one that exists"),
        (b"v=STS1; id=1", "the only one that exists"),
        (b"id=1; v=STSv1", "must come first"),
        (b"version: STSv1", "this is the policy"),
        (b"v=DMARC1; p=none", "none of the TXT records is for MTA-STS"),
        (b"v=STSv1; id=", '"id=20'),
        (b"v=STSv1; id=a-b", '"id=ab"'),
        (b"v=STSv1; id=" + b"a" * 40, "40 characters"),
        (b"v=STSv1; id=1 x=2", "the semicolon between the fields"),
        (b"v=STSv1; id=1; x=a b", "a blank inside its value"),
        (b"v=STSv1; id=1 ", "blanks stand at the end"),
        (b"v=STSv1; id = 1", "a blank"),
        (b"v=STSv1; id=1;; x=2", "two semicolons"),
        (b"v=STSv1; id=1; x=a=b", "a second equals sign"),
        (b"v=STSv1; id=1; x=", "has no value"),
        (b"v=STSv1; id=1; x", "is no field"),
        (b"v=STSv1; id=1; -x=1", "is no field name"),
        (b"v=STSv1; id=1; x=\xff", "not ASCII"),
        (b"v=STSv1; id=1; x=\x07", "control"),
    ],
)
def test_the_mistake_is_named_in_words(text: bytes, words: str) -> None:
    """The message says what went wrong, not only that the grammar was left."""
    reading = read_records([[text]])
    assert reading.record is None
    assert words in reading.deviations[0].message


def test_a_record_longer_than_dns_allows_is_discarded() -> None:
    """RDATA has at most 65535 bytes (RFC 1035 §3.2.1); whoever hands us more is not DNS."""
    text = b"v=STSv1; id=1; x=" + b"y" * MAX_RECORD_BYTES
    assert read_records([[text]]).deviations[0].code == "no-usable-record"


def test_deviations_are_bounded() -> None:
    """A report ends, whatever a stranger publishes."""
    many = read_records([[b"x"]] * 1000)
    assert len(many.deviations) == MAX_DEVIATIONS
    fields = read_records([[b"v=STSv1; id=1" + b";id=2" * 1000]])
    assert len(fields.deviations) == MAX_DEVIATIONS
