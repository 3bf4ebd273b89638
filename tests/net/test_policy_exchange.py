"""Whatever a policy host sends, and however it is cut up, ends in one outcome."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from mailseal.net.https.exchange import Body, PolicyExchange, Refused
from tests.net.policyhost import BODY, HEAD, response

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
TOO_LARGE = response(b"x" * 65_537)

_PIECES = st.sampled_from([
    HEAD, b"\r\n", b"HTTP/1.1 ", b"200", b"302", b" OK\r\n", b"Content-Length: 7\r\n",
    b"Content-Type: text/plain\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n",
    b"0\r\n\r\n", b"Location: x\r\n", b": ", b"\x00", b"ffffffffffffffff\r\n", BODY,
])  # fmt: skip


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Drop bytes."""

    def abort(self) -> None:
        """Note the end."""
        self.is_aborted = True


def exchange(pieces: list[bytes]) -> Body | Refused:
    """Let a host say pieces of data and then be gone."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(_exchange(pieces))
    finally:
        loop.close()


async def _exchange(pieces: list[bytes]) -> Body | Refused:
    protocol, wire = PolicyExchange("mta-sts.example.com"), Wire()
    protocol.connection_made(wire)
    for piece in pieces:
        protocol.data_received(piece)
    protocol.eof_received()
    protocol.connection_lost(None)
    assert protocol.outcome.done()
    assert wire.is_aborted
    return protocol.outcome.result()


@given(st.lists(st.one_of(st.binary(max_size=200), _PIECES), max_size=20))
def test_any_bytes_end_in_an_outcome(pieces: list[bytes]) -> None:
    """Nothing is raised, and every reason is printable ASCII."""
    outcome = exchange(pieces)
    if isinstance(outcome, Refused):
        assert outcome.reason.isascii()
        assert outcome.reason.isprintable()
    else:
        assert len(outcome.body) <= 65_536


@given(st.sampled_from([response(), CHUNKED, HEAD, b"HTTP/1.1 404 X\r\n\r\n", b"\x00\r\n\r\n"]))
def test_bytes_one_by_one_mean_the_same(answer: bytes) -> None:
    """How TCP cuts a response into pieces changes nothing."""
    assert exchange([answer]) == exchange([bytes([byte]) for byte in answer])


def test_the_limit_holds_for_a_single_piece() -> None:
    """A body that arrives at once is no reason to keep more of it."""
    outcome = exchange([TOO_LARGE.replace(b"Content-Length: 65537\r\n", b"")])
    assert isinstance(outcome, Refused)
    assert outcome.reason == "body-too-large"
