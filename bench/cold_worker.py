"""A resolver process without its questions: cold look-ups, and bare handshakes beside them.

``cold_worker.py CONFIG CA_FILE`` takes lines ``cold FIRST COUNT``, ``survey FIRST COUNT`` and
``bare FIRST COUNT`` and answers each with the CPU time in nanoseconds of all its threads: for the
policies of so many domains from the first on, for the MX sets and hosts that a whole question
needs beside, and for connecting to their policy hosts with a TLS handshake and nothing else.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from bench.internet import POLICY_HOST
from bench.questions import domain, policy
from mailseal import config as configuration
from mailseal import wiring
from mailseal.faces.policyd.eventloop import new_event_loop
from mailseal.names import Domain, NextHop, parse_next_hop
from mailseal.net.https.trust import build_context
from mailseal.services.policyservice import PolicyService

AT_ONCE = 16  # a crowd of mails to new domains; alone, both sides would cost more
TIMEOUT = timedelta(seconds=20)

Work = Callable[[int], Awaitable[None]]


def cold(service: PolicyService) -> Work:
    """Return what finds the policy of a domain that nothing is known of."""

    async def look_up(number: int) -> None:
        name = Domain.parse(domain(number))
        view = await service.discoverer.policy_for(name, timeout=TIMEOUT)
        if view.cached is None or view.cached.body != policy(name):
            raise SystemExit(f"no policy for {name}")

    return look_up


def survey(service: PolicyService) -> Work:
    """Return what finds the MX set of a domain, and the state of its hosts."""

    async def look_up(number: int) -> None:
        hop = parse_next_hop(domain(number))
        assert isinstance(hop, NextHop)
        await service.views.default.resolver.resolve(hop, timeout=TIMEOUT)

    return look_up


def bare(ca_file: str) -> Work:
    """Return what connects to the policy host of a domain and does the handshake."""
    context = build_context(ca_file)
    loop = asyncio.get_running_loop()

    async def connect(number: int) -> None:
        transport, _ = await loop.create_connection(
            asyncio.Protocol,
            POLICY_HOST,
            443,
            ssl=context,
            server_hostname=f"mta-sts.{domain(number)}",
        )
        transport.abort()

    return connect


async def crowd(work: Work, first: int, count: int) -> int:
    """Do ``work`` for each number, some at once; return the CPU time it took."""
    numbers = iter(range(first, first + count))

    async def one_after_another() -> None:
        for number in numbers:
            await work(number)

    began = time.process_time_ns()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_another())
    return time.process_time_ns() - began


async def serve(config_file: Path, ca_file: str) -> None:
    config = configuration.load(config_file)
    wiring.set_up_logging(config.log)
    async with wiring.open_service(config, lambda _: None) as service:
        works = {"cold": cold(service), "survey": survey(service), "bare": bare(ca_file)}
        while line := await asyncio.to_thread(sys.stdin.readline):
            word, first, count = line.split()
            print(await crowd(works[word], int(first), int(count)), flush=True)


def main() -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
