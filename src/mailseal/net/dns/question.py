"""One question to bytes, and which bytes claim to answer it (RFC 1035 §4.1, RFC 6891)."""

import enum
import struct
from dataclasses import dataclass

from mailseal.answers import DnsFailure, LookupFailed, RdType
from mailseal.net.dns.wire import WireError, read_name, render_name
from mailseal.quoting import ascii_only

EDNS_PAYLOAD_BYTES = 1232  # DNS flag day 2020: fits every path without fragments
MAX_REASON_BYTES = 200  # of printable ASCII, so that it fits into an MTA's answer

HEADER = struct.Struct("!6H")
CLASS_IN = 1
TYPE_OPT = 41

_QR = 0x8000
_OPCODE = 0x7800
_PLAIN_QUERY = 0x0120  # RD, and AD: "I understand AD in the answer" (RFC 6840 §5.7)
_CHECKING_DISABLED = 0x0010
_OPT_RECORD = struct.pack("!BHHIH", 0, TYPE_OPT, EDNS_PAYLOAD_BYTES, 0, 0)


class Rcode(enum.IntEnum):
    """The response codes that resolvers give (IANA DNS parameters); others keep their number."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    NOTAUTH = 9
    BADVERS = 16


@dataclass(frozen=True, slots=True)
class Question:
    """A name as in DNS, lower case, and the type asked for; ``wire`` is the question section."""

    name: str
    rdtype: RdType
    wire: bytes


def make_question(name: str, rdtype: RdType) -> Question | LookupFailed:
    """Make the question for an absolute name without a final dot; "" is the root."""
    try:
        wire = render_name(name)
    except WireError as error:
        return malformed(f"{name[:100]!r} cannot be looked up: {error}")
    text, _ = read_name(wire, 0)
    return Question(text, rdtype, wire + struct.pack("!HH", rdtype, CLASS_IN))


def render_query(
    question: Question, query_id: int, *, has_edns: bool = True, is_checking_disabled: bool = False
) -> bytes:
    """Render a recursive query; AD is set, DO is not, since no signature is wanted here."""
    flags = _PLAIN_QUERY | (_CHECKING_DISABLED if is_checking_disabled else 0)
    header = HEADER.pack(query_id, flags, 1, 0, 0, 1 if has_edns else 0)
    return header + question.wire + (_OPT_RECORD if has_edns else b"")


def is_reply(wire: bytes, question: Question, query_id: int) -> bool:
    """Tell whether bytes claim to answer this query; what does not is dropped unread.

    A server that could not even read the query may leave the question out.
    """
    if len(wire) < HEADER.size:
        return False
    reply_id, flags, questions, *_ = HEADER.unpack_from(wire)
    if reply_id != query_id or not flags & _QR or flags & _OPCODE:
        return False
    if questions == 0:
        return flags & 0xF not in (Rcode.NOERROR, Rcode.NXDOMAIN)
    section = wire[HEADER.size : HEADER.size + len(question.wire)]
    # Lower-casing a whole name is safe: a length byte is at most 63, "A" is 65.
    name, type_class = section[:-4], section[-4:]
    return questions == 1 and name.lower() + type_class == question.wire


def printable(text: str) -> str:
    """Make a reason fit for an MTA's answer and a log line: printable ASCII, bounded."""
    return ascii_only(text[:MAX_REASON_BYTES])


def malformed(reason: str) -> LookupFailed:
    """Make the failure for what cannot be asked or read."""
    return LookupFailed(failure=DnsFailure.MALFORMED, reason=printable(reason))
