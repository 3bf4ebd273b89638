"""The HTTP face as a whole: its server with its routes, for as long as a block runs."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from mailseal.config import Config
from mailseal.faces.http.checks.desk import CheckDesk, DeskLimits
from mailseal.faces.http.checks.process import CheckProcess, command_spawner
from mailseal.faces.http.checks.route import CheckRoute
from mailseal.faces.http.forwarded import TrustedProxies
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
    check_command: Sequence[str] = (),
) -> AsyncIterator[None]:
    """Answer on sockets that listen already while the block runs; none is fine.

    ``check_command`` starts a process that checks domains.
    """
    desk = None
    if config.http.check and check_command and sockets:
        desk = _open_desk(config, check_command)
    routes = Routes(
        service=service,
        ask_answerer=ask_answerer,
        profiles=profiles(testing=config.answers.testing),
        zones=config.zones,
        forms=zone_forms(config.zones, testing=config.answers.testing),
        started_at=datetime.now(UTC),
        check=CheckRoute(desk) if desk is not None else None,
    )
    for listening in sockets:
        listening.setblocking(False)
    server = HttpServer(
        routes,
        service.meter,
        names=frozenset(config.http.names),
        trusted=TrustedProxies.of(config.http.trusted_proxies),
        patience=routes.patience,
    )
    try:
        async with server.serving(sockets):
            yield
    finally:
        if desk is not None:
            await desk.aclose()


def _open_desk(config: Config, command: Sequence[str]) -> CheckDesk:
    http = config.http
    process = CheckProcess(command_spawner(command), config)
    limits = DeskLimits(
        at_once=http.check_at_once,
        per_client=http.check_per_client,
        per_domain=http.check_per_domain,
        patience=process.patience * 2,  # half of it for a turn
    )
    return CheckDesk(process, limits, asyncio.get_running_loop().time)
