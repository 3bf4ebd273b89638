"""The process that meets the network and the store, and hands finished bytes to the answerer.

**Security**: it parses what strangers wrote, so it runs apart from the listeners, at low priority;
when it dies, the answerer goes on from its table and starts it again.
**Limits**: as many look-ups at a time as configured; the answerer bounds the questions.
**Bugs**: a new configuration needs a new process, which the answerer starts.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol, cast

import structlog

import mailseal
from mailseal import config as configuration
from mailseal.faces.http.answererstats import AnswererStats
from mailseal.faces.http.serving import serve_http
from mailseal.faces.policyd.controlsocket import serve_control
from mailseal.faces.policyd.desk import Desk
from mailseal.faces.policyd.eventloop import new_event_loop
from mailseal.names import Domain
from mailseal.services.policyservice import PolicyService
from mailseal.wire import link, netstring

log = structlog.stdlib.get_logger("mailseal.policyd")

ACTOR_PAUSE = timedelta(seconds=60)
NICENESS = 19  # look-ups must not slow the answers from memory down


class Link(asyncio.Protocol):
    """This process's end of the socket pair: frames in, frames out, end of file is the end."""

    def __init__(self, receive: Callable[[link.Message | None], None]) -> None:
        self._receive = receive
        self._reader = netstring.Reader(link.MAX_MESSAGE_BYTES)
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand every whole message on."""
        self._reader.feed(data)
        while (payload := self._reader.next_payload()) is not None:
            self._receive(link.decode(payload))

    def connection_lost(self, exc: Exception | None) -> None:
        """Without an answerer there is nobody to work for."""
        self._receive(None)

    def send(self, message: link.Message) -> None:
        """Write a message; what comes after the end is dropped."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(netstring.encode(link.encode(message)))


OpenService = Callable[
    [configuration.Config, Callable[[Domain], None]],
    contextlib.AbstractAsyncContextManager[PolicyService],
]


async def work(
    sock: socket.socket,
    open_service: OpenService,
    http: Sequence[socket.socket] = (),
    check_command: Sequence[str] = (),
) -> None:
    """Serve the answerer at the other end until it goes away or a signal says to end.

    ``http`` are sockets that listen for HTTP, ``check_command`` starts what checks domains.
    """
    loop = asyncio.get_running_loop()
    inbox: asyncio.Queue[link.Message | None] = asyncio.Queue()  # bounded by the answerer
    _, connection = await loop.create_connection(lambda: Link(inbox.put_nowait), sock=sock)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, inbox.put_nowait, None)
    hello = await inbox.get()
    if not isinstance(hello, link.Hello):
        return
    config = configuration.from_document(json.loads(hello.config), source="the answerer")

    def forget(domain: Domain) -> None:
        connection.send(link.Drop(domain=domain))

    answerer = AnswererStats(connection.send)
    reloads: list[asyncio.Future[dict[str, Any]]] = []

    async def reload() -> dict[str, Any]:
        """Ask the answerer, who may well replace this process; its outcome comes first."""
        outcome: asyncio.Future[dict[str, Any]] = loop.create_future()
        reloads.append(outcome)
        connection.send(link.ReloadRequest())
        return await outcome

    async with (
        open_service(config, forget) as service,
        serve_control(config, service, reload=reload),
        serve_http(config, service, http, answerer.get, check_command),
        asyncio.TaskGroup() as tasks,
    ):
        desk = Desk(service, config)
        actors: dict[str, Actor] = {"refresher": service.refresher, "pins": service.pins}
        if http and service.census is not None:
            actors["census"] = service.census
        if service.follower is not None:
            actors["follower"] = service.follower
        if service.watch is not None:
            actors |= {"watcher": service.watch.watcher, "herald": service.watch.herald}
        for view in service.views:
            if view.self_test is not None:
                actors[" ".join(("self-test", *view.resolvers))] = view.self_test
        steady = [tasks.create_task(keep_going(name, actor)) for name, actor in actors.items()]

        async def reply(ask: link.Ask) -> None:
            began = loop.time()
            put = await desk.answer(ask)
            try:
                connection.send(put)
            except link.LinkError:
                log.exception("answer could not be sent", next_hop=ask.next_hop, zone=ask.zone)
                connection.send(desk.apology(ask))
            if not ask.is_revalidation:
                service.meter.cold_answers.add(loop.time() - began)

        questions: set[asyncio.Task[None]] = set()
        while (message := await inbox.get()) is not None:
            match message:
                case link.Ask():
                    task = tasks.create_task(reply(message))
                    questions.add(task)
                    task.add_done_callback(questions.discard)
                case link.StatsRequest():
                    counters = json.dumps(service.counters()).encode()
                    connection.send(link.Stats(counters=counters))
                case link.Stats():
                    answerer.take(message)
                case link.Reloaded(outcome=outcome):
                    for waiting in reloads:
                        if not waiting.done():
                            waiting.set_result(json.loads(outcome))
                    reloads.clear()
                case _:
                    log.warning("message out of place", message=type(message).__name__)
        for task in (*steady, *questions):
            task.cancel()


class Actor(Protocol):
    """A loop that ends only when it is cancelled."""

    async def run(self) -> None:
        """Work for ever."""
        ...


async def keep_going(name: str, actor: Actor) -> None:
    """Run an actor, again when it fails: the others, and all questions, must not fall with it."""
    while True:
        try:
            await actor.run()
        except Exception:
            # A fault of ours: begun anew, it may not meet it again; others never do.
            log.exception("an actor has failed", actor=name, action="started-again-in-60s")
        await asyncio.sleep(ACTOR_PAUSE.total_seconds())


def run(
    arguments: Sequence[str], open_service: OpenService, check_command: Sequence[str] = ()
) -> int:
    """Run as the answerer's child.

    The last argument is the number of our end of the link, those before are of HTTP listeners.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    *http, sock = (socket.socket(fileno=int(number)) for number in arguments)
    sock.setblocking(False)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(work(sock, open_service, http, check_command))
    except mailseal.Error as error:
        log.error("the resolver cannot work", reason=str(error), action="started-again")
        return 1
    return 0
