"""The HTTP face as a whole: its server with its routes, for as long as a block runs."""

import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from mailseal.config import Config
from mailseal.faces.http.routes import AskAnswerer, Routes
from mailseal.faces.http.server import HttpServer
from mailseal.services.policyservice import PolicyService
from mailseal.wire.profiles import profiles, zone_forms


@contextlib.asynccontextmanager
async def serve_http(
    config: Config,
    service: PolicyService,
    sockets: Sequence[socket.socket],
    ask_answerer: AskAnswerer,
) -> AsyncIterator[None]:
    """Answer on sockets that listen already while the block runs; none is fine."""
    routes = Routes(
        service=service,
        ask_answerer=ask_answerer,
        profiles=profiles(testing=config.answers.testing),
        zones=config.zones,
        forms=zone_forms(config.zones, testing=config.answers.testing),
        started_at=datetime.now(UTC),
    )
    for listening in sockets:
        listening.setblocking(False)
    server = HttpServer(routes, service.meter, names=frozenset(config.http.names))
    async with server.serving(sockets):
        yield
