"""The server's bounds: what a slow, a rude or a hostile client cannot do."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from mailseal.faces.http.message import Request, Response
from mailseal.faces.http.server import HttpServer, Limits
from mailseal.services.meter import Meter
from tests.faces.http.conftest import GUARD_SECONDS, Face, read_reply

SOON = timedelta(milliseconds=20)


@contextlib.asynccontextmanager
async def served(
    path: Path, limits: Limits, handler: Callable[[Request], object] | None = None
) -> AsyncIterator[Meter]:
    """Serve a handler on a UNIX socket."""

    async def answer(request: Request) -> Response:
        if handler is not None:
            handler(request)
        if request.path == "/never":
            await asyncio.Event().wait()
        body = b"x" * (10_000_000 if request.path == "/much" else 2)
        return Response(status=HTTPStatus.OK, content_type="text/plain", body=body, route="/x")

    meter = Meter()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        async with HttpServer(answer, meter, limits).serving([listening]):
            yield meter


async def send(path: Path, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect and send something."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    return reader, writer


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Read to the end; a reset is an end too."""
    async with asyncio.timeout(GUARD_SECONDS):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_connection_is_kept_and_pipelined_requests_are_answered(tmp_path: Path) -> None:
    """Prometheus keeps its connection from scrape to scrape."""
    async with served(tmp_path / "s", Limits()) as meter:
        reader, writer = await send(tmp_path / "s", GET + GET)
        for _ in range(2):
            assert (await read_reply(reader)).status == 200
        writer.write(GET)
        assert (await read_reply(reader)).body == b"xx"
        writer.close()

        assert meter.http["/x", "200"] == 3


async def test_no_browser_is_invited(face: Face) -> None:
    """No response may be sniffed, framed, cached or read by another origin."""
    for target in ("/metrics", "/v1/policy/a..b", "/nowhere"):
        headers = (await face.get(target, headers="Origin: https://example.net\r\n")).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert not [name for name in headers if name.startswith("access-control-")]
        assert "server" not in headers


async def test_head_has_the_headers_and_no_body(face: Face) -> None:
    """A prober that asks so need not read."""
    reply = await face.get("/health/live", method="HEAD")

    assert reply.status == 200
    assert int(reply.headers["content-length"]) > 0
    assert reply.body == b""


@pytest.mark.parametrize(("data", "status"), [
    (b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
    (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413),
    (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 413),
    (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET /x HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    (b"GET /x HTTP/1.1\r\n" + b"X: x\r\n" * 20_000, 431),
    (b"GET /x HTTP/1.1\r\n\r\n", 400),                       # no Host
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),      # TLS
    (b"19:postfix example.com,\r\n\r\n", 400),               # socketmap
])  # fmt: skip
async def test_what_is_not_wanted_is_a_problem_and_the_end(
    tmp_path: Path, data: bytes, status: int
) -> None:
    """Each is answered with its own status, and nothing after it is read as a request."""
    async with served(tmp_path / "s", Limits()) as meter:
        reader, writer = await send(tmp_path / "s", data)
        reply = await read_reply(reader)
        assert reply.status == status
        assert reply.headers["content-type"] == "application/problem+json"
        writer.write_eof()
        assert await rest(reader) == b""
        writer.close()

        assert meter.http["none", str(status)] == 1


async def test_a_client_without_a_request_is_closed(tmp_path: Path) -> None:
    """Half a head counts as none, however slowly it drips."""
    async with served(tmp_path / "s", Limits(idle=SOON)):
        for data in (b"", b"GET /x HTTP/1.1\r\n"):
            reader, writer = await send(tmp_path / "s", data)
            assert await rest(reader) == b""
            writer.close()


async def test_an_answer_that_takes_too_long_is_a_problem(tmp_path: Path) -> None:
    """Whoever asked is told, and the connection goes on."""
    async with served(tmp_path / "s", Limits(answer=SOON)):
        reader, writer = await send(tmp_path / "s", b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await read_reply(reader)).status == 503
        writer.write(GET)
        assert (await read_reply(reader)).status == 200
        writer.close()


async def test_a_client_that_does_not_read_is_dropped(tmp_path: Path) -> None:
    """What it asked for is not kept for it."""
    async with served(tmp_path / "s", Limits(send=SOON)):
        reader, writer = await send(tmp_path / "s", b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        cast("asyncio.Transport", writer.transport).pause_reading()
        loop = asyncio.get_running_loop()
        patience_ends = loop.time() + 10 * SOON.total_seconds()
        while loop.time() < patience_ends:  # others are served meanwhile
            other, second = await send(tmp_path / "s", GET)
            assert (await read_reply(other)).status == 200
            second.close()
        cast("asyncio.Transport", writer.transport).resume_reading()
        assert len(await rest(reader)) < 10_000_000
        writer.close()


async def test_when_full_the_longest_idle_makes_room(tmp_path: Path) -> None:
    """Idle clients cannot keep a scrape out."""
    async with served(tmp_path / "s", Limits(connections=2)) as meter:
        idle = [await send(tmp_path / "s", b"") for _ in range(2)]
        for _, writer in idle:
            await writer.drain()
        reader, writer = await send(tmp_path / "s", GET)
        assert (await read_reply(reader)).status == 200
        assert await rest(idle[0][0]) == b""
        assert meter.http_refused == 1
        for _, one in (*idle, (reader, writer)):
            one.close()


async def test_when_all_are_busy_another_is_refused(tmp_path: Path) -> None:
    """Work under way is finished first."""
    async with served(tmp_path / "s", Limits(connections=1, finish=SOON)) as meter:
        _, busy = await send(tmp_path / "s", b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        reader, writer = await send(tmp_path / "s", GET)
        assert await rest(reader) == b""
        assert meter.http_refused == 1
        busy.close()
        writer.close()


async def test_a_connection_has_an_end(tmp_path: Path) -> None:
    """After so many requests it is closed, with a word."""
    async with served(tmp_path / "s", Limits(requests_per_connection=2)):
        reader, writer = await send(tmp_path / "s", GET + GET + GET)
        assert (await read_reply(reader)).headers.get("connection") is None
        assert (await read_reply(reader)).headers["connection"] == "close"
        writer.write_eof()
        assert await rest(reader) == b""
        writer.close()


async def test_a_fault_of_ours_is_a_problem_and_logged(tmp_path: Path) -> None:
    """Nothing of it is shown to the client."""

    def fail(request: Request) -> None:
        raise RuntimeError("secret detail")

    with capture_logs() as logs:
        async with served(tmp_path / "s", Limits(), fail):
            reader, writer = await send(tmp_path / "s", GET)
            reply = await read_reply(reader)
            writer.close()

    assert reply.status == 500
    assert b"secret" not in reply.body
    assert logs[0]["event"] == "HTTP request failed"


async def test_the_end_waits_for_what_was_asked_and_for_no_one_else(tmp_path: Path) -> None:
    """A restart breaks off no scrape, and is held up by nobody who asks nothing."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        asked.set()
        await answer.wait()
        return Response(status=HTTPStatus.OK, content_type="text/plain", body=b"xx", route="/x")

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        limits = Limits(first=SOON, finish=timedelta(seconds=GUARD_SECONDS))
        async with HttpServer(handler, Meter(), limits).serving([listening]):
            silent, silent_writer = await send(tmp_path / "s", b"")
            reader, writer = await send(tmp_path / "s", GET)
            await asked.wait()
            loop = asyncio.get_running_loop()
            loop.call_later(2 * SOON.total_seconds(), answer.set)
            replying = asyncio.create_task(read_reply(reader))
            replying.add_done_callback(lambda _: writer.close())  # or its end would be waited for
        reply = await replying
        assert await rest(silent) == b""
        silent_writer.close()

    assert reply.status == 200
    assert reply.headers["connection"] == "close"


async def test_the_end_does_not_wait_for_ever(tmp_path: Path) -> None:
    """An answer that does not come is given up: the next resolver is needed for mail."""
    limits = Limits(first=timedelta(0), finish=SOON)
    asked = asyncio.Event()
    async with served(tmp_path / "s", limits, lambda _: asked.set()):
        reader, writer = await send(tmp_path / "s", b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        await asked.wait()
    assert await rest(reader) == b""
    writer.close()


async def test_over_tcp_a_foreign_name_is_refused() -> None:
    """A web page whose name was pointed here reads nothing; IP addresses and our names may."""

    async def answer(request: Request) -> Response:
        return Response(status=HTTPStatus.OK, content_type="text/plain", body=b"xx", route="/x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        host, port = listening.getsockname()
        meter = Meter()
        server = HttpServer(answer, meter, names=frozenset({"mx1.example.com"}))
        async with server.serving([listening]):
            for line, status in (
                (f"Host: {host}:{port}\r\n", 200),
                ("Host: MX1.example.com:8463\r\n", 200),
                ("Host: evil.example\r\n", 421),
                (f"Host: {'evil' * 1000}\r\n", 421),
                (f"Host: {host}\r\nHost: evil.example\r\n", 400),
            ):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(f"GET /x HTTP/1.1\r\n{line}Connection: close\r\n\r\n".encode())
                reply = await read_reply(reader)
                writer.close()
                assert reply.status == status, line
                if status == 421:
                    assert b"xx" not in reply.body
                    assert reply.json()["code"] == "host"
                    assert "names in [http]" in reply.json()["detail"]
                    assert len(reply.body) < 500
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /x HTTP/1.0\r\n\r\n")  # such as a load balancer's probe
            assert (await read_reply(reader)).status == 200
            writer.close()

    assert meter.http["none", "421"] == 2
