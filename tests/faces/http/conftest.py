"""The HTTP face on a UNIX socket, with fakes behind it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mailseal.config import parse
from mailseal.faces.http.serving import serve_http
from mailseal.services.policyservice import PolicyService
from mailseal.testing import FakeDns
from tests.faces.world import INSIDE, World

GUARD_SECONDS = 10.0  # only reached by a test that would hang otherwise


@dataclass(frozen=True)
class Reply:
    """A response taken apart; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass
class Face:
    """A running HTTP face; ``answerer`` is what the answerer would tell."""

    path: Path
    world: World
    service: PolicyService
    answerer: dict[str, int] | None = field(default_factory=lambda: {"listeners": 2, "hits": 7})

    async def ask_answerer(self) -> dict[str, int] | None:
        """Stand in for the link."""
        return self.answerer

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_unix_connection(self.path)

    async def get(self, target: str, *, method: str = "GET", headers: str = "") -> Reply:
        """Make one request on a connection of its own."""
        reader, writer = await self.connect()
        writer.write(
            f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode()
        )
        reply = await read_reply(reader, is_head=method == "HEAD")
        writer.close()
        return reply


async def read_reply(reader: asyncio.StreamReader, *, is_head: bool = False) -> Reply:
    """Read one response."""
    async with asyncio.timeout(GUARD_SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
        length = 0 if is_head else int(headers["content-length"])
        return Reply(int(first.split()[1]), headers, await reader.readexactly(length))


@pytest.fixture
async def face(tmp_path: Path, world: World) -> AsyncIterator[Face]:
    """Give a face whose service knows the world's ``example.com``."""
    path = tmp_path / "http"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    config = parse(
        '[zones.strict]\nprofile = "postfix"\nstrict_testing = true\nsni = false\n'
        f'[zones.inside]\nprofile = "postfix"\nresolvers = ["{INSIDE}"]\n'
    )
    world.inside = FakeDns()
    async with world.open_service(config, world.dropped.append) as service:
        made = Face(path, world, service)
        async with serve_http(config, service, [listening], made.ask_answerer):
            yield made
    listening.close()
