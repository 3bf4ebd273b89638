"""What the policy host serves, as senders read it: each fetch, and each policy that came of one."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailseal.checks.evidence import Depth, Evidence, PolicyFetch
from mailseal.checks.webpki import Problem, judge_chain
from mailseal.mtasts.policy import MAX_BODY_BYTES, Mode, Policy, PolicyReading

_FIELD = re.compile(rb"^[ \t]*(version|mode|max_age|mx)[ \t]*:", re.MULTILINE)

ReadBody = Callable[[bytes], PolicyReading]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReading:
    """One fetch: what is wrong with its certificate, and what its body says.

    ``policy`` is None unless a sender would have read the body: a whole 200 over a good chain.
    """

    fetch: PolicyFetch
    problems: tuple[Problem, ...]
    policy: PolicyReading | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPolicy:
    """A policy that a sender believes, the file that it stands in, and who serves it."""

    policy: Policy
    body: bytes
    addresses: tuple[str, ...]


def is_like_policy(body: bytes) -> bool:
    """Tell whether a body was meant to be a policy, however broken it is."""
    text = body[:MAX_BODY_BYTES].replace(b"\0", b"").lower()  # UTF-16, too
    return b"stsv1" in text or len({match[1] for match in _FIELD.finditer(text)}) >= 2


def read_fetches(
    evidence: Evidence, read_body: ReadBody, now: datetime
) -> tuple[FetchReading, ...]:
    """Read each fetch, in the order of the policy host's addresses."""
    host = evidence.policy_host
    if host is None or evidence.depth is Depth.DNS:
        return ()
    return tuple(_read_fetch(host.name, fetch, read_body, now) for fetch in host.fetches)


def _read_fetch(host: str, fetch: PolicyFetch, read_body: ReadBody, now: datetime) -> FetchReading:
    problems = judge_chain(fetch.tls, host, now) if fetch.tls else ()
    is_served = fetch.status == 200 and fetch.is_whole and fetch.failure is None
    is_believed = is_served and fetch.tls is not None and not problems
    policy = read_body(fetch.body) if is_believed else None
    return FetchReading(fetch=fetch, problems=problems, policy=policy)


def gather_served(fetches: Sequence[FetchReading]) -> tuple[ServedPolicy, ...]:
    """Return every policy that some address serves, each once."""
    found: dict[Policy, ServedPolicy] = {}
    for one in fetches:
        policy = one.policy.policy if one.policy else None
        if policy is None:
            continue
        first = found.get(policy)
        found[policy] = ServedPolicy(
            policy=policy,
            body=first.body if first else one.fetch.body,
            addresses=(*(first.addresses if first else ()), one.fetch.address),
        )
    return tuple(found.values())


def choose_strictest(served: Sequence[ServedPolicy]) -> tuple[ServedPolicy, ...]:
    """Return those whose mode asks the most."""
    for mode in (Mode.ENFORCE, Mode.TESTING, Mode.NONE):
        strictest = tuple(one for one in served if one.policy.mode is mode)
        if strictest:
            return strictest
    return ()
