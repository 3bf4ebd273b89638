"""The resolver's death, restart and end, seen from the answerer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from mailseal.faces.policyd.answerer import Bounds, TcpListener
from mailseal.faces.policyd.resolverlink import PING_TICKS, STUCK_TICKS
from mailseal.wire import link
from tests.faces.policyd.scripted import EXAMPLE, EXAMPLE_REPLY, Running

Start = Callable[..., Awaitable[Running]]


async def test_known_answers_survive_the_resolver(start: Start) -> None:
    """While there is no resolver the table answers; a new one is started."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    running.resolver.die()
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    await running.next_resolver()
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert running.events[0][0] == "the resolver has ended"


async def test_open_questions_are_asked_again(start: Start) -> None:
    """Whoever waits when the resolver dies is answered by the next one."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE)
    ask = await running.resolver.hear()
    running.resolver.die()
    second = await running.next_resolver()
    assert await second.hear() == ask
    second.put()
    assert await client.receive() == EXAMPLE_REPLY


async def test_a_resolver_is_told_until_when_an_answer_is_of_use(start: Start) -> None:
    """One that is started while somebody waits has only what is left of the zone's time."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE)
    first = await running.resolver.hear()
    running.clock.seconds += 5
    running.resolver.die()
    again = await (await running.next_resolver()).hear()
    assert isinstance(first, link.Ask)
    assert isinstance(again, link.Ask)
    assert first.until_ms == again.until_ms == 1_011_000


async def test_a_question_asked_without_a_resolver_waits_for_one(start: Start) -> None:
    """Between two resolvers a question is only late, not lost."""
    running = await start()
    client = await running.connect()
    running.failing_starts = 1
    running.resolver.die()
    await running.until(lambda: running.failing_starts == 0)
    client.send(EXAMPLE)
    await running.until(lambda: running.stats["requests_waiting"] == 1)
    second = await running.next_resolver()
    assert await second.hear() == link.Ask(zone="postfix", next_hop="example.com")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"01:x,",  # no netstring
        b"4:what,",  # no message
        b"11:hello {} {},",  # a message of the other direction
        b"24:put 1 2 nozone a.test OK,",  # an answer for a zone that nobody has
    ],
)
async def test_a_resolver_that_speaks_nonsense_is_replaced(start: Start, nonsense: bytes) -> None:
    """Nothing on the link is guessed at: it ends, and a new resolver begins."""
    running = await start()
    running.resolver.say_raw(nonsense)
    second = await running.next_resolver()
    client = await running.connect()
    client.send(EXAMPLE)
    assert isinstance(await second.hear(), link.Ask)
    assert running.events[0][0] == "the resolver speaks nonsense"


async def test_a_resolver_that_cannot_be_started_is_tried_again(start: Start) -> None:
    """A missing program is told and waited for; what was asked meanwhile is asked in the end."""
    running = await start()
    client = await running.connect()
    running.failing_starts = 2
    running.resolver.die()
    client.send(EXAMPLE)
    second = await running.next_resolver()
    assert isinstance(await second.hear(), link.Ask)
    events = [event for event, _ in running.events]
    assert events == ["the resolver has ended", *["the resolver cannot be started"] * 2]


@pytest.mark.parametrize("name", ["two words", "", "zön"])  # none could be named on the link
async def test_impossible_zones_are_refused_at_the_start(start: Start, name: str) -> None:
    """A zone that could never be asked about is told before anybody asks."""
    with pytest.raises(link.LinkError):
        await start(zones=(name,))


async def test_stop_answers_what_is_pending(start: Start) -> None:
    """A graceful stop closes idle connections, waits for open answers, and ends the resolver."""
    running = await start()
    idle, busy = await running.connect(), await running.connect()
    await running.know(idle)
    busy.send(b"17:postfix a.example,")
    assert isinstance(await running.resolver.hear(), link.Ask)
    stopping = asyncio.ensure_future(running.answerer.stop())
    assert await idle.rest() == b""
    running.resolver.put("a.example", b"OK dane-only")
    assert await busy.rest() == b"12:OK dane-only,"
    await stopping
    assert running.resolver.ended.is_set()


@pytest.mark.parametrize(("listener", "asked", "answered"), [
    (TcpListener(host="127.0.0.1", port=0), b"19:postfix example.com,",
     b"25:TEMP mailseal is stopping,"),
    (TcpListener(host="127.0.0.1", port=0, line_zone="postfix"), b"example.com\n",
     b"TEMP mailseal is stopping\n"),
])  # fmt: skip
async def test_stop_says_temp_to_those_whose_answer_takes_too_long(
    start: Start, listener: TcpListener, asked: bytes, answered: bytes
) -> None:
    """Nobody who waits is left with a connection that just ends."""
    running = await start(listeners=(listener,), bounds=Bounds(stop=timedelta(0)))
    client = await running.connect()
    client.send(asked)
    assert isinstance(await running.resolver.hear(), link.Ask)
    stopping = asyncio.ensure_future(running.answerer.stop())
    assert await client.rest() == answered
    await stopping
    assert running.stats["connections_open"] == 0


async def test_after_stop_nobody_listens(start: Start) -> None:
    """The port is free when the service has ended."""
    running = await start()
    address = running.answerer.sockets[0].getsockname()
    await running.answerer.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_a_stuck_resolver_is_replaced(start: Start) -> None:
    """One that owes an answer and gives no sign of life is killed, and what is open asked again."""
    running = await start()
    client = await running.connect()
    await running.until(lambda: running.answerer.has_resolver)
    running.resolver.is_mute = True
    client.send(EXAMPLE)
    ask = await running.resolver.hear()
    running.pass_time(12)
    assert (await client.receive()).startswith(b"TEMP ")
    client.send(EXAMPLE)
    assert await running.resolver.hear() == ask

    for _ in range(STUCK_TICKS):
        running.pass_time(0)

    second = await running.next_resolver()
    assert await second.hear() == ask
    assert "the resolver is stuck" in [event for event, _ in running.events]


async def test_a_slow_resolver_is_left_alone(start: Start) -> None:
    """It gave no answer in time, but it says that it lives."""
    running = await start()
    client = await running.connect()
    for _ in range(3):
        client.send(EXAMPLE)
        await running.resolver.hear()
        running.pass_time(12)
        assert (await client.receive()).startswith(b"TEMP ")
        await running.settled(client)
        for _ in range(STUCK_TICKS - 1):
            running.pass_time(0)
        await running.settled(client)
    assert running.resolvers.empty()


async def test_an_idle_resolver_that_is_stuck_is_found_too(start: Start) -> None:
    """Hits from memory need no resolver, but policies must be refreshed."""
    running = await start()
    await running.until(lambda: running.answerer.has_resolver)
    running.resolver.is_mute = True

    for _ in range(PING_TICKS + STUCK_TICKS):
        running.pass_time(0)

    await running.next_resolver()
