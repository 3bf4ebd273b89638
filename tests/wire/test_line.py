"""The one-line protocol of Exim's ${readsocket}."""

import pytest

from mailseal.wire import line


@pytest.mark.parametrize(
    ("buffer", "is_complete", "found"),
    [
        (b"example.com\n", False, b"example.com"),
        (b"example.com\r\n", False, b"example.com"),
        (b"example.com\nmore", False, b"example.com"),  # one question per connection
        (b"\n", False, b""),
        (b"example.com", False, None),
        (b"example.com", True, b"example.com"),  # a half-close ends the line
        (b"", True, b""),
    ],
)
def test_a_line_ends_at_its_feed_or_the_clients_end(
    buffer: bytes, is_complete: bool, found: bytes | None
) -> None:
    """The first line counts; without a line feed the client's shutdown ends it."""
    assert line.find_line(buffer, is_complete=is_complete) == found


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_line_has_a_limit(is_complete: bool) -> None:
    """Nobody makes us keep a line longer than any name."""
    assert line.find_line(b"x" * line.MAX_LINE_BYTES + b"\n", is_complete=False)
    with pytest.raises(line.LineTooLongError):
        line.find_line(b"x" * (line.MAX_LINE_BYTES + 1) + b"\n", is_complete=is_complete)


def test_an_answer_is_the_payload_without_its_blank() -> None:
    """NOTFOUND has a blank over socketmap and none in a line."""
    assert line.from_payload(b"NOTFOUND ") == b"NOTFOUND\n"
    assert line.from_payload(b"OK secure match=a.example") == b"OK secure match=a.example\n"
