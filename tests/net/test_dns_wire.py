"""Our reader of DNS bytes against a general library's, and against names made to hurt."""

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.answers import Found, MxRecord, RdType
from mailseal.net.dns.question import Question, make_question
from mailseal.net.dns.reply import read_reply
from mailseal.net.dns.wire import WireError, read_name, render_name

_LABEL = st.one_of(st.binary(min_size=1, max_size=63), st.sampled_from([b"mx", b"Example", b"_25"]))
_NAME = st.lists(_LABEL, max_size=3).map(lambda labels: dns.name.Name([*labels, b""]))
_STRINGS = st.lists(st.binary(max_size=255), min_size=1, max_size=4)


def _text(name: dns.name.Name) -> str:
    lower = name.canonicalize()
    return "" if lower == dns.name.root else lower.to_text(omit_final_dot=True)


@given(_NAME)
def test_names_are_written_as_the_library_writes_them(name: dns.name.Name) -> None:
    """Any bytes in a label; the text reads back to the same name."""
    wire = name.to_wire()
    assert wire is not None
    text, end = read_name(wire, 0)
    assert text == _text(name)
    assert end == len(wire)
    assert render_name(text) == wire.lower()


@given(st.text(alphabet='ab.\\019 "@é', max_size=12))
def test_texts_are_names_where_the_library_thinks_so(text: str) -> None:
    """What we look up is what was written; in doubt we look up nothing."""
    try:
        wire = render_name(text)
    except WireError:
        return
    assert wire == dns.name.from_text(text + "." if text else ".").to_digestable()


@given(_NAME, st.lists(st.tuples(st.integers(0, 65_535), _NAME), min_size=1, max_size=5))
def test_mx_records_are_read_as_the_library_reads_them(
    name: dns.name.Name, hosts: list[tuple[int, dns.name.Name]]
) -> None:
    """Names are compressed against one another in every way that a server may choose."""
    question = make_question(_text(name), RdType.MX)
    assert isinstance(question, Question)
    message = dns.message.make_response(dns.message.make_query(name, "MX"))
    rrset = dns.rrset.from_text_list(name, 60, "IN", "MX", [f"{p} {h}" for p, h in hosts])
    message.answer.append(rrset)
    reply = read_reply(message.to_wire(), question, is_trusted=False)
    assert isinstance(reply, Found), reply
    assert set(reply.records) == {MxRecord(preference=p, host=_text(h)) for p, h in hosts}


@given(st.lists(_STRINGS, min_size=1, max_size=4))
def test_txt_strings_are_kept_apart(records: list[list[bytes]]) -> None:
    """Strings and their order are the record's; only equal records fall together."""
    question = make_question("a.example", RdType.TXT)
    assert isinstance(question, Question)
    message = dns.message.make_response(dns.message.make_query("a.example", "TXT"))
    wires = [b"".join(bytes([len(part)]) + part for part in record) for record in records]
    datas = [
        dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.TXT, wire, 0, len(wire))
        for wire in wires
    ]
    message.answer.append(dns.rrset.from_rdata_list("a.example.", 60, datas))
    reply = read_reply(message.to_wire(max_size=65_535), question, is_trusted=False)
    assert isinstance(reply, Found), reply
    assert set(reply.records) == {tuple(record) for record in records}


@pytest.mark.parametrize(
    ("wire", "at"),
    [
        (b"\xc0\x00", 0),  # points at itself
        (b"\xc0\x02\xc0\x00", 0),  # points forward
        (b"\x01a\xc0\x00", 0),  # points at its own beginning
        (b"\x01a", 0),  # does not end
        (b"\x05ab", 0),  # ends within a label
        (b"\xc0", 0),  # half of a pointer
        (b"\x40a\x00", 0),  # a kind of label that was given up
        (b"\x80a\x00", 0),
        ((b"\x3f" + b"a" * 63) * 4 + b"\x00", 0),  # 257 bytes
        (b"\x00" + b"".join(b"\xc0" + bytes([max(2 * n - 1, 0)]) for n in range(80)), 159),
    ],
)
def test_names_made_to_hurt_are_refused(wire: bytes, at: int) -> None:
    """Reading ends after few steps, whatever the pointers say."""
    with pytest.raises(WireError):
        read_name(wire, at)
