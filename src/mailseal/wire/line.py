"""The one-line protocol for Exim's ${readsocket}: ``domain`` and a line feed, one line back.

It is for whoever has no netstrings: the answer is the socketmap reply's text, and then the
connection ends.
"""

import mailseal

MAX_LINE_BYTES = 1_100  # a domain name in UTF-8, four bytes a character, and some room


class LineTooLongError(mailseal.Error):
    """No line feed came within the limit."""


def find_line(buffer: bytes | bytearray, *, is_complete: bool) -> bytes | None:
    """Return the first line without its end, or None when more bytes are needed.

    With ``is_complete`` the client has shut down its side, which ends a line as well.
    Raises ``LineTooLongError`` for more than ``MAX_LINE_BYTES``.
    """
    end = buffer.find(b"\n", 0, MAX_LINE_BYTES + 1)
    if end < 0:
        if len(buffer) > MAX_LINE_BYTES:
            raise LineTooLongError(f"a line has at most {MAX_LINE_BYTES} bytes")
        if not is_complete:
            return None
        end = len(buffer)
    return bytes(buffer[:end]).removesuffix(b"\r")


def from_payload(payload: bytes) -> bytes:
    """Turn a socketmap reply payload into the answering line."""
    return payload.rstrip(b" ") + b"\n"
