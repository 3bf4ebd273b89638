"""The process that looks at policy hosts for a scan: how it is started, and what it is."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailseal.wiring.clock import clock

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.net.https.apart.prober import ApartPolicyProber
    from mailseal.ports.policyhost import PolicyProber

PROBER = "prober"  # the argument that makes a process of ours this one


def open_apart(config: "Config", near: "PolicyProber", user_agent: str) -> "ApartPolicyProber":
    """Return who looks at policy hosts by such a process, and by ``near`` where there is none."""
    from mailseal.faces.http.checks.process import command_spawner
    from mailseal.net.https.apart.link import Settings
    from mailseal.net.https.apart.prober import ApartPolicyProber

    https = config.https
    settings = Settings(
        ca_file=str(https.ca_file) if https.ca_file else None,
        user_agent=user_agent,
        allow_private=https.allow_private_addresses,
        proxy=https.proxy,
        max_probes=config.limits.fetches,
    )
    spawn = command_spawner([sys.executable, "-m", "mailseal.wiring", PROBER])
    return ApartPolicyProber(near, spawn=spawn, settings=settings, clock=clock)


def run_prober(arguments: Sequence[str]) -> int:
    """Be that process; the argument is its end of the link."""
    import asyncio
    import socket

    from mailseal.faces.collecting import SOON, spare_collector
    from mailseal.faces.policyd.eventloop import new_event_loop
    from mailseal.net.https.apart import child

    sock = socket.socket(fileno=int(arguments[0]))
    sock.setblocking(False)
    spare_collector(SOON)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(child.serve(sock, lambda settings: child.open_https(settings, clock), clock))
    return 0
