"""What authoritative servers say when each is asked directly, and how little it may cost."""

import asyncio
import contextlib
import struct
from datetime import UTC, datetime, timedelta

import dns.flags
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.answers import RdType
from mailseal.net.dns.authority import MAX_TEXT_CHARS, MAX_TEXTS, AuthorityProber, read_direct
from mailseal.net.dns.question import Question, make_question
from mailseal.net.dns.wire import WireError
from mailseal.ports.authority import DirectAnswer
from tests.net.nameserver import Asked, NameServer, Script, name_server

LONG = timedelta(seconds=20)  # never reached: a failing test ends all the same
SHORT = timedelta(milliseconds=90)
AA = dns.flags.AA
SOA = "example.com 600 SOA ns.example.com. root.example.com. 2026070101 2 3 4 300"
SIGNED = "example.com 600 RRSIG SOA 13 2 600 {} 20260101000000 1 example.com. " + "q83v" * 8


async def ask(
    script: Script, name: str = "example.com", rdtype: RdType = RdType.SOA, *,
    timeout: timedelta = LONG,
) -> tuple[DirectAnswer, NameServer]:  # fmt: skip
    """Ask a scripted server on loopback."""
    async with name_server(script) as server:
        prober = AuthorityProber(allow_private=True, port=server.address.port)
        told = await prober.ask("ns.example.com", "127.0.0.1", name, rdtype, timeout=timeout)
        return told, server


def always(*records: str, **options: object) -> Script:
    """Script one answer to everything."""
    settings: dict[str, object] = {"flags": AA, **options}
    return lambda asked: asked.answer(*records, **settings)  # type: ignore[arg-type]  # a shorthand


@pytest.mark.parametrize(
    ("rdtype", "record", "text"),
    [
        (RdType.SOA, SOA, "2026070101"),
        (RdType.TXT, 'example.com 60 TXT "v=STSv1; i" "d=1;"', "v=STSv1; id=1;"),
        (RdType.TXT, 'example.com 60 TXT "\\027[31m"', "?[31m"),  # no colours from strangers
        (RdType.TLSA, "example.com 60 TLSA 3 1 1 " + "ab" * 32, "3 1 1 " + "ab" * 32),
        (RdType.NSEC3PARAM, "example.com 60 NSEC3PARAM 1 0 150 aabb", "1 0 150 aabb"),
        (RdType.NSEC3PARAM, "example.com 60 NSEC3PARAM 1 0 0 -", "1 0 0 -"),
        (RdType.TXT, "example.com 60 CNAME Other.Example.", "other.example"),
        (RdType.MX, "example.com 60 MX 10 a.", "000a016100"),  # whatever else: its bytes
    ],
)
async def test_records_become_texts(rdtype: RdType, record: str, text: str) -> None:
    """What two servers say can be compared letter by letter."""
    told, server = await ask(always(record), rdtype=rdtype)

    assert told.answer.texts == (text,)
    assert told.answer.failure == ""
    assert (told.answer.server, told.answer.address) == ("ns.example.com", "127.0.0.1")
    assert server.asked[0].query.flags & dns.flags.RD == 0  # nobody is to recurse for us
    assert server.asked[0].query.ednsflags & dns.flags.DO


async def test_the_first_signature_to_end_is_told() -> None:
    """Those beside a denial count, too."""
    late, soon = SIGNED.format("20270101000000"), SIGNED.format("20260801000000")
    told, _ = await ask(always(SOA, late, authority=[soon]))

    assert told.answer.texts == ("2026070101",)
    assert told.first_expiry == datetime(2026, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
async def test_a_denial_is_no_record_and_no_failure(rcode: dns.rcode.Rcode) -> None:
    """The server knows the zone, and has nothing at the name."""
    told, _ = await ask(always(authority=[SOA], rcode=rcode), rdtype=RdType.TXT)

    assert told.answer.texts == ()
    assert told.first_expiry is None


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (always(rcode=dns.rcode.REFUSED, flags=0), "it answers REFUSED"),
        (always(rcode=dns.rcode.SERVFAIL), "it answers SERVFAIL"),
        (always(SOA, flags=0), "it does not serve the zone"),  # an answer from some cache
        (always(authority=["example.com 9 NS ns.example."], flags=0), "it refers to other servers"),
        (lambda asked: asked.answer(SOA, flags=AA)[:-20],
         "its answer cannot be read: a record that does not end"),
    ],
    ids=["refused", "servfail", "lame", "referral", "garbage"],
)  # fmt: skip
async def test_a_server_that_does_not_serve_the_zone_says_why(script: Script, failure: str) -> None:
    """A lame server is told from a silent one."""
    told, _ = await ask(script)

    assert told.answer.texts is None
    assert told.answer.failure == failure


async def test_a_silent_server_is_asked_again_and_then_given_up() -> None:
    """Datagrams are lost, so one try is none; the deadline holds all the same."""
    told, server = await ask(lambda _: None, timeout=SHORT)

    assert told.answer.failure == "it does not answer"
    assert 2 <= len(server.asked) <= 4


async def test_nothing_listens_is_told_at_once() -> None:
    """The machine itself said so."""
    async with name_server(lambda _: None) as server:
        port = server.address.port
    prober = AuthorityProber(allow_private=True, port=port)
    told = await prober.ask("ns.example", "127.0.0.1", "example.com", RdType.SOA, timeout=LONG)

    assert told.answer.failure == "no name server listens there"


async def test_what_answers_another_question_is_passed_over() -> None:
    """A forger's guess does not end the wait for the answer."""

    def script(asked: Asked) -> list[bytes]:
        true = asked.answer(SOA, flags=AA)
        forged = bytes([true[0] ^ 1]) + true[1:]
        return [forged, true] if not asked.is_tcp else [true]

    told, _ = await ask(script)
    assert told.answer.texts == ("2026070101",)


async def test_a_truncated_answer_comes_over_tcp() -> None:
    """Keys and signatures do not fit into a datagram."""

    def script(asked: Asked) -> bytes:
        if asked.is_tcp:
            return asked.answer(SOA, flags=AA)
        return asked.answer(flags=AA | dns.flags.TC)

    told, server = await ask(script)
    assert told.answer.texts == ("2026070101",)
    assert [asked.is_tcp for asked in server.asked] == [False, True]


async def test_texts_are_bounded() -> None:
    """A zone of a thousand records does not fill anybody's evidence."""
    lines = "\n".join(
        f'example.com 60 TXT "{number:03}' + "x" * 200 + '" "' + "y" * 250 + '" "' + "z" * 250 + '"'
        for number in range(80)
    )
    told, _ = await ask(
        lambda asked: asked.answer(lines, flags=AA) if asked.is_tcp
        else asked.answer(flags=AA | dns.flags.TC),
        rdtype=RdType.TXT,
    )  # fmt: skip
    assert told.answer.texts is not None
    assert len(told.answer.texts) == MAX_TEXTS
    assert max(map(len, told.answer.texts)) == MAX_TEXT_CHARS


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"])
async def test_private_addresses_are_not_asked(address: str) -> None:
    """A stranger's zone may name any address as its server's."""
    told = await AuthorityProber().ask("ns", address, "example.com", RdType.SOA, timeout=LONG)

    assert "private" in told.answer.failure


async def test_a_call_that_is_given_up_leaves_nothing_open() -> None:
    """Sockets are closed behind a cancelled question; warnings are errors here."""
    async with name_server(lambda _: None) as server:
        prober = AuthorityProber(allow_private=True, port=server.address.port)
        asking = asyncio.create_task(
            prober.ask("ns", "127.0.0.1", "example.com", RdType.SOA, timeout=LONG)
        )
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


_HEADERS = st.tuples(st.integers(0x8000, 0xFFFF), *[st.integers(0, 3)] * 3)


@given(st.binary(max_size=300), st.sampled_from(RdType), _HEADERS)
def test_any_bytes_are_read_or_refused(
    data: bytes, rdtype: RdType, header: tuple[int, int, int, int]
) -> None:
    """Nothing but our own error comes out of the reader."""
    asked = make_question("a.example", rdtype)
    assert isinstance(asked, Question)
    flags, *counts = header
    wire = struct.pack("!6H", 7, flags & 0x87FF, 1, *counts) + asked.wire + data
    texts: tuple[str, ...] = ()
    with contextlib.suppress(WireError):
        texts, _ = read_direct(wire, asked)
    assert all(text.isprintable() for text in texts)
