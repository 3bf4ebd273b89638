"""Replies as they come off the wire, whole or byte by byte (RFC 5321 §4.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.net.smtp.reply import (
    MAX_LINE_BYTES,
    MAX_REPLY_LINES,
    Reply,
    ReplyReader,
    ReplySyntaxError,
)

PIECES = st.sampled_from(
    [b"220", b"250-", b"421 ", b"\r\n", b"\n", b"\r", b"x", b"\0", b"\xff", b"2" * 300, b" "]
)
STREAMS = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(b"".join))


def read(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    """Return the replies of a stream, and whether it broke."""
    reader, replies = ReplyReader(), []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (reply := reader.next_reply()) is not None:
                replies.append(reply)
        except ReplySyntaxError:
            return replies, True
    return replies, False


def one(raw: bytes) -> Reply:
    """Return the only reply of a stream."""
    (reply,), _ = read([raw])
    return reply


@pytest.mark.parametrize(
    ("raw", "reply"),
    [
        (b"220 mx ESMTP\r\n", Reply(code=220, lines=("mx ESMTP",))),
        (b"250-mx\r\n250-SIZE 1\r\n250 HELP\r\n", Reply(code=250, lines=("mx", "SIZE 1", "HELP"))),
        (b"250\n", Reply(code=250, lines=("",))),  # neither text nor CR
        (b"250-mx\r\n421 no\r\n", Reply(code=421, lines=("mx", "no"))),  # the last code counts
        (b"220 a\0b\xe9\r\n", Reply(code=220, lines=("a?b?",))),  # nothing that could act
    ],
)
def test_a_reply_is_read(raw: bytes, reply: Reply) -> None:
    """Code, and every line's text."""
    assert one(raw) == reply


def test_a_reply_is_written_down_on_one_line() -> None:
    """Lines without text leave no gap."""
    assert str(one(b"250-mx1\r\n250-\r\n250 HELP\r\n")) == "250 mx1 HELP"
    assert str(one(b"250\r\n")) == "250"


@pytest.mark.parametrize(
    "raw",
    [
        b"hello\r\n",  # no code
        b"22 0\r\n",  # two digits
        b"2200 a\r\n",  # four
        b"220_a\r\n",  # neither blank nor hyphen
        b"620 a\r\n",  # no such class
        b"\r\n",  # nothing
        b"\xb2\xb2\xb0 a\r\n",  # digits of another alphabet
        b"220 " + b"a" * MAX_LINE_BYTES + b"\r\n",  # a line too long
        b"2" * (MAX_LINE_BYTES + 1),  # and one that does not end
        b"250-a\r\n" * MAX_REPLY_LINES,  # as many lines as anybody has, and no last one
    ],
)
def test_what_is_no_reply_is_refused(raw: bytes) -> None:
    """Each is told, and nothing is guessed."""
    assert read([raw]) == ([], True)


def test_the_longest_reply_is_still_one() -> None:
    """The bounds are what is allowed, not the first that is refused."""
    longest = b"220 " + b"a" * (MAX_LINE_BYTES - 5) + b"\n"
    assert len(one(longest).lines[0]) == MAX_LINE_BYTES - 5
    assert len(one(b"250-a\r\n" * (MAX_REPLY_LINES - 1) + b"250 a\r\n").lines) == MAX_REPLY_LINES


def test_what_is_left_behind_a_reply_is_known() -> None:
    """What came in clear behind the 220 to STARTTLS must never pass for TLS."""
    reader = ReplyReader()
    reader.feed(b"220 go\r\n250 in")
    assert reader.next_reply() is not None
    assert (reader.pending_bytes, reader.is_amid_reply) == (6, True)


@given(STREAMS, st.integers(1, 7))
def test_any_bytes_give_the_same_however_they_are_cut(stream: bytes, size: int) -> None:
    """Replies or our own error, whole as piece by piece, and always printable."""
    whole = read([stream])
    assert read([stream[at : at + size] for at in range(0, len(stream), size)]) == whole
    assert read([stream[at : at + 1] for at in range(len(stream))]) == whole
    for reply in whole[0]:
        assert str(reply).isascii()
        assert str(reply).isprintable()
        assert 100 <= reply.code < 600


@given(
    st.lists(
        st.builds(
            Reply,
            code=st.integers(100, 599),
            lines=st.lists(
                st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80),
                min_size=1,
                max_size=10,
            ).map(tuple),
        ),
        max_size=5,
    )
)
def test_replies_that_were_written_read_back(replies: list[Reply]) -> None:
    """What a good server sends is what is read."""
    wire = b"".join(
        f"{reply.code}{' ' if at == len(reply.lines) else '-'}{line}\r\n".encode()
        for reply in replies
        for at, line in enumerate(reply.lines, 1)
    )
    assert read([wire]) == (replies, False)
