"""Netstrings: framing, limits, and whole input against byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.wire.netstring import NetstringError, Reader, encode

LIMIT_BYTES = 11_000


def read_all(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """Feed pieces; return the payloads, and whether the stream ended in an error."""
    reader = Reader(LIMIT_BYTES)
    payloads: list[bytes] = []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (payload := reader.next_payload()) is not None:
                payloads.append(payload)
        except NetstringError:
            return payloads, True
    return payloads, False


@pytest.mark.parametrize(
    ("payload", "framed"),
    [
        (b"OK x", b"4:OK x,"),
        (b"", b"0:,"),
        ("OK ü".encode(), b"5:OK \xc3\xbc,"),  # bytes are counted, not characters
        (b"a:b,c", b"5:a:b,c,"),  # the payload may hold colon and comma
    ],
)
def test_encode_counts_bytes(payload: bytes, framed: bytes) -> None:
    """A netstring is the decimal length, a colon, the bytes and a comma."""
    assert encode(payload) == framed
    assert read_all([framed]) == ([payload], False)


@pytest.mark.parametrize(
    "stream",
    [
        b":x,",  # no length
        b"x:y,",  # no digits
        b"-1:x,",  # a sign is no digit
        b"+1:x,",  # int() would take it
        b" 1:x,",  # a blank is no digit
        b"1_0:0123456789,",  # int() would take it
        b"01:x,",  # a leading zero
        b"00:,",  # a leading zero
        b"1:xy",  # no comma where one must be
        b"1:x\n",  # a line feed is no comma
        b"11001:",  # one byte over the limit
        b"99999:",  # as many digits as the limit, but more bytes
        b"999999999:",  # more digits than the limit has
        b"123456",  # the same, before any colon
        b"\r\n",  # someone speaks lines
        b"GET / HTTP/1.1\r\n",  # someone speaks HTTP
        "١:x,".encode(),  # digits, but not ASCII's
    ],
)
def test_malformed_framing_is_an_error(stream: bytes) -> None:
    """What cannot become a netstring any more is refused, whole or byte by byte."""
    assert read_all([stream]) == ([], True)
    assert read_all([bytes([byte]) for byte in stream]) == ([], True)


@pytest.mark.parametrize("stream", [b"", b"1", b"11000:", b"4:OK ", b"4:OK x"])
def test_an_unfinished_netstring_waits(stream: bytes) -> None:
    """Nothing is concluded from a prefix of a good netstring."""
    assert read_all([stream]) == ([], False)


def test_an_overlong_length_is_refused_by_its_digits() -> None:
    """The limit is judged before a byte of the payload came."""
    reader = Reader(10)
    reader.feed(b"11:")
    with pytest.raises(NetstringError, match="at most 10 bytes"):
        reader.next_payload()


def test_one_payload_is_given_at_a_time() -> None:
    """The caller decides how much is worked on; the rest stays and is counted."""
    reader = Reader(10)
    reader.feed(b"1:a,2:bc,1")
    assert reader.next_payload() == b"a"
    assert reader.buffered_bytes == len(b"2:bc,1")
    reader.feed(b":d,")
    assert [reader.next_payload() for _ in range(3)] == [b"bc", b"d", None]
    assert reader.buffered_bytes == 0


def test_what_was_given_back_is_not_kept() -> None:
    """A client that always sends the beginning of its next question costs no more for that."""
    reader = Reader(10)
    reader.feed(b"1")
    for _ in range(1000):
        reader.feed(b":a,1")
        assert reader.next_payload() == b"a"
        assert reader.next_payload() is None
    assert len(reader._buffer) <= 2 * len(b"1:a,1")


@given(payloads=st.lists(st.binary(max_size=40)), cuts=st.lists(st.integers(1, 30)))
def test_any_cutting_reads_the_same(payloads: list[bytes], cuts: list[int]) -> None:
    """Fragments and several netstrings in one segment give the same payloads."""
    stream = b"".join(map(encode, payloads))
    pieces, rest = [], stream
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert read_all([*pieces, rest]) == (payloads, False)


@given(stream=st.binary(max_size=60) | st.text("0123456789:,ab", max_size=60).map(str.encode))
def test_any_bytes_whole_or_one_by_one(stream: bytes) -> None:
    """Garbage is read or refused by our own error, the same however it was cut."""
    assert read_all([stream]) == read_all([bytes([byte]) for byte in stream])
