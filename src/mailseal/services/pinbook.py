"""Keeps the list of pinned policies: reads it anew, checks it, and says which pin applies.

What cannot be checked is never used, and the last good list stays in use until it expires,
across restarts too. A pin is out of use once a policy was fetched from the domain itself after
the list was issued; a list that is issued later pins the domain anew.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from mailseal.envelope import EnvelopeError, PublicKey
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.pins import Pin, PinList, PinListError, open_list, recall_list, render_instant
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.pins import PinShelf, PinSource, PinsUnavailable
from mailseal.ports.storeerrors import StoreError

log = structlog.stdlib.get_logger("mailseal.pins")

ROUND_INTERVAL = timedelta(seconds=60)
READ_TIMEOUT = timedelta(minutes=2)  # ours: 16 MiB over a slow line
RETRY_INTERVAL = timedelta(minutes=5)  # after a list that could not be had or was refused
_STORED = "stored"  # where a list came from that was kept over a restart
_WARN_AT_SHARE_LEFT = 0.2  # of a list's life: time enough to sign the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class PinStanding:
    """What is known of a domain's pin, for those who ask why.

    ``replaced_at`` is when a policy of the domain's own came in its place.
    """

    pin: Pin
    issued: datetime
    expires: datetime
    has_expired: bool
    replaced_at: datetime | None


class PinBook:
    """The list in use. Without a source it is empty for ever."""

    def __init__(
        self,
        *,
        clock: Clock,
        source: PinSource | None = None,
        shelf: PinShelf | None = None,
        keys: tuple[PublicKey, ...] = (),
        check_interval: timedelta = timedelta(hours=1),
        on_change: Callable[[Domain], None] = lambda _domain: None,
    ) -> None:
        self._clock = clock
        self._source = source
        self._shelf = shelf
        self._keys = keys
        self._check_interval = check_interval
        self._on_change = on_change
        self._list: PinList | None = None
        self._envelope: bytes = b""
        self._replaced: dict[Domain, datetime] = {}
        self._keeps = False
        self._is_unsaved = False
        self._has_unsaved_list = False
        self._due_at: datetime | None = None
        self._told: set[tuple[bool, str]] = set()
        self._trouble = ""
        self._failed_at: datetime | None = None
        self._reading = asyncio.Lock()

    # -- what it knows ------------------------------------------------------------------------

    @property
    def in_use(self) -> PinList | None:
        """The last good list, expired or not."""
        return self._list

    @property
    def trouble(self) -> str:
        """Why the last attempt to read a list brought none; empty when it did."""
        return self._trouble

    @property
    def source_name(self) -> str | None:
        """Where the list comes from; None where none is configured."""
        return self._source.name if self._source is not None else None

    @property
    def replaced_count(self) -> int:
        """How many pins of the list have been replaced by the domains themselves."""
        return len(self._replaced)

    def pin_for(self, domain: Domain) -> Pin | None:
        """Return the pin that applies now."""
        found = self._list
        if found is None or (pin := found.pins.get(domain)) is None:
            return None
        if found.has_expired(self._clock.now()):
            return None
        return pin if pin.hold or domain not in self._replaced else None

    @property
    def expires(self) -> datetime | None:
        """When the list in use ends."""
        return self._list.expires if self._list is not None else None

    def counters(self) -> dict[str, int]:
        """Return what can be counted; nothing without a source, and no list's facts without one.

        Instants are seconds since 1970.
        """
        if self._source is None:
            return {}
        counters = {}
        if self._due_at is not None:  # it was read at least once
            counters["pins_source_works"] = int(not self._trouble)
        if self._failed_at is not None:
            counters["pins_failed_at"] = int(self._failed_at.timestamp())
        if self._list is not None:
            counters["pins"] = len(self._list.pins)
            counters["pins_replaced"] = len(self._replaced)
            counters["pins_issued_at"] = int(self._list.issued.timestamp())
            counters["pins_expire_at"] = int(self._list.expires.timestamp())
        return counters

    def standing(self, domain: Domain) -> PinStanding | None:
        """Return what the list says of a domain, whether it applies or not."""
        found = self._list
        if found is None or (pin := found.pins.get(domain)) is None:
            return None
        return PinStanding(
            pin=pin,
            issued=found.issued,
            expires=found.expires,
            has_expired=found.has_expired(self._clock.now()),
            replaced_at=self._replaced.get(domain),
        )

    def note_fetched(self, cached: CachedPolicy) -> None:
        """Take note of a policy that the domain itself has served, in whichever mode."""
        domain, found = cached.domain, self._list
        if found is None or domain not in found.pins or domain in self._replaced:
            return
        if cached.fetched_at < found.issued:
            return
        self._replaced[domain] = cached.fetched_at
        self._is_unsaved = True
        pin = found.pins[domain]
        log.info(
            "policy fetched for a pinned domain",
            domain=domain,
            mode=cached.policy.mode.value,
            pinned_mode=pin.policy.mode.value,
            action="pin-held" if pin.hold else "pin-replaced",
        )

    # -- keeping it ---------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up the last good list, and a local one at once; a remote one is read behind.

        Nothing is written before the first ``round``, so that a command may use a book too.
        """
        if self._source is None or self._shelf is None:
            return
        try:
            envelope = await self._shelf.load()
            if envelope is not None:
                await self._take(envelope, origin=_STORED)
            if self._list is not None:
                self._replaced = _still_replaced(await self._shelf.load_replaced(), self._list)
        except StoreError as error:
            log.error("stored pin list cannot be read", reason=str(error), action="read-source")
        if self._source.is_local:
            await self.refresh()

    async def run(self) -> None:
        """Work for ever; cancel it to end it."""
        while True:
            await self.round()
            await asyncio.sleep(ROUND_INTERVAL.total_seconds())

    async def round(self) -> None:
        """Do what is due now, and keep what a restart would lose."""
        if self._source is None:
            return
        self._keeps = True
        now = self._clock.now()
        if self._due_at is None or now >= self._due_at:
            await self.refresh()
        self._tell_end(now)
        await self.save_unsaved()

    async def refresh(self) -> bool:
        """Read the list from its source; tell whether a good one is in use now."""
        if self._source is None:
            return False
        async with self._reading:
            outcome = await self._source.read(timeout=READ_TIMEOUT)
            now = self._clock.now()
            if isinstance(outcome, PinsUnavailable):
                self._trouble, self._failed_at = outcome.reason, now
                log.warning(
                    "pin list cannot be read",
                    source=self._source.name,
                    reason=outcome.reason,
                    in_use=self._in_use_text(),
                )
                is_good = False
            else:
                is_good = await self._take(outcome, origin=self._source.name)
            wait = self._check_interval
            self._due_at = now + (wait if is_good else min(wait, RETRY_INTERVAL))
            return is_good

    async def save_unsaved(self) -> None:
        """Keep what a restart would lose; what the shelf refuses is tried again."""
        if self._shelf is None:
            return
        try:
            if self._has_unsaved_list:
                await self._shelf.save(self._envelope)
                self._has_unsaved_list = False
            if self._is_unsaved:
                await self._shelf.save_replaced(dict(self._replaced))
                self._is_unsaved = False
        except StoreError as error:
            log.error("pin list cannot be stored", reason=str(error), action="try-again")

    async def aclose(self) -> None:
        """Store what is not stored yet, unless this was for a question or two only."""
        if self._keeps:
            await self.save_unsaved()

    async def _take(self, envelope: bytes, *, origin: str) -> bool:
        """Put a list into use if it may be; tell whether it may."""
        if envelope == self._envelope and self._list is not None:
            self._trouble = ""
            return not self._list.has_expired(self._clock.now())
        now = self._clock.now()
        try:
            # In a thread: the longest list takes two seconds, and others wait for answers.
            if origin == _STORED:
                found = await asyncio.to_thread(recall_list, envelope, keys=self._keys)
            else:
                found = await asyncio.to_thread(
                    open_list, envelope, keys=self._keys, now=now, stored=self._list
                )
        except (PinListError, EnvelopeError) as error:
            self._trouble, self._failed_at = str(error), now
            log.warning(
                "pin list refused",
                source=origin,
                reason=str(error),
                in_use=self._in_use_text(),
                action="keep-last-good",
            )
            return False
        before = self._list.pins if self._list is not None else {}
        had_expired = self._list is not None and self._list.has_expired(now)
        self._list, self._envelope, self._trouble = found, envelope, ""
        dropped = set(self._replaced) - set(_still_replaced(self._replaced, found))
        for domain in dropped:
            del self._replaced[domain]
        self._is_unsaved |= bool(dropped)
        self._has_unsaved_list = origin != _STORED
        changed = dropped | {
            domain
            for domain in {*before, *found.pins}
            if had_expired or before.get(domain) != found.pins.get(domain)
        }
        log.info(
            "pin list adopted",
            source=origin,
            issued=render_instant(found.issued),
            expires=render_instant(found.expires),
            pins=len(found.pins),
            changed=len(changed),
        )
        if origin != _STORED:  # answers from before a restart were made of the same list
            for domain in changed:
                self._on_change(domain)
        return True

    def _tell_end(self, now: datetime) -> None:
        """Tell once that a list nears its end, and once that it has come."""
        found = self._list
        if found is None:
            return
        expires = render_instant(found.expires)
        has_expired = found.has_expired(now)
        left = (found.expires - now) / (found.expires - found.issued)
        if left > _WARN_AT_SHARE_LEFT or (has_expired, expires) in self._told:
            return
        self._told.add((has_expired, expires))
        if not has_expired:
            log.warning("pin list nears its end", expires=expires, trouble=self._trouble)
            return
        log.error("pin list has expired", expired=expires, action="pins-do-not-count")
        for domain in found.pins:
            self._on_change(domain)

    def _in_use_text(self) -> str:
        found = self._list
        if found is None:
            return "none"
        state = "expired" if found.has_expired(self._clock.now()) else "issued"
        return f"{state}-{render_instant(found.expires if state == 'expired' else found.issued)}"


def _still_replaced(replaced: dict[Domain, datetime], found: PinList) -> dict[Domain, datetime]:
    return {
        domain: at for domain, at in replaced.items() if domain in found.pins and at >= found.issued
    }
