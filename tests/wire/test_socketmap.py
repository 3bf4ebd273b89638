"""Socketmap payloads: questions read, answers written within Postfix' limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.wire import socketmap
from mailseal.wire.socketmap import Request, RequestSyntaxError


@pytest.mark.parametrize(
    ("payload", "map_name", "key"),
    [
        (b"postfix example.com", "postfix", "example.com"),
        (b"postfix a b  c", "postfix", "a b  c"),  # the key is all after the first blank
        (b"postfix ", "postfix", ""),
        (b" example.com", "", "example.com"),
        ("postfix Bücher.example".encode(), "postfix", "Bücher.example"),
    ],
)
def test_a_request_is_map_blank_key(payload: bytes, map_name: str, key: str) -> None:
    """The map name ends at the first blank (socketmap_table(5))."""
    request = socketmap.parse_request(payload)
    assert request == Request(map_name=map_name, key=key)
    assert socketmap.render_request(map_name, key) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",  # nothing at all
        b"postfix",  # no blank, so no key
        b"postfix \xff\xfe.example",  # not UTF-8
        b"postfix \xed\xa0\x80",  # a surrogate is not UTF-8 either
    ],
)
def test_a_payload_that_is_no_request(payload: bytes) -> None:
    """Without a key, or not in UTF-8, there is no question."""
    with pytest.raises(RequestSyntaxError):
        socketmap.parse_request(payload)


@given(st.binary())
def test_any_bytes_are_a_request_or_our_error(payload: bytes) -> None:
    """Nothing but ``RequestSyntaxError`` comes out of a parser fed with garbage."""
    try:
        request = socketmap.parse_request(payload)
    except RequestSyntaxError:
        return
    assert socketmap.render_request(request.map_name, request.key) == payload


def test_reply_words_to_the_byte() -> None:
    """Status words are upper case and NOTFOUND keeps its blank."""
    assert socketmap.ok(b"dane-only") == b"OK dane-only"
    assert socketmap.notfound() == b"NOTFOUND "
    assert socketmap.temp("no answer yet") == b"TEMP no answer yet"
    assert socketmap.perm("unknown map") == b"PERM unknown map"


def test_reasons_are_short_printable_ascii() -> None:
    """A reason cannot break a log line, and Postfix logs 200 characters of it."""
    assert socketmap.temp("a\r\nb\x00ü") == b"TEMP a??b??"
    assert socketmap.perm("x" * 1000) == b"PERM " + b"x" * 200


@pytest.mark.parametrize("size_bytes", [0, 99_998])  # empty is a broken policy; 100 001 in all
def test_data_that_postfix_would_refuse(size_bytes: int) -> None:
    """Neither empty nor overlong data leaves as OK."""
    with pytest.raises(socketmap.ReplyTooLongError):
        socketmap.ok(b"x" * size_bytes)
    assert len(socketmap.ok(b"x" * 99_997)) == socketmap.MAX_REPLY_BYTES
