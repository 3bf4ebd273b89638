"""SMTP replies, taken apart as they come in (RFC 5321 §4.2)."""

import re
from dataclasses import dataclass

import mailseal
from mailseal.quoting import ascii_only

MAX_LINE_BYTES = 2048  # ours; RFC 5321 §4.5.3.1.5 has 512, long lists of AUTH go beyond it
MAX_REPLY_LINES = 100  # ours, as Postfix's and Exim's EHLO has 15 at most

# RFC 5321 §4.2 begins with 2 to 5; "1yz" has no use in SMTP, yet it is a reply.
_LINE = re.compile(rb"([1-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


class ReplySyntaxError(mailseal.Error):
    """What a server sends is not SMTP, or goes beyond the bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply: the code of its last line, and every line's text in printable ASCII."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """Return the reply on one line, as people write it down."""
        return f"{self.code} {' '.join(line for line in self.lines if line)}".rstrip()


class ReplyReader:
    """Cuts a stream into replies; whatever comes in, it holds one line and one reply at most.

    Lines end with LF, before which a CR may stand: servers that forget it are understood by
    every sender.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._lines: list[str] = []

    @property
    def pending_bytes(self) -> int:
        """Return how many bytes came in behind the last reply that was taken."""
        return len(self._buffer)

    @property
    def is_amid_reply(self) -> bool:
        """Tell whether a reply has begun that has not ended."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> None:
        """Take in what was received; the caller bounds the sum of it."""
        self._buffer += data

    def next_reply(self) -> Reply | None:
        """Return the next whole reply, None until there is one.

        Raises ``ReplySyntaxError``; the reader is of no use after that.
        """
        while (line := self._next_line()) is not None:
            match = _LINE.fullmatch(line)
            if match is None:
                raise ReplySyntaxError(f'expected an SMTP reply, got "{ascii_only(line[:60])}"')
            code, mark, text = match.groups()
            self._lines.append(ascii_only(text or b""))
            if mark != b"-":
                # Of several codes the last one counts, as for Postfix.
                reply = Reply(code=int(code), lines=tuple(self._lines))
                self._lines.clear()
                return reply
            if len(self._lines) >= MAX_REPLY_LINES:
                raise ReplySyntaxError(f"a reply goes on for more than {MAX_REPLY_LINES} lines")
        return None

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched, MAX_LINE_BYTES + 1)
        if end < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise ReplySyntaxError(f"a line of a reply exceeds {MAX_LINE_BYTES} bytes")
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._searched = 0
        return line
