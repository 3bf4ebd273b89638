"""Socketmap, the question and answer of Postfix' and Sendmail's remote tables (socketmap_table(5)).

These functions handle payloads; ``netstring`` frames them.
"""

import re
from dataclasses import dataclass

import mailseal
from mailseal.quoting import ascii_only

MAX_REQUEST_BYTES = 11_000  # Postfix' 10 000 for a key (dict_sockmap), and room for a map name
MAX_REPLY_BYTES = 100_000  # Postfix' socketmap_max_reply_size, without framing
MAX_REASON_BYTES = 200  # what Postfix logs of a reason
_MAX_READ_CHARS = 4 * MAX_REASON_BYTES  # three host names of 253 bytes fit in
_LONG_WORD = re.compile(r"\S{41,}")  # in a reason that is too long: names that nobody reads whole
_HEAD_CHARS, _TAIL_CHARS = 10, 27  # the end of a name says whose it is


class RequestSyntaxError(mailseal.Error):
    """A payload is no question: it has no key, or bytes that are not UTF-8."""


class ReplyTooLongError(mailseal.Error):
    """Data would not fit into one reply; Postfix would defer the mail for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A table's name and the key that is looked up in it; the key may hold blanks."""

    map_name: str
    key: str


def parse_request(payload: bytes) -> Request:
    """Read ``map key``; the key is everything after the first blank, even nothing.

    Raises ``RequestSyntaxError`` when there is no blank or the bytes are not UTF-8.
    """
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestSyntaxError("the request is not UTF-8") from error
    map_name, blank, key = text.partition(" ")
    if not blank:
        raise RequestSyntaxError("the request has no key")
    return Request(map_name=map_name, key=key)


def render_request(map_name: str, key: str) -> bytes:
    """Write a question as a payload."""
    return f"{map_name} {key}".encode()


def ok(data: bytes) -> bytes:
    """Render "found"; Postfix takes empty data for a broken policy, so there must be some."""
    payload = b"OK " + data
    if not data or len(payload) > MAX_REPLY_BYTES:
        raise ReplyTooLongError(f"data has 1 to {MAX_REPLY_BYTES - 3} bytes, got {len(data)}")
    return payload


def notfound() -> bytes:
    """Render "no entry"; the blank is part of the documented form."""
    return b"NOTFOUND "


def temp(reason: str) -> bytes:
    """Render "ask again later": the MTA defers the mail and logs the reason."""
    return b"TEMP " + _printable(reason)


def perm(reason: str) -> bytes:
    """Render "this question is wrong": the MTA defers the mail and logs the reason."""
    return b"PERM " + _printable(reason)


def _printable(reason: str) -> bytes:
    text = ascii_only(reason[:_MAX_READ_CHARS])
    if len(text) > MAX_REASON_BYTES:
        # Else a long name at the beginning would leave no room for the cause behind it.
        text = _LONG_WORD.sub(lambda word: _shortened(word[0]), text)
    return text[:MAX_REASON_BYTES].encode("ascii")


def _shortened(word: str) -> str:
    return f"{word[:_HEAD_CHARS]}...{word[-_TAIL_CHARS:]}"
