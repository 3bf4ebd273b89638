"""Another configuration for a running answerer: nobody loses a connection or an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

import mailseal
from mailseal.faces.policyd.answerer import AnswererConfig, Bounds, Plan, TcpListener, Zone
from mailseal.faces.policyd.settings import Listener, UnixListener
from mailseal.wire import link
from tests.faces.policyd.scripted import EXAMPLE, EXAMPLE_REPLY, GUARD_SECONDS, Resolver, Running

Start = Callable[..., Awaitable[Running]]

HERE = TcpListener(host="127.0.0.1", port=0)
NEW = b'{"new": 1}'


def plan(
    zones: dict[str, str] | None = None,
    listeners: tuple[Listener, ...] = (HERE,),
    bounds: Bounds | None = None,
    sample_hits: int = 0,
) -> Plan:
    """Return a configuration; ``zones`` are names with the marks of what they answer."""
    marks = {"postfix": "", "sendmail": ""} if zones is None else zones
    return Plan(
        config=AnswererConfig(
            listeners=listeners,
            zones={
                name: Zone(profile=name, deadline=timedelta(seconds=11), mark=mark)
                for name, mark in marks.items()
            },
            bounds=bounds or Bounds(),
            sample_hits=sample_hits,
        ),
        hello=NEW,
    )


async def reload(running: Running, new: Plan) -> Resolver:
    """Reload with a resolver that works at once; return it."""
    reloading = asyncio.ensure_future(running.answerer.reload(new))
    async with asyncio.timeout(GUARD_SECONDS):
        resolver = await running.resolvers.get()
    assert await resolver.hear() == link.Hello(config=NEW)
    await reloading
    return resolver


async def test_the_new_resolver_takes_over_and_the_old_one_ends(start: Start) -> None:
    """It gets the new configuration first, and the old one's link is closed afterwards."""
    running = await start()
    client = await running.connect()

    second = await reload(running, plan())

    client.send(EXAMPLE)
    assert await second.hear() == link.Ask(zone="postfix", next_hop="example.com")
    second.put()
    assert await client.receive() == EXAMPLE_REPLY
    async with asyncio.timeout(GUARD_SECONDS):
        await running.resolver.ended.wait()
    assert running.answerer.has_resolver


async def test_a_pending_question_is_answered_by_the_new_resolver(start: Start) -> None:
    """Who asked before the reload is answered after it, by the new rules."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE)
    ask = await running.resolver.hear()

    second = await reload(running, plan())

    assert await second.hear() == ask
    second.put(reply=b"OK dane")
    assert await client.receive() == b"OK dane"


async def test_what_the_old_resolver_still_says_is_dropped(start: Start) -> None:
    """An answer by the old rules must not be kept beside those by the new ones."""
    running = await start()
    client = await running.connect()
    second = await reload(running, plan())
    client.send(EXAMPLE)
    await second.hear()

    running.resolver.put(reply=b"OK old")
    second.put(reply=b"OK new")

    assert await client.receive() == b"OK new"


@pytest.mark.parametrize(("zones", "is_kept"), [
    ({"postfix": "", "sendmail": ""}, True),         # nothing that answers depend on
    ({"postfix": "", "sendmail": "other"}, True),    # another zone's
    ({"postfix": "other", "sendmail": ""}, False),   # its own
    ({"postfix": "other", "sendmail": "other"}, False),
])  # fmt: skip
async def test_answers_of_a_changed_zone_are_forgotten(
    start: Start, zones: dict[str, str], is_kept: bool
) -> None:
    """A hit by the old rules would live for as long as its policy."""
    running = await start()
    client = await running.connect()
    await running.know(client)

    await reload(running, plan(zones))

    assert running.stats["table_entries"] == int(is_kept)


async def test_a_zone_that_is_gone_is_answered_as_an_unknown_one(start: Start) -> None:
    """Who waits for it is told at once, and so is who asks later."""
    running = await start()
    client = await running.connect()
    client.send(EXAMPLE)
    await running.resolver.hear()

    await reload(running, plan({"sendmail": ""}))

    assert (await client.receive()).startswith(b'PERM no map "postfix"')
    assert (await client.ask(EXAMPLE)).startswith(b'PERM no map "postfix"')


async def test_a_resolver_that_does_not_come_to_work_is_not_used(start: Start) -> None:
    """The old one stays, and with it the old configuration."""
    running = await start()
    client = await running.connect()
    running.is_next_mute = True
    reloading = asyncio.ensure_future(running.answerer.reload(plan({"sendmail": ""})))
    async with asyncio.timeout(GUARD_SECONDS):
        second = await running.resolvers.get()
    second.die()

    with pytest.raises(mailseal.Error, match="did not come to work"):
        await reloading

    await running.know(client)


async def test_a_resolver_that_cannot_be_started_changes_nothing(start: Start) -> None:
    """Such as after an upgrade that went wrong."""
    running = await start()
    running.failing_starts = 1

    with pytest.raises(mailseal.Error, match="cannot be started"):
        await running.answerer.reload(plan())

    await running.know(await running.connect())


async def test_a_listener_that_cannot_be_opened_changes_nothing(
    start: Start, tmp_path: Path
) -> None:
    """What was opened before it is closed again, and no resolver is started."""
    running = await start()
    new = UnixListener(path=tmp_path / "new")
    bad = UnixListener(path=tmp_path / "missing" / "s")

    with pytest.raises(mailseal.Error, match="cannot listen"):
        await running.answerer.reload(plan(listeners=(HERE, new, bad)))

    assert not new.path.exists()
    await running.know(await running.connect())


async def test_listeners_are_added_and_removed(start: Start, tmp_path: Path) -> None:
    """An added one is open, a removed one closed when its answers are given."""
    first, second = UnixListener(path=tmp_path / "1"), UnixListener(path=tmp_path / "2")
    running = await start(listeners=(HERE, first))
    kept = await running.connect()
    idle, busy = [await running.connect_unix(str(first.path)) for _ in range(2)]
    assert await idle.ask(b"9:postfix .,") == b"NOTFOUND "
    busy.send(EXAMPLE)
    await running.resolver.hear()

    resolver = await reload(running, plan(listeners=(HERE, second)))

    assert not first.path.exists()
    assert await idle.rest() == b""
    await resolver.hear()
    resolver.put()
    assert await busy.rest() == b"%d:%b," % (len(EXAMPLE_REPLY), EXAMPLE_REPLY)
    added = await running.connect_unix(str(second.path))
    assert await added.ask(EXAMPLE) == EXAMPLE_REPLY
    assert await kept.ask(EXAMPLE) == EXAMPLE_REPLY


async def test_what_is_spoken_at_a_place_can_change(start: Start, tmp_path: Path) -> None:
    """The socket stays; old connections end, new ones speak the other protocol."""
    before = UnixListener(path=tmp_path / "s", mode=0o600)
    after = UnixListener(path=tmp_path / "s", mode=0o666, line_zone="postfix")
    running = await start(listeners=(HERE, before))
    old = await running.connect_unix(str(before.path))
    assert await old.ask(b"9:postfix .,") == b"NOTFOUND "
    inode = before.path.stat().st_ino

    await reload(running, plan(listeners=(HERE, after)))

    assert await old.rest() == b""
    new = await running.connect_unix(str(after.path))
    new.send(b".\n")
    assert await new.rest() == b"NOTFOUND\n"
    assert before.path.stat().st_ino == inode
    assert before.path.stat().st_mode & 0o777 == 0o666


async def test_the_bounds_of_the_new_configuration_hold(start: Start) -> None:
    """Connections that are there stay; the table shrinks to its new size."""
    running = await start()
    client, other = await running.connect(), await running.connect()
    for name in ("a.example", "b.example"):
        running.resolver.put(name)
    await running.know(client)
    await running.settled(other)

    await reload(running, plan(bounds=Bounds(connections=1, table_entries=1)))

    assert await client.ask(EXAMPLE) == EXAMPLE_REPLY
    assert running.stats["table_entries"] == 1
    assert await (await running.connect()).rest() == b""


async def test_who_asked_for_a_reload_is_told_its_outcome(start: Start) -> None:
    """The control socket belongs to the resolver, the configuration to the answerer."""
    running = await start()
    running.resolver.say(link.ReloadRequest())
    await running.until(lambda: running.reloads_wanted == 1)

    running.answerer.tell_outcome(("a fault",))

    assert await running.resolver.hear() == link.Reloaded(outcome=b'{"faults": ["a fault"]}')
