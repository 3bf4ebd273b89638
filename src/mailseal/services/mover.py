"""Takes another daemon's cached policies over into the store, and tells which it could not."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from mailseal.mtasts.foreign import ForeignPolicy, ForeignPolicyError, take_over
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.ports.clock import Clock
from mailseal.ports.policystore import PolicyStore

TOGETHER = 250  # ours: writes that the store may commit as one; each alone waits for the disk
MAX_TOLD = 10_000  # ours: reasons kept for the report; what goes beyond is only counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """How it went; ``refused`` are domain and reason, of ``refused_count`` at most 10 000."""

    taken: int
    kept: int
    refused_count: int
    refused: tuple[tuple[str, str], ...]


async def move_policies(
    pages: Iterator[list[ForeignPolicy]], store: PolicyStore, clock: Clock
) -> Takeover:
    """Store every entry that is a policy in force; where ours is the later fetch, it stays.

    ``pages`` is asked from another thread, as reading it waits for a network or a disk. Raises
    what it raises, and ``StoreError``; what was stored until then stays.
    """
    taken = kept = refused_count = 0
    refused: list[tuple[str, str]] = []
    while (page := await asyncio.to_thread(next, pages, None)) is not None:
        now = clock.now()
        good: list[CachedPolicy] = []
        for entry in page:
            try:
                good.append(take_over(entry, now))
            except ForeignPolicyError as error:
                refused_count += 1
                if len(refused) < MAX_TOLD:
                    refused.append((entry.domain, str(error)))
        for start in range(0, len(good), TOGETHER):
            some = good[start : start + TOGETHER]
            saved = await asyncio.gather(*(store.save(policy, now=now) for policy in some))
            taken += sum(saved)
            kept += len(saved) - sum(saved)
    return Takeover(taken=taken, kept=kept, refused_count=refused_count, refused=tuple(refused))
