"""Any datagram ends in a value: hostile bytes cannot raise through the reader (RFC 1035 §4)."""

import struct
from datetime import timedelta

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.answers import Absent, Found, LookupFailed, RdType
from mailseal.net.dns.question import Question, is_reply, make_question, render_query
from mailseal.net.dns.reply import read_reply

_HEADERS = st.tuples(st.integers(0x8000, 0xFFFF), *[st.integers(0, 3)] * 3)


def question(rdtype: RdType = RdType.A, name: str = "a.example") -> Question:
    """Make a question that is known to be good."""
    made = make_question(name, rdtype)
    assert isinstance(made, Question)
    return made


@given(st.binary(max_size=300), st.sampled_from(RdType), _HEADERS)
def test_any_bytes_become_a_value(
    data: bytes, rdtype: RdType, header: tuple[int, int, int, int]
) -> None:
    """A header, the true question and then anything: a value, with a printable reason."""
    asked = question(rdtype)
    flags, *counts = header
    wire = struct.pack("!6H", 7, flags & 0x87FF, 1, *counts) + asked.wire + data
    assert is_reply(wire, asked, 7)
    reply = read_reply(wire, asked, is_trusted=True)
    if isinstance(reply, LookupFailed):
        assert reply.reason.isascii()
        assert reply.reason.isprintable()


@given(st.binary(max_size=60))
def test_any_bytes_can_be_told_from_a_reply(data: bytes) -> None:
    """The check before the reading takes whatever comes."""
    is_reply(data, question(), 7)


@given(st.text(max_size=300))
def test_any_name_is_a_question_or_a_failure(name: str) -> None:
    """A name out of an MX record may hold anything."""
    made = make_question(name, RdType.A)
    if isinstance(made, Question):
        again = make_question(made.name, RdType.A)
        assert isinstance(again, Question)
        assert again.wire == made.wire


@pytest.mark.parametrize("has_edns", [True, False])
@pytest.mark.parametrize("is_checking_disabled", [True, False])
def test_queries_are_what_the_library_would_render(
    has_edns: bool, is_checking_disabled: bool
) -> None:
    """Queries are put together by hand; the library reads them back."""
    wire = render_query(
        question(RdType.TLSA, "_25._tcp.MX.example"),
        0xBEEF,
        has_edns=has_edns,
        is_checking_disabled=is_checking_disabled,
    )
    query = dns.message.from_wire(wire)
    assert query.id == 0xBEEF
    assert query.question[0].to_text() == "_25._tcp.mx.example. IN TLSA"
    assert query.flags & (dns.flags.RD | dns.flags.AD) == dns.flags.RD | dns.flags.AD
    assert bool(query.flags & dns.flags.CD) is is_checking_disabled
    assert (query.edns, query.payload) == ((0, 1232) if has_edns else (-1, 0))
    expected = dns.message.make_query(
        "_25._tcp.mx.example.", "TLSA", use_edns=0 if has_edns else False, payload=1232, id=0xBEEF
    )
    expected.flags = query.flags
    assert wire == expected.to_wire()


def test_the_case_of_a_reply_does_not_matter() -> None:
    """Some servers answer with the name as they have stored it."""
    asked = question()
    wire = struct.pack("!6H", 7, 0x8180, 1, 0, 0, 0) + asked.wire.replace(b"example", b"EXAMPLE")
    assert is_reply(wire, asked, 7)
    assert isinstance(read_reply(wire, asked, is_trusted=False), Absent)


def test_a_ttl_with_the_high_bit_is_zero() -> None:
    """RFC 2181 §8: else a hostile server could have an answer kept for 136 years."""
    asked = question()
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0xFFFFFFFF, 4) + b"\xc0\x00\x02\x01"
    wire = struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0) + asked.wire + record
    reply = read_reply(wire, asked, is_trusted=False)
    assert isinstance(reply, Found), reply
    assert reply.ttl == timedelta(0)
