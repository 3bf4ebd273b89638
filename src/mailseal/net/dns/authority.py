"""Questions to authoritative servers themselves, past every cache (RFC 1034 §4.3.1).

A resolver asks one of a zone's servers and remembers; that another one of them is gone, or says
something else, shows only to who asks each. Signatures are asked for and not verified, which is
the resolver's business: what counts here is when they end.
"""

import asyncio
import secrets
import struct
from datetime import UTC, datetime, timedelta

from mailseal.answers import LookupFailed, RdType
from mailseal.checks.evidence import AuthorityAnswer
from mailseal.net.dns.address import DNS_PORT, ResolverAddress
from mailseal.net.dns.question import (
    CLASS_IN,
    EDNS_PAYLOAD_BYTES,
    HEADER,
    TYPE_OPT,
    Question,
    Rcode,
    is_reply,
    make_question,
    printable,
)
from mailseal.net.dns.reply import MAX_RECORDS
from mailseal.net.dns.transport import exchange_over_tcp
from mailseal.net.dns.wire import (
    Record,
    WireError,
    read_name,
    read_records,
    read_strings,
    read_whole_name,
)
from mailseal.net.https.addresses import is_public
from mailseal.ports.authority import DirectAnswer
from mailseal.quoting import ascii_only

MAX_PROBES = 32  # ours, at one time; a zone has 2 to 8 servers
MAX_TEXTS = 50  # ours, of one answer
MAX_TEXT_CHARS = 500  # ours, of one record
TRIES = 3  # ours: datagrams are lost

_AA, _TC = 0x0400, 0x0200
_RRSIG = 46
_DO = 0x8000  # in the OPT record's TTL (RFC 3225 §3)
_OPT_RECORD = struct.pack("!BHHIH", 0, TYPE_OPT, EDNS_PAYLOAD_BYTES, _DO, 0)


class _NotServedError(WireError):
    """The server does not serve the name, or was not asked; half a sentence says why."""


class AuthorityProber:
    """Asks the servers of zones (the ``ports.ZoneProber`` protocol).

    **Security**: a stranger's zone names whom we ask, so private addresses are left alone unless
    ``allow_private``; answers are bounded, believed by nobody and shown as printable ASCII.
    ``port`` is for tests.
    """

    def __init__(self, *, allow_private: bool = False, port: int = DNS_PORT) -> None:
        self._allow_private = allow_private
        self._port = port
        self._turns = asyncio.Semaphore(MAX_PROBES)

    async def ask(
        self, server: str, address: str, name: str, rdtype: RdType, *, timeout: timedelta
    ) -> DirectAnswer:
        """Ask over a datagram, and over TCP where the answer is too long for one."""
        texts: tuple[str, ...] | None = None
        first_expiry, failure = None, ""
        try:
            async with asyncio.timeout(timeout.total_seconds()), self._turns:
                wire, question = await self._exchange(address, name, rdtype, timeout)
            texts, first_expiry = read_direct(wire, question)
        except TimeoutError:
            failure = "it does not answer"
        except ConnectionRefusedError:
            failure = "no name server listens there"
        except OSError as error:
            failure = f"it cannot be asked: {error.strerror or error}"
        except _NotServedError as error:
            failure = str(error)
        except WireError as error:
            failure = f"its answer cannot be read: {error}"
        answer = AuthorityAnswer(
            server=server,
            address=address,
            name=name,
            rdtype=rdtype.name,
            texts=texts,
            failure=printable(failure),
        )
        return DirectAnswer(answer=answer, first_expiry=first_expiry)

    async def _exchange(
        self, address: str, name: str, rdtype: RdType, timeout: timedelta
    ) -> tuple[bytes, Question]:
        if not self._allow_private and not is_public(address):
            raise _NotServedError("its address is private or reserved, and was not asked")
        question = make_question(name, rdtype)
        if isinstance(question, LookupFailed):
            raise _NotServedError(question.reason)
        query_id = secrets.randbits(16)
        query = HEADER.pack(query_id, 0, 1, 0, 0, 1) + question.wire + _OPT_RECORD
        place = ResolverAddress(host=address, port=self._port)
        reply = await _ask_by_datagram(place, query, question, query_id, timeout / TRIES)
        if HEADER.unpack_from(reply)[1] & _TC:
            reply = await exchange_over_tcp(place, query)
            if not is_reply(reply, question, query_id):
                raise _NotServedError("its answer over TCP is to another question")
        return reply, question


class _Conversation(asyncio.DatagramProtocol):
    """Waits for the one datagram that answers."""

    def __init__(self, question: Question, query_id: int) -> None:
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._question = question
        self._query_id = query_id

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.reply.done() and is_reply(data, self._question, self._query_id):
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc if isinstance(exc, OSError) else OSError(str(exc)))


async def _ask_by_datagram(
    place: ResolverAddress, query: bytes, question: Question, query_id: int, patience: timedelta
) -> bytes:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Conversation(question, query_id), remote_addr=(place.host, place.port)
    )
    try:
        while True:
            transport.sendto(query)
            done, _ = await asyncio.wait({protocol.reply}, timeout=patience.total_seconds())
            if done:
                return protocol.reply.result()
    finally:
        protocol.reply.cancel()
        transport.abort()


def read_direct(wire: bytes, question: Question) -> tuple[tuple[str, ...], datetime | None]:
    """Read an authoritative answer: its records as text, and the first end of a signature.

    Raises ``WireError`` with half a sentence where the server does not serve the name.
    """
    _, flags, questions, answers, authorities, _ = HEADER.unpack_from(wire)
    if answers + authorities > MAX_RECORDS:
        raise _NotServedError(f"its answer has {answers + authorities} records")
    rcode = flags & 0xF
    if rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        known = rcode in Rcode._value2member_map_
        raise _NotServedError(f"it answers {Rcode(rcode).name if known else f'RCODE {rcode}'}")
    at = HEADER.size + (len(question.wire) if questions else 0)
    answer, at = read_records(wire, at, answers)
    authority, at = read_records(wire, at, authorities)
    own = [record for record in answer if record.rdclass == CLASS_IN]
    if not flags & _AA:
        if any(record.rdtype == RdType.NS for record in authority):
            raise _NotServedError("it refers to other servers")
        raise _NotServedError("it does not serve the zone")
    texts = [
        _text(wire, record)
        for record in own
        if record.name == question.name and record.rdtype in (question.rdtype, RdType.CNAME)
    ]
    ends = [_expiry(wire, record) for record in (*own, *authority) if record.rdtype == _RRSIG]
    return tuple(sorted(set(texts))[:MAX_TEXTS]), min(ends, default=None)


def _text(wire: bytes, record: Record) -> str:
    start, end = record.start, record.end
    match record.rdtype:
        case RdType.TXT:
            text = b"".join(read_strings(wire, start, end)).decode("latin-1")
        case RdType.SOA:
            for _ in range(2):
                _, start = read_name(wire, start)
            if start + 20 != end:
                raise _NotServedError("its SOA record has a wrong length")
            text = str(int.from_bytes(wire[start : start + 4], "big"))
        case RdType.CNAME | RdType.NS:
            text = read_whole_name(wire, start, end)
        case RdType.TLSA if end - start >= 3:
            text = "{} {} {} {}".format(*wire[start : start + 3], wire[start + 3 : end].hex())
        case RdType.NSEC3PARAM if end - start >= 5:
            algorithm, flags, iterations = struct.unpack_from("!BBH", wire, start)
            text = f"{algorithm} {flags} {iterations} {wire[start + 5 : end].hex() or '-'}"
        case _:
            text = wire[start:end].hex()
    return ascii_only(text[:MAX_TEXT_CHARS])


def _expiry(wire: bytes, record: Record) -> datetime:
    """Read when a signature ends (RFC 4034 §3.1.5)."""
    if record.end - record.start < 18:
        raise WireError("a signature in its answer is cut off")
    seconds = int.from_bytes(wire[record.start + 8 : record.start + 12], "big")
    return datetime.fromtimestamp(seconds, UTC)
