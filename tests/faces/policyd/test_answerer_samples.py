"""A sample of the hits in the log, for those who want one; nothing at all for the others."""

from collections.abc import Awaitable, Callable

import pytest

from mailseal.faces.policyd.connection import SampledConnection, SocketmapConnection
from mailseal.faces.policyd.samples import MAX_KEPT, Samples
from mailseal.faces.policyd.settings import TcpListener
from mailseal.wire import netstring
from tests.faces.policyd.scripted import EXAMPLE, EXAMPLE_REPLY, Running
from tests.faces.policyd.test_answerer_reload import plan, reload

Start = Callable[..., Awaitable[Running]]

FOR_EXIM = TcpListener(host="127.0.0.1", port=0, line_zone="postfix")
LINE = {
    "level": "info",
    "zone": "postfix",
    "next_hop": "example.com",
    "reply": EXAMPLE_REPLY.decode(),
}


def written(running: Running) -> list[dict[str, object]]:
    """Return the fields of the lines about hits."""
    return [fields for event, fields in running.events if event == "answered from memory"]


async def test_a_hit_is_told_by_the_next_tick_and_not_before(start: Start) -> None:
    """While it is answered it is only put aside."""
    running = await start(sample_hits=1)
    client = await running.connect()
    await running.know(client)

    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert written(running) == []
    running.answerer.tick()
    running.answerer.tick()

    assert written(running) == [{**LINE, "one_in": 1}]


@pytest.mark.parametrize("request_bytes", [
    b"19:postfix EXAMPLE.com,",      # another spelling goes the long way
    EXAMPLE * 3,                     # and so do several at once
])  # fmt: skip
async def test_hits_on_the_long_way_are_sampled_too(start: Start, request_bytes: bytes) -> None:
    """Whatever a client's habits are, its hits have the same chance."""
    running = await start(sample_hits=1)
    client = await running.connect()
    await running.know(client)

    client.send(request_bytes)
    count = request_bytes.count(b"postfix")
    for _ in range(count):
        await client.receive()
    running.answerer.tick()

    assert written(running) == [{**LINE, "one_in": 1}] * count


async def test_hits_of_exim_are_sampled_too(start: Start) -> None:
    """Its questions are lines, and each has a connection of its own."""
    running = await start(sample_hits=1, listeners=(FOR_EXIM,))
    client = await running.connect()
    client.send(b"example.com\n")
    await running.resolver.hear()
    running.resolver.put()
    await client.rest()

    client = await running.connect()
    client.send(b"example.com\n")
    assert await client.rest() == EXAMPLE_REPLY + b"\n"
    running.answerer.tick()

    assert written(running) == [{**LINE, "one_in": 1}]


async def test_what_is_no_hit_is_in_no_sample(start: Start) -> None:
    """Misses are decisions, which have lines of their own; nothing is known of an address."""
    running = await start(sample_hits=1)
    client = await running.connect()
    await running.know(client)
    await client.ask(netstring.encode(b"postfix 127.0.0.1"))
    await client.ask(netstring.encode(b"nomap example.com"))
    running.answerer.tick()

    assert written(running) == []


async def test_without_a_sample_connections_are_the_plain_ones(start: Start) -> None:
    """The hot path is chosen when a client comes, and has no branch for it."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    await client.ask(EXAMPLE)
    await client.ask(b"19:postfix EXAMPLE.com,")
    running.answerer.tick()

    board = running.answerer.board
    assert [type(one) for one in running.answerer.connections] == [SocketmapConnection]
    assert "data_received" in vars(SocketmapConnection)
    assert board.answer_key == board._answer_key
    assert written(running) == []


async def test_a_reload_switches_it_on_for_new_connections_and_off_for_all(start: Start) -> None:
    """Nobody loses a connection for it."""
    running = await start()
    old = await running.connect()
    await running.know(old)
    await reload(running, plan(sample_hits=1))
    new = await running.connect()
    await old.ask(EXAMPLE)
    await new.ask(EXAMPLE)
    running.answerer.tick()
    assert len(written(running)) == 1
    kinds = {type(one) for one in running.answerer.connections}
    assert kinds == {SocketmapConnection, SampledConnection}

    await reload(running, plan())
    assert await new.ask(EXAMPLE) == EXAMPLE_REPLY
    running.answerer.tick()

    assert len(written(running)) == 1


def test_gaps_are_drawn_so_that_their_mean_is_what_was_asked_for() -> None:
    """A fixed gap would see one of two clients that ask in turn, and never the other."""
    drawn: list[tuple[int, int]] = []

    def pick(least: int, most: int) -> int:
        drawn.append((least, most))
        return 3

    samples = Samples(1000, pick=pick)

    assert [samples.is_next() for _ in range(7)] == [False, False, True] * 2 + [False]
    assert set(drawn) == {(1, 1999)}


def test_without_a_sample_nothing_is_ever_next() -> None:
    """Connections from before a reload go on counting for nobody."""
    samples = Samples(0)

    assert not any(samples.is_next() for _ in range(10_000))


def test_more_than_the_log_takes_is_left_out_and_counted() -> None:
    """A sample of one in one under load must not fill memory or disk."""
    lines: list[tuple[str, dict[str, object]]] = []
    samples = Samples(1)
    for _ in range(MAX_KEPT + 5):
        samples.keep(EXAMPLE, netstring.encode(EXAMPLE_REPLY))

    samples.tell(lambda event, **fields: lines.append((event, fields)))
    samples.tell(lambda event, **fields: lines.append((event, fields)))

    assert len(lines) == MAX_KEPT + 1
    assert lines[-1] == ("samples are left out", {"level": "info", "count": 5, "written": MAX_KEPT})
