"""``GET /v1/check/{domain}``: JSON or events, and who is refused."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mailseal.faces.http import openapi
from mailseal.faces.http.checks import desk as desk_module
from mailseal.faces.http.checks import route as route_module
from mailseal.faces.http.checks.desk import CheckDesk, DeskLimits
from mailseal.faces.http.checks.route import CheckRoute
from mailseal.faces.http.forwarded import TrustedProxies
from mailseal.faces.http.message import Request, Response
from mailseal.faces.http.server import HttpServer, Limits
from mailseal.services.meter import Meter
from tests.faces.http.checks.fakerunner import FakeRunner
from tests.faces.http.conftest import GUARD_SECONDS, Face, Reply, read_reply

ANSWER = b'{"domain":"a.example","verdict":"not-yet"}'


@dataclass
class Checks:
    """The route behind the real server, with a runner of the test's."""

    path: Path
    runner: FakeRunner
    meter: Meter
    desk: CheckDesk

    async def send(
        self, target: str = "/v1/check/a.example", headers: str = "", *, method: str = "GET"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Begin a request."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        return reader, writer

    async def get(self, target: str = "/v1/check/a.example", headers: str = "") -> Reply:
        """Make a request that is answered at once."""
        reader, writer = await self.send(target, headers)
        reply = await read_reply(reader)
        writer.close()
        return reply


@contextlib.asynccontextmanager
async def serving(folder: Path, limits: Limits | None = None) -> AsyncIterator[Checks]:
    """Serve the route."""
    runner, meter = FakeRunner(), Meter()
    rations = DeskLimits(at_once=2, per_client=3, per_domain=2, patience=timedelta(minutes=1))
    desk = CheckDesk(runner, rations, asyncio.get_running_loop().time)
    route = CheckRoute(desk)

    async def handle(request: Request) -> Response:
        return await route(request.path.removeprefix("/v1/check/"), request)

    trusted = TrustedProxies(are_unix_peers=True)
    server = HttpServer(handle, meter, limits, trusted=trusted, patience=lambda _: route.patience)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s"))
        listening.listen()
        async with server.serving([listening]):
            yield Checks(folder / "s", runner, meter, desk)
    await desk.aclose()


async def read_event(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read one event out of its chunk."""
    async with asyncio.timeout(GUARD_SECONDS):
        size = int(await reader.readline(), 16)
        chunk = await reader.readexactly(size + 2)
    lines = chunk.strip().split(b"\n")
    fields = dict(line.split(b": ", 1) for line in lines)
    return fields.get(b"event", b"").decode(), fields.get(b"data", b"")


async def test_an_answer_is_waited_for(tmp_path: Path) -> None:
    """Longer than other routes take: the limit of these does not count."""
    async with serving(tmp_path, Limits(answer=timedelta(milliseconds=1))) as checks:
        reader, writer = await checks.send("/v1/check/A.Example.")
        await checks.runner.begun("a.example")
        await asyncio.sleep(0.005)
        checks.runner.end("a.example", ANSWER)
        reply = await read_reply(reader)
        writer.close()

        assert reply.status == 200
        assert reply.headers["content-type"] == "application/json"
        assert reply.body == ANSWER
        assert checks.meter.http[openapi.CHECK, "200"] == 1
        again = await checks.get()
        assert again.body == ANSWER
        assert checks.runner.asked == ["a.example"]


async def test_progress_comes_as_events_and_the_answer_last(tmp_path: Path) -> None:
    """A page shows how far it is; the connection goes on behind it."""
    async with serving(tmp_path) as checks:
        reader, writer = await checks.send(headers="Accept: text/event-stream\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b"content-type: text/event-stream" in head
        assert b"cache-control: no-store" in head
        await checks.runner.begun("a.example")
        checks.runner.step("a.example", 4)
        assert await read_event(reader) == (
            "progress",
            b'{"part":"dns","subject":"mx.a.example","done":4,"total":9}',
        )
        checks.runner.end("a.example", ANSWER)
        assert await read_event(reader) == ("result", ANSWER)
        assert await reader.readuntil(b"0\r\n\r\n") == b"0\r\n\r\n"

        writer.write(
            b"GET /v1/check/a.example HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        assert await read_event(reader) == ("result", ANSWER)  # kept from a moment ago
        writer.close()


async def test_a_failure_is_an_event_or_a_problem(tmp_path: Path) -> None:
    """A stream's status was sent long before."""
    async with serving(tmp_path) as checks:
        reader, writer = await checks.send(headers="Accept: text/event-stream\r\n")
        other, second = await checks.send()
        await checks.runner.begun("a.example")
        checks.runner.fail("a.example")
        await reader.readuntil(b"\r\n\r\n")
        name, data = await read_event(reader)
        assert (name, json.loads(data)["code"]) == ("problem", "check-failed")
        reply = await read_reply(other)
        assert (reply.status, reply.json()["code"]) == (503, "check-failed")
        writer.close()
        second.close()


async def test_silence_is_filled_with_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server in front would hang up otherwise."""
    monkeypatch.setattr(route_module, "KEEP_ALIVE_SECONDS", 0.001)
    async with serving(tmp_path) as checks:
        reader, writer = await checks.send(headers="Accept: text/event-stream\r\n")
        async with asyncio.timeout(GUARD_SECONDS):
            assert await reader.readuntil(b": still looking\n\n")
        writer.close()


async def test_clients_that_leave_are_not_counted_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each gives its place back, whether it hung up before or within the stream."""
    monkeypatch.setattr(desk_module, "MAX_WATCHERS", 2)
    async with serving(tmp_path, Limits(send=timedelta(milliseconds=20))) as checks:
        wish = "Accept: text/event-stream\r\nX-Forwarded-For: 192.0.2.{}\r\n"
        opened = [await checks.send(headers=wish.format(number)) for number in range(2)]
        await opened[1][0].readuntil(b"\r\n\r\n")  # the other hangs up before it has read this
        reply = await checks.get("/v1/check/b.example")
        assert (reply.status, reply.json()["code"]) == (503, "busy")
        for _, writer in opened:
            writer.transport.abort()
        checks.runner.step("a.example", 1)  # what is sent to them meets nobody
        async with asyncio.timeout(GUARD_SECONDS):
            while checks.desk._watchers:  # noqa: ASYNC110 -- nobody is told when it changes
                await asyncio.sleep(0.001)

        reader, writer = await checks.send("/v1/check/b.example")
        await checks.runner.begun("b.example")
        checks.runner.end("b.example", ANSWER)
        assert (await read_reply(reader)).status == 200
        assert not checks.desk._watchers  # who is answered does so too
        writer.close()


async def test_rations_are_told_with_when_to_come_again(tmp_path: Path) -> None:
    """429 and Retry-After, as any client's library understands."""
    async with serving(tmp_path, Limits(finish=timedelta(milliseconds=10))) as checks:
        open_ones = [await checks.send(f"/v1/check/{name}.example") for name in "abc"]
        await checks.runner.begun("b.example")
        reply = await checks.get("/v1/check/d.example")

        assert (reply.status, reply.json()["code"]) == (429, "client-limit")
        assert int(reply.headers["retry-after"]) > 0
        for _, writer in open_ones:
            writer.close()


@pytest.mark.parametrize(
    ("target", "headers", "method", "status", "code"),
    [
        ("/v1/check/a..b", "", "GET", 400, "malformed"),
        ("/v1/check/", "", "GET", 400, "malformed"),
        ("/v1/check/localhost", "", "GET", 400, "malformed"),  # no domain of the Internet
        ("/v1/check/192.0.2.1", "", "GET", 400, "malformed"),
        ("/v1/check/%5B::1%5D", "", "GET", 400, "malformed"),
        ("/v1/check/a.example%2Fb", "", "GET", 400, "malformed"),
        ("/v1/check/%FF.example", "", "GET", 400, "malformed"),
        ("/v1/check/a.example", "Sec-Fetch-Site: cross-site\r\n", "GET", 403, "cross-site"),
        ("/v1/check/a.example", "Sec-Fetch-Site: same-site\r\n", "GET", 403, "cross-site"),
        ("/v1/check/a.example", "", "HEAD", 405, ""),
    ],
)
async def test_what_is_refused_makes_nobody_work(
    tmp_path: Path, target: str, headers: str, method: str, status: int, code: str
) -> None:
    """Neither a name that is none, nor a page of another site, nor whoever wants no answer."""
    async with serving(tmp_path) as checks:
        reader, writer = await checks.send(target, headers, method=method)
        reply = await read_reply(reader, is_head=method == "HEAD")
        writer.close()

        assert reply.status == status
        assert not code or reply.json()["code"] == code
        assert checks.runner.asked == []


async def test_checks_are_off_unless_switched_on(face: Face) -> None:
    """The problem says what switches them on; the description does not have them."""
    reply = await face.get("/v1/check/example.com")

    assert (reply.status, reply.json()["code"]) == (404, "check-off")
    assert "check = true in [http]" in reply.json()["detail"]
    assert openapi.CHECK not in (await face.get("/v1/openapi.json")).json()["paths"]


def test_the_description_has_the_answer_when_they_are_on() -> None:
    """With the very type that the command's JSON is written from."""
    document = openapi.describe(["postfix"], has_check=True)
    operation = document["paths"][openapi.CHECK]["get"]

    assert set(operation["responses"]) >= {"200", "400", "403", "429", "503"}
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["$ref"] == "#/components/schemas/CheckAnswer"
    assert "findings" in document["components"]["schemas"]["CheckAnswer"]["properties"]
