"""Clients that are broken or hostile: a correct reply or a clean end, and the others go on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from mailseal.faces.policyd.answerer import Bounds, TcpListener
from mailseal.wire import link, netstring
from tests.faces.policyd.scripted import EXAMPLE, EXAMPLE_REPLY, Running

Start = Callable[..., Awaitable[Running]]
LINE = (TcpListener(host="127.0.0.1", port=0, line_zone="exim"),)


def request(key: bytes, zone: bytes = b"postfix") -> bytes:
    return netstring.encode(zone + b" " + key)


@pytest.mark.parametrize(
    "key",
    [
        b"",  # an empty key
        b".example.com",  # a parent domain, whose policy never applies (RFC 8461 §3.4)
        b".com",  # the same
        b"a..b",  # an empty label
        b"a" * 64 + b".example",  # a label has 63 bytes
        b"a." * 126 + b"bc",  # a name has 253 bytes
        b"x" * 10_000,  # as long as Postfix may send
        b"x." * 5_000,  # the same with many labels
        b"192.0.2.1",  # an address
        b"[192.0.2.1]",  # an address literal
        b"[IPv6:2001:db8::1]",  # an address literal
        b"[2001:db8::1]:25",  # an address with a port
        b"/var/run/lmtp",  # a UNIX socket's path
        b"example.com:0",  # no port
        b"example.com:99999",  # no port
        b"[example.com",  # half a bracket
        b"exa mple.com",  # a blank in a label
        b"example.com\r\nOK secure",  # a line feed
        b"example.com\x00",  # a zero byte
        b"\xff\xfe.example",  # no UTF-8
        b"\xed\xa0\x80.example",  # a surrogate is no UTF-8
        "\u2028.example".encode(),  # no A-label for it
        ("ü" * 500).encode(),  # no A-label as long as that
        b"-a.example",  # a label does not begin with a hyphen
        b"*.example.com",  # a pattern, not a name
    ],
)
async def test_odd_keys_are_not_found(start: Start, key: bytes) -> None:
    """They are answered NOTFOUND at once, are not asked for and the connection goes on."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    assert await client.ask(request(key)) == b"NOTFOUND "
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert running.resolver.messages.empty()
    assert running.stats["table_entries"] == 1


@pytest.mark.parametrize("payload", [b"", b"postfix", b"\xff example.com"])
async def test_requests_without_a_key_are_not_found(start: Start, payload: bytes) -> None:
    """No blank, no key; and a request that is not UTF-8 has none either."""
    running = await start()
    client = await running.connect()
    assert await client.ask(netstring.encode(payload)) == b"NOTFOUND "


@pytest.mark.parametrize(
    "stream",
    [
        b"999999999:",  # a length beyond any request
        b"11001:",  # one byte too long
        b"019:postfix example.com,",  # a leading zero
        b"19:postfix example.com;",  # no comma
        b"x",  # no digit
        b"EHLO example.com\r\n",  # another protocol
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
    ],
)
async def test_broken_framing_ends_the_connection(start: Start, stream: bytes) -> None:
    """Nothing is answered, and what was answered before stays in order."""
    running = await start()
    client, other = await running.connect(), await running.connect()
    await running.know(other)
    client.send(EXAMPLE + stream + EXAMPLE)
    assert await client.rest() == netstring.encode(EXAMPLE_REPLY)
    assert await other.ask(EXAMPLE) == EXAMPLE_REPLY
    await running.until(lambda: running.stats["connections_open"] == 1)
    assert running.stats["malformed"] == 1


async def test_broken_framing_behind_an_open_question(start: Start) -> None:
    """The answer that is owed still comes, then the connection ends."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE + b"01:x,")
    assert isinstance(await running.resolver.hear(), link.Ask)
    client.send(EXAMPLE)  # thrown away
    running.resolver.put()
    assert await client.rest() == netstring.encode(EXAMPLE_REPLY)


async def test_an_unknown_map_is_told_and_logged_once_a_minute(start: Start) -> None:
    """A typo in main.cf is seen in both logs, and cannot fill ours."""
    running = await start()
    client = await running.connect()
    for _ in range(3):
        reply = await client.ask(request(b"example.com", b"posfix"))
        assert reply == b'PERM no map "posfix" in mailseal, there are: postfix, sendmail'
    assert [fields["map"] for _, fields in running.events] == ["posfix"]
    running.pass_time(60.0)
    await client.ask(request(b"example.com", b"posfix"))
    assert len(running.events) == 2
    for number in range(1000):
        await client.ask(request(b"example.com", b"m%d" % number))
    assert len(running.events) < 300
    long = await client.ask(request(b"example.com", b"m\n\xc3\xbc" * 2000))
    assert len(long) <= 205
    assert long.isascii()


async def test_with_a_default_zone_every_map_name_is_answered(start: Start) -> None:
    """As postfix-mta-sts-resolver does; the answer is the zone's, and shared with it."""
    running = await start(default_zone="postfix")
    client = await running.connect()
    client.send(request(b"example.com", b"whatever"))
    asked = await running.resolver.hear()
    assert isinstance(asked, link.Ask)
    assert asked.zone == "postfix"
    running.resolver.put()
    assert await client.receive() == EXAMPLE_REPLY
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert await client.ask(request(b"example.com", b"other")) == EXAMPLE_REPLY


async def test_a_client_that_does_not_read_is_not_read_from_either(start: Start) -> None:
    """Its replies are bounded, others are served, and in time it is dropped."""
    running = await start(bounds=Bounds(slow_reader=timedelta(seconds=30)))
    client, other = await running.connect(), await running.connect()
    big = b"OK " + b"x" * 90_000
    client.send(EXAMPLE)
    assert isinstance(await running.resolver.hear(), link.Ask)
    running.resolver.put(reply=big)
    assert await client.receive() == big
    client.pause()
    client.send(EXAMPLE * 2_000)
    connections = running.answerer.connections
    await running.until(lambda: any(c.stalled_since is not None for c in connections))
    assert await other.ask(EXAMPLE) == big
    assert running.stats["hits"] + running.stats["slow_hits"] < 500
    running.pass_time(29.0)
    assert running.stats["connections_open"] == 2
    running.pass_time(6.0)
    await running.until(lambda: running.stats["connections_open"] == 1)
    assert running.stats["slow_readers_dropped"] == 1
    assert await other.ask(EXAMPLE) == big


async def test_a_slow_client_that_reads_again_gets_everything(start: Start) -> None:
    """Pausing loses nothing: all replies come, in their number."""
    running = await start()
    client = await running.connect()
    big = b"OK " + b"x" * 90_000
    client.send(EXAMPLE)
    assert isinstance(await running.resolver.hear(), link.Ask)
    running.resolver.put(reply=big)
    await client.receive()
    client.pause()
    client.send(EXAMPLE * 200)
    connections = running.answerer.connections
    await running.until(lambda: any(c.stalled_since is not None for c in connections))
    client.resume()
    for _ in range(200):
        assert await client.receive() == big
    assert await client.ask(EXAMPLE) == big


async def test_pending_requests_of_one_connection_are_bounded(start: Start) -> None:
    """Beyond the bound a connection is not read, until answers come."""
    running = await start(bounds=Bounds(pending_per_connection=3))
    client = await running.connect()
    for number in range(10):
        client.send(request(b"d%d.example" % number))
    for number in range(10):
        ask = await running.resolver.hear()
        assert ask == link.Ask(zone="postfix", next_hop=f"d{number}.example")
        assert running.stats["requests_waiting"] <= 3
        running.resolver.put(f"d{number}.example", b"OK %d" % number)
        assert await client.receive() == b"OK %d" % number
    assert await client.ask(request(b"d0.example")) == b"OK 0"


async def test_a_flood_on_one_connection_lets_others_have_their_turn(start: Start) -> None:
    """Thousands of requests in one segment are worked on in portions, and all answered."""
    running = await start()
    client, other = await running.connect(), await running.connect()
    await running.know(client)
    [flooded] = [c for c in running.answerer.connections if c.requests]
    flooded.data_received(EXAMPLE * 5_000)
    assert running.stats["slow_hits"] <= 200
    assert await other.ask(EXAMPLE) == EXAMPLE_REPLY
    assert running.stats["slow_hits"] < 5_000
    for _ in range(5_000):
        assert await client.receive() == EXAMPLE_REPLY
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_a_flood_and_a_half_close(start: Start) -> None:
    """The end of the client's side does not cut off what was asked before it."""
    running = await start()
    client, other = await running.connect(), await running.connect()
    await running.know(other)
    client.send(EXAMPLE * 1_000)
    client.writer.write_eof()
    assert await client.rest() == netstring.encode(EXAMPLE_REPLY) * 1_000


async def test_idle_connections_are_closed(start: Start) -> None:
    """A minute without a request ends a connection; half a request is none."""
    running = await start(bounds=Bounds(idle=timedelta(seconds=60)))
    idle, trickling, busy, waiting = [await running.connect() for _ in range(4)]
    await running.know(busy)
    waiting.send(request(b"slow.example"))
    assert isinstance(await running.resolver.hear(), link.Ask)
    for piece in (b"1", b"9", b":", b"p", b"o"):
        trickling.send(piece)
        assert await busy.ask(EXAMPLE) == EXAMPLE_REPLY
        running.answerer.connections.sweep(running.clock.seconds)
        running.clock.seconds += 12.0
    assert running.stats["connections_open"] == 4
    running.answerer.connections.sweep(running.clock.seconds)
    assert await idle.rest() == await trickling.rest() == b""
    await running.until(lambda: running.stats["connections_open"] == 2)
    assert await busy.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_connections_are_bounded_and_idle_ones_make_room(start: Start) -> None:
    """Beyond the bound a newcomer is refused, unless an idle connection can go for it."""
    running = await start(max_connections=2)
    first, second = await running.connect(), await running.connect()
    await running.know(first)
    third = await running.connect()
    assert await third.rest() == b""
    assert running.stats["connections_refused"] == 1
    running.clock.seconds += 13.0
    fourth = await running.connect()
    assert await first.rest() == b""
    assert await second.rest() == b""
    assert await fourth.rest() == b"" or running.stats["connections_open"] <= 2
    fifth = await running.connect()
    assert await fifth.ask(EXAMPLE) == EXAMPLE_REPLY


@pytest.mark.parametrize("question", [b"Example.com\n", b"example.com\r\n", b" example.com \n"])
async def test_a_line_is_answered_by_a_line(start: Start, question: bytes) -> None:
    """Exim's protocol: one line in, one line out, end; the zone is the listener's."""
    running = await start(listeners=LINE, zones=("exim",))
    client = await running.connect()
    client.send(question)
    assert await running.resolver.hear() == link.Ask(zone="exim", next_hop="example.com")
    running.resolver.put(zone="exim")
    assert await client.rest() == EXAMPLE_REPLY + b"\n"
    again = await running.connect()
    again.send(b"example.com")
    again.writer.write_eof()
    assert await again.rest() == EXAMPLE_REPLY + b"\n"


TOO_LONG = b"TEMP the question is too long for mailseal\n"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (b"\n", b"NOTFOUND\n"),
        (b"", b"NOTFOUND\n"),
        (b".com\n", b"NOTFOUND\n"),
        (b"a..b\n", b"NOTFOUND\n"),
        (b"\xff\n", b"NOTFOUND\n"),  # no UTF-8
        (b"x" * 1_100 + b"\n", b"NOTFOUND\n"),  # as long as a line may be
        (b"x" * 1_101 + b"\n", TOO_LONG),  # longer: nobody says that there is no policy
        (b"x" * 100_000, TOO_LONG),  # and nobody waits for its end
    ],
)
async def test_odd_lines(start: Start, question: bytes, answer: bytes) -> None:
    """Every line gets a line, and so does what is no line."""
    running = await start(listeners=LINE, zones=("exim",))
    client = await running.connect()
    client.send(question)
    client.writer.write_eof()
    assert await client.rest() == answer


@pytest.mark.parametrize("question", [b"", b"example.com\n"])
async def test_a_line_client_beyond_the_bound_is_told_temp(start: Start, question: bytes) -> None:
    """Exim takes a connection that ends without a word for an empty answer."""
    running = await start(listeners=LINE, zones=("exim",), max_connections=1)
    first = await running.connect()
    await running.until(lambda: running.stats["connections_open"] == 1)
    second = await running.connect()
    second.send(question)
    assert await second.rest() == b"TEMP mailseal is overloaded, see its log\n"
    assert running.stats["connections_refused"] == 1
    assert running.stats["connections_open"] == 1
    first.send(b".com\n")
    assert await first.rest() == b"NOTFOUND\n"


@pytest.mark.parametrize("question", [b"", b"example.co"])
async def test_a_line_client_is_told_temp_when_the_service_stops(
    start: Start, question: bytes
) -> None:
    """Who has not asked yet, or not to the end, gets an answer all the same."""
    running = await start(listeners=LINE, zones=("exim",))
    client = await running.connect()
    client.send(question)
    await running.until(lambda: running.stats["connections_open"] == 1)
    stopping = asyncio.ensure_future(running.answerer.stop())
    assert await client.rest() == b"TEMP mailseal is stopping\n"
    await stopping


async def test_a_line_client_that_leaves_is_forgotten(start: Start) -> None:
    """Its question stays, itself not."""
    running = await start(listeners=LINE, zones=("exim",))
    client = await running.connect()
    client.send(b"example.com\nmore\n")
    assert isinstance(await running.resolver.hear(), link.Ask)
    client.reset()
    await running.until(lambda: running.stats["connections_open"] == 0)
    assert running.stats["requests_waiting"] == 0
    running.resolver.put(zone="exim")
    await running.until(lambda: running.stats["table_entries"] == 1)
