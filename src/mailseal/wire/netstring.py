"""Netstrings: decimal length, colon, that many bytes, comma; read piece by piece within limits."""

import mailseal


class NetstringError(mailseal.Error):
    """Bytes are not a netstring within the limit; what follows on the stream cannot be read."""


def encode(payload: bytes) -> bytes:
    """Frame a payload as one netstring."""
    return b"%d:%b," % (len(payload), payload)


class Reader:
    """Takes a stream apart into payloads, however the network has cut it.

    ``feed`` keeps bytes, ``next_payload`` gives them back one netstring at a time, so that the
    caller decides how much is worked on at once. A length is judged by its digits, before any
    byte of the payload is waited for; leading zeros and overlong lengths are errors.
    After an error the reader stays useless, as its stream is.
    """

    __slots__ = ("_buffer", "_limit_bytes", "_most_digits", "_start")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._most_digits = len(str(limit_bytes))
        self._buffer = bytearray()
        self._start = 0

    @property
    def buffered_bytes(self) -> int:
        """How many bytes were fed and not given back yet."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes) -> None:
        """Append what was received."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def next_payload(self) -> bytes | None:
        """Return the next whole payload, or None when more bytes are needed.

        Raises ``NetstringError`` as soon as the bytes at hand can no longer become a netstring.
        """
        buffer, start = self._buffer, self._start
        colon = buffer.find(b":", start, start + self._most_digits + 1)
        digits = buffer[start : colon if colon >= 0 else start + self._most_digits + 1]
        if not digits and colon < 0:
            return None
        if not digits.isdigit():
            raise NetstringError(f"a length is decimal digits, got {bytes(digits)!r}")
        if digits[0] == 0x30 and len(digits) > 1:
            raise NetstringError("a length has no leading zero")
        if int(digits) > self._limit_bytes:
            raise NetstringError(f"a payload has at most {self._limit_bytes} bytes")
        if colon < 0:
            return None
        end = colon + 1 + int(digits)
        if len(buffer) <= end:
            return None
        if buffer[end] != 0x2C:
            raise NetstringError("a comma must follow the payload")
        self._start = end + 1
        payload = bytes(buffer[colon + 1 : end])
        if self._start == len(buffer):
            buffer.clear()
            self._start = 0
        return payload
