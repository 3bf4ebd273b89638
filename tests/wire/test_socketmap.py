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
    assert socketmap.perm("x " * 1000) == b"PERM " + b"x " * 100


@pytest.mark.parametrize("length", [1, 41, 120, 190, 1000])
@pytest.mark.parametrize("form", ["{} gave no address", "{}: MX look-up: timeout", "no {}, no {}"])
def test_a_long_name_leaves_room_for_the_cause(form: str, length: int) -> None:
    """What fits stays as it is; what does not is shortened within its longest words first."""
    name = ("a" * length + ".example.com")[-253:]
    reason = form.format(*[name] * form.count("{}"))
    said = socketmap.temp(reason).decode().removeprefix("TEMP ")

    assert len(said) <= socketmap.MAX_REASON_BYTES
    assert said == reason or "..." in said
    assert (said == reason) is (len(reason) <= socketmap.MAX_REASON_BYTES)
    for word in form.replace("{}", ".example.com").split():
        assert word in said


@pytest.mark.parametrize("size_bytes", [0, 99_998])  # empty is a broken policy; 100 001 in all
def test_data_that_postfix_would_refuse(size_bytes: int) -> None:
    """Neither empty nor overlong data leaves as OK."""
    with pytest.raises(socketmap.ReplyTooLongError):
        socketmap.ok(b"x" * size_bytes)
    assert len(socketmap.ok(b"x" * 99_997)) == socketmap.MAX_REPLY_BYTES
