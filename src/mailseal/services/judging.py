"""Judging takes a millisecond or two; where evidence was made to take longer, a thread does it."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from mailseal.answers import Found
from mailseal.checks.evidence import Evidence

MAX_WORK = 200  # ours; some 20 ms. Large providers, with every address counted, come to 60

T = TypeVar("T")


async def judge_aside(evidence: Evidence, judge: Callable[[Evidence], T]) -> T:
    """Return what ``judge`` makes of the evidence, without holding up the event loop for long."""
    if weigh(evidence) <= MAX_WORK:
        return judge(evidence)
    return await asyncio.to_thread(judge, evidence)


def weigh(evidence: Evidence) -> int:
    """Return about how much there is to do: certificates, each with all records of its host."""
    return sum(
        (1 + sum(len(one.answer.records) for one in host.tlsa if isinstance(one.answer, Found)))
        * sum(len(one.tls.chain) for one in host.sessions if one.tls)
        for host in evidence.mx_hosts
    )
