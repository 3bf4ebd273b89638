"""What holds for all inputs: only our own errors, bounds kept, what is rendered reads back."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mailseal.tlsrpt.record import TlsrptRecord, parse_records, read_records
from mailseal.tlsrpt.uri import UriSyntaxError, parse_uri
from mailseal.txtrecords.reading import MAX_DEVIATIONS, RecordSyntaxError

# Text made of the grammar's own pieces gets far deeper than random bytes do.
PIECES = st.sampled_from(
    b"v=TLSRPTv1|;| |\t|rua|=|rua=|mailto:|https://|,|@|a|x.example|%2C|%|!10m|/|?|:|[::1]|443|"
    b'v=TLSRPTv1; rua=|mailto:tls@example.com|\xc3\xbc|\xff|\x00|"|http:'.split(b"|")
)
TEXTS = st.lists(PIECES | st.binary(max_size=4), max_size=25).map(b"".join)

MAILBOXES = st.from_regex(r"mailto:[a-z0-9+_-]{1,20}@[a-z][a-z0-9]{0,10}\.example", fullmatch=True)
URLS = st.from_regex(r"https://[a-z][a-z0-9]{0,10}\.example/[a-zA-Z0-9=&?]{0,10}", fullmatch=True)
RECORDS = st.lists(MAILBOXES | URLS, min_size=1, max_size=5, unique=True).map(
    lambda texts: TlsrptRecord(tuple(map(parse_uri, texts)))
)


@given(RECORDS)
def test_a_rendered_record_reads_back_without_a_deviation(record: TlsrptRecord) -> None:
    """parse(render(x)) == x, and what we publish leaves the grammar nowhere."""
    reading = read_records([[str(record).encode()]])
    assert reading.record == record
    assert reading.deviations == ()


@given(st.lists(st.lists(TEXTS, max_size=3), max_size=4))
def test_any_answer_is_a_record_or_our_own_error(records: list[list[bytes]]) -> None:
    """Messages are printable and bounded in number; a record renders to what reads the same."""
    reading = read_records(records)
    assert len(reading.deviations) <= MAX_DEVIATIONS
    assert all(one.message.isascii() and one.message.isprintable() for one in reading.deviations)
    try:
        record = parse_records(records)
    except RecordSyntaxError:
        assert reading.record is None
        return
    assert record.rua
    assert parse_records([[str(record).encode()]]) == record


@given(TEXTS.map(lambda text: text.decode("utf-8", "replace")))
def test_any_text_is_an_address_or_our_own_error(text: str) -> None:
    """A URI keeps its text, has a domain, and holds neither comma nor semicolon."""
    try:
        uri = parse_uri(text)
    except UriSyntaxError:
        return
    assert uri.text == text
    assert uri.domain
    assert not set(text) & set(",;! ")


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_how_a_record_is_cut_into_strings_changes_nothing(text: bytes, cuts: list[int]) -> None:
    """Character-strings are joined without blanks (RFC 8460 §3)."""
    text = b"v=TLSRPTv1; rua=mailto:a@x.example; " + text
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    strings = [text[start:end] for start, end in itertools.pairwise(edges)]
    assert read_records([strings]) == read_records([[text]])
