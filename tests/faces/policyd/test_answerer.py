"""What the answerer answers, from where, and in which order."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from mailseal.faces.policyd.settings import Bounds
from mailseal.wire import link, netstring
from tests.faces.policyd.scripted import EXAMPLE, EXAMPLE_REPLY, Running

Start = Callable[..., Awaitable[Running]]
ASK = link.Ask(zone="postfix", next_hop="example.com")


def request(key: str, zone: str = "postfix") -> bytes:
    return netstring.encode(f"{zone} {key}".encode())


async def test_a_miss_asks_the_resolver_and_a_hit_does_not(start: Start) -> None:
    """The first request waits for the resolver's bytes, later ones get them from the table."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE)
    assert await running.resolver.hear() == ASK
    running.resolver.put()
    assert await client.receive() == EXAMPLE_REPLY
    for _ in range(3):
        assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert running.resolver.messages.empty()
    assert running.stats["hits"] == 3
    assert running.stats["asked"] == 1


@pytest.mark.parametrize("key", ["EXAMPLE.com", "example.com.", "Example.COM."])
async def test_other_spellings_share_one_entry(start: Start, key: str) -> None:
    """Case and a final dot make no other domain."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    assert await client.ask(request(key)) == EXAMPLE_REPLY
    assert running.resolver.messages.empty()


async def test_u_labels_are_asked_as_a_labels(start: Start) -> None:
    """A name in UTF-8 is looked up, kept and answered in its A-label form."""
    running = await start()
    client = await running.connect()
    client.send(request("Bücher.Example."))
    assert await running.resolver.hear() == link.Ask(
        zone="postfix", next_hop="xn--bcher-kva.example"
    )
    running.resolver.put("xn--bcher-kva.example")
    assert await client.receive() == EXAMPLE_REPLY
    assert await client.ask(request("xn--bcher-kva.example")) == EXAMPLE_REPLY
    assert running.resolver.messages.empty()


@pytest.mark.parametrize("key", ["[mx.example.com]", "[mx.example.com]:587", "example.com:2525"])
async def test_next_hops_keep_their_form_towards_the_resolver(start: Start, key: str) -> None:
    """Brackets and port matter to DANE, so they are part of the question (RFC 8461 §3.4)."""
    running = await start()
    client = await running.connect()
    client.send(request(key.upper()))
    assert await running.resolver.hear() == link.Ask(zone="postfix", next_hop=key)
    running.resolver.put(key)
    assert await client.receive() == EXAMPLE_REPLY


async def test_replies_keep_the_order_of_requests(start: Start) -> None:
    """A hit behind a miss waits for it, however the answers come in."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    client.send(request("slow.example") + EXAMPLE + request("slower.example") + request(".x"))
    assert await running.resolver.hear() == link.Ask(zone="postfix", next_hop="slow.example")
    assert await running.resolver.hear() == link.Ask(zone="postfix", next_hop="slower.example")
    running.resolver.put("slower.example", b"OK third")
    running.resolver.put("slow.example", b"OK first")
    replies = [await client.receive() for _ in range(4)]
    assert replies == [b"OK first", EXAMPLE_REPLY, b"OK third", b"NOTFOUND "]
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_a_hit_sent_behind_an_open_question_still_waits(start: Start) -> None:
    """The short way is closed while the connection owes an answer."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    client.send(request("slow.example"))
    assert isinstance(await running.resolver.hear(), link.Ask)
    client.send(EXAMPLE)
    await running.settled(await running.connect())
    running.resolver.put("slow.example", b"OK first")
    assert [await client.receive(), await client.receive()] == [b"OK first", EXAMPLE_REPLY]


@pytest.mark.parametrize("size_bytes", [1, 3, 30])
async def test_fragments_are_put_together(start: Start, size_bytes: int) -> None:
    """Requests cut anywhere get the same answers as whole ones."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    stream = EXAMPLE + request(".com") + EXAMPLE
    other = await running.connect()
    for at in range(0, len(stream), size_bytes):
        client.send(stream[at : at + size_bytes])
        await client.writer.drain()
        await running.settled(other)
    replies = [await client.receive() for _ in range(3)]
    assert replies == [EXAMPLE_REPLY, b"NOTFOUND ", EXAMPLE_REPLY]
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_many_askers_make_one_question(start: Start) -> None:
    """Whoever asks while a question is open gets its answer (single flight)."""
    running = await start(bounds=Bounds(pending_per_connection=500))
    clients = [await running.connect() for _ in range(20)]
    for client in clients:
        client.send(EXAMPLE * 500)
    assert await running.resolver.hear() == ASK
    for client in clients:
        await client.writer.drain()
    await running.until(lambda: running.stats["requests_waiting"] == 20 * 500)
    running.resolver.put(usable=0, fresh=0)
    for client in clients:
        assert {await client.receive() for _ in range(500)} == {EXAMPLE_REPLY}
    assert running.resolver.messages.empty()
    assert running.stats["asked"] == 1


async def test_zones_are_separate_questions(start: Start) -> None:
    """The same domain under another map name has another form of answer."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    client.send(request("example.com", "sendmail"))
    assert await running.resolver.hear() == link.Ask(zone="sendmail", next_hop="example.com")
    running.resolver.put(zone="sendmail", reply=b"NOTFOUND ")
    assert await client.receive() == b"NOTFOUND "
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_a_stale_answer_is_given_and_renewed_behind(start: Start) -> None:
    """Between fresh and usable the answer comes at once, and one question goes out for it."""
    running = await start(bounds=Bounds(renewal=timedelta(seconds=5)))
    client = await running.connect()
    await running.know(client, fresh=60.0, usable=3600.0)
    running.pass_time(60.0)
    for _ in range(3):
        assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    renewal = link.Ask(zone="postfix", next_hop="example.com", is_revalidation=True)
    assert await running.resolver.hear() == renewal
    assert running.resolver.messages.empty()
    running.pass_time(5.0)  # no word from the resolver: it is reminded
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert await running.resolver.hear() == renewal
    running.resolver.put(reply=b"OK dane-only")
    await running.settled(client)
    assert await client.ask(EXAMPLE) == b"OK dane-only"


async def test_an_answer_past_its_use_is_a_miss(start: Start) -> None:
    """What is no longer usable is never given again."""
    running = await start()
    client = await running.connect()
    await running.know(client, fresh=60.0, usable=3600.0)
    running.pass_time(3600.0)
    client.send(EXAMPLE)
    assert await running.resolver.hear() == ASK
    running.resolver.put(reply=b"NOTFOUND ")
    assert await client.receive() == b"NOTFOUND "


async def test_an_answer_for_the_moment_is_not_kept(start: Start) -> None:
    """Usable for no time means: for those who wait, and nobody after them."""
    running = await start()
    client = await running.connect()
    for _ in range(2):
        client.send(EXAMPLE)
        assert await running.resolver.hear() == ASK
        running.resolver.put(reply=b"TEMP not now", fresh=0, usable=0)
        assert await client.receive() == b"TEMP not now"
    assert running.stats["table_entries"] == 0


async def test_a_failed_renewal_leaves_the_usable_answer(start: Start) -> None:
    """TEMP for the moment does not push out an answer that still holds."""
    running = await start()
    client = await running.connect()
    await running.know(client, fresh=1.0, usable=3600.0)
    running.pass_time(2.0)
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert isinstance(await running.resolver.hear(), link.Ask)
    running.resolver.put(reply=b"TEMP not now", fresh=0, usable=0)
    await running.settled(client)
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_a_dropped_domain_is_asked_again_in_every_form(start: Start) -> None:
    """Drop forgets a policy domain in all zones and next-hop forms, and no other domain."""
    running = await start()
    client = await running.connect()
    forms = ["example.com", "[example.com]:587", "example.com:submission"]
    for key in [*forms, "www.example.com"]:
        client.send(request(key))
        assert isinstance(await running.resolver.hear(), link.Ask)
        running.resolver.put(key)
        await client.receive()
    running.resolver.say(link.Drop(domain="example.com"))
    await running.settled(client)
    assert running.stats["table_entries"] == 1
    assert await client.ask(request("www.example.com")) == EXAMPLE_REPLY
    for key in forms:
        client.send(request(key))
        assert await running.resolver.hear() == link.Ask(zone="postfix", next_hop=key)


async def test_without_an_answer_the_deadline_says_temp(start: Start) -> None:
    """At its zone's deadline a request is answered TEMP; the late answer still serves others."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE)
    assert await running.resolver.hear() == ASK
    running.pass_time(10.9)
    assert running.stats["requests_waiting"] == 1
    running.pass_time(0.1)
    assert await client.receive() == b"TEMP mailseal has no answer yet, see its log"
    running.resolver.put()
    await running.settled(client)
    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_counters_are_told_on_request(start: Start) -> None:
    """The resolver asks for plain integers and gets all of them."""
    running = await start()
    client = await running.connect()
    await running.know(client)
    await client.ask(EXAMPLE)
    running.resolver.say(link.StatsRequest())
    message = await running.resolver.hear()
    assert isinstance(message, link.Stats)
    assert b'"hits": 1' in message.counters
    assert b'"connections_open": 1' in message.counters


async def test_a_client_that_left_costs_nothing_and_its_answer_is_kept(start: Start) -> None:
    """The question goes on for the next one; nobody writes to the closed connection."""
    running = await start()
    client, other = await running.connect(), await running.connect()
    client.send(EXAMPLE * 2)
    assert await running.resolver.hear() == ASK
    client.reset()
    await running.until(lambda: running.stats["requests_waiting"] == 0)
    running.resolver.put()
    await running.settled(other)
    assert await other.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_a_half_close_is_still_answered(start: Start) -> None:
    """A client that shuts its side down gets all its answers, then the end."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE + request(".com"))
    client.writer.write_eof()
    assert await running.resolver.hear() == ASK
    running.resolver.put()
    assert await client.rest() == netstring.encode(EXAMPLE_REPLY) + b"9:NOTFOUND ,"
    known = await running.connect()
    known.send(EXAMPLE)
    known.writer.write_eof()
    assert await known.rest() == netstring.encode(EXAMPLE_REPLY)


async def test_the_table_forgets_what_was_put_first(start: Start) -> None:
    """A full table loses its oldest entries, and tells how many."""
    running = await start(bounds=Bounds(table_entries=2))
    client = await running.connect()
    for key in ("a.example", "b.example", "a.example:26", "c.example"):
        client.send(request(key))
        assert isinstance(await running.resolver.hear(), link.Ask)
        running.resolver.put(key)
        await client.receive()
    assert running.stats["table_entries"] == 2
    assert running.stats["table_evictions"] == 2
    client.send(request("a.example"))
    assert await running.resolver.hear() == link.Ask(zone="postfix", next_hop="a.example")


async def test_too_many_open_questions_are_answered_temp(start: Start) -> None:
    """Beyond the bound nobody waits; those before are served."""
    running = await start(bounds=Bounds(questions=2))
    client, other = await running.connect(), await running.connect()
    client.send(request("a.example") + request("b.example"))
    for _ in range(2):
        await running.resolver.hear()
    assert await other.ask(request("c.example")) == b"TEMP mailseal is overloaded, see its log"
    assert running.stats["overloaded"] == 1
    assert [event for event, _ in running.events] == ["too many questions are open"]
    running.resolver.put("a.example", b"OK a")
    assert await client.receive() == b"OK a"


async def test_a_reply_that_no_mta_would_take_becomes_temp(start: Start) -> None:
    """A payload over Postfix' limit would be a protocol error on its side."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE)
    assert await running.resolver.hear() == ASK
    running.resolver.put(reply=b"OK " + b"x" * 100_000)
    assert await client.receive() == b"TEMP mailseal made no usable answer, see its log"


async def test_no_task_is_left_behind(start: Start) -> None:
    """Hits and misses start no tasks in the answerer."""
    running = await start()
    client = await running.connect()
    before = len(asyncio.all_tasks())
    await running.know(client)
    await client.ask(EXAMPLE)
    assert len(asyncio.all_tasks()) <= before
