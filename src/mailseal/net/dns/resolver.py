"""The stub resolver: the ``ports.ZoneDns`` protocol over several recursive resolvers.

It follows aliases where a resolver stops at one (RFC 7672 §2.1.3), lets identical look-ups
share one exchange, and bounds how many are under way. It remembers nothing: what may be kept,
and for how long, is for services to know.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import cast

from msgspec import structs

import mailseal
from mailseal.answers import (
    Absent,
    Answer,
    CaaRecord,
    DnsFailure,
    DnskeyRecord,
    DsRecord,
    Found,
    LookupFailed,
    MxRecord,
    RdType,
)
from mailseal.dane.tlsa import TlsaRecord
from mailseal.net.dns.address import ResolverAddress
from mailseal.net.dns.exchange import Exchange, close_all
from mailseal.net.dns.question import Question, make_question, printable
from mailseal.net.dns.reply import MAX_CNAME_CHAIN
from mailseal.net.dns.upstream import Upstream

RETRANSMIT_AFTER = timedelta(seconds=1)  # ours; libc waits 5 s, an asking MTA 10 in all
MAX_IN_FLIGHT = 512  # ours: what 4 sockets a resolver carry without crowding the ids

_Key = tuple[str, RdType]


class NoResolverError(mailseal.Error):
    """There is no resolver to ask."""


class Resolver:
    """Asks recursive resolvers, the first healthy one first.

    A failing resolver is followed by the next within one deadline. That proves nothing for
    DANE when the next one does not validate: give a ``Resolver`` of its own, of trusted
    addresses only, to whoever concludes something from an answer that is not secure.
    """

    def __init__(
        self,
        addresses: Sequence[ResolverAddress],
        *,
        retransmit_after: timedelta = RETRANSMIT_AFTER,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        if not addresses:
            raise NoResolverError("no resolver is configured; name at least one address")
        self._upstreams = tuple(Upstream(address) for address in dict.fromkeys(addresses))
        self._asked = self._upstreams
        self._retransmit_after = retransmit_after
        self._slots = asyncio.Semaphore(max_in_flight)
        self._flights: dict[_Key, asyncio.Future[Answer[object] | None]] = {}

    def set_aside(self, addresses: Collection[ResolverAddress]) -> None:
        """Ask all resolvers but these from now on; if that leaves none, all of them again."""
        left = tuple(one for one in self._upstreams if one.address not in addresses)
        self._asked = left or self._upstreams

    async def close(self) -> None:
        """Close every socket; look-ups under way fail."""
        close_all(self._upstreams)

    async def look_up_txt(self, name: str, *, timeout: timedelta) -> Answer[tuple[bytes, ...]]:
        """Look up TXT; each record is its character-strings, in order."""
        return cast("Answer[tuple[bytes, ...]]", await self._look_up(name, RdType.TXT, timeout))

    async def look_up_mx(self, name: str, *, timeout: timedelta) -> Answer[MxRecord]:
        """Look up MX, sorted by preference."""
        return cast("Answer[MxRecord]", await self._look_up(name, RdType.MX, timeout))

    async def look_up_a(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv4 addresses."""
        return cast("Answer[str]", await self._look_up(name, RdType.A, timeout))

    async def look_up_aaaa(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv6 addresses."""
        return cast("Answer[str]", await self._look_up(name, RdType.AAAA, timeout))

    async def look_up_cname(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the alias at this very name, without following it."""
        return cast("Answer[str]", await self._look_up(name, RdType.CNAME, timeout))

    async def look_up_tlsa(self, name: str, *, timeout: timedelta) -> Answer[TlsaRecord]:
        """Look up TLSA at the whole name, ``_25._tcp.host``."""
        return cast("Answer[TlsaRecord]", await self._look_up(name, RdType.TLSA, timeout))

    async def look_up_caa(self, name: str, *, timeout: timedelta) -> Answer[CaaRecord]:
        """Look up CAA at this name, without climbing to its parents."""
        return cast("Answer[CaaRecord]", await self._look_up(name, RdType.CAA, timeout))

    async def look_up_ds(self, name: str, *, timeout: timedelta) -> Answer[DsRecord]:
        """Look up DS, which the parent's servers hold."""
        return cast("Answer[DsRecord]", await self._look_up(name, RdType.DS, timeout))

    async def look_up_dnskey(self, name: str, *, timeout: timedelta) -> Answer[DnskeyRecord]:
        """Look up DNSKEY."""
        return cast("Answer[DnskeyRecord]", await self._look_up(name, RdType.DNSKEY, timeout))

    async def look_up_ns(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the names of the authoritative servers."""
        return cast("Answer[str]", await self._look_up(name, RdType.NS, timeout))

    async def _look_up(self, name: str, rdtype: RdType, timeout: timedelta) -> Answer[object]:
        question = make_question(name, rdtype)
        if isinstance(question, LookupFailed):
            return question
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout.total_seconds()
        key = (question.name, rdtype)
        while (flight := self._flights.get(key)) is not None:
            await asyncio.wait({flight}, timeout=max(deadline - loop.time(), 0.0))
            shared = flight.result() if flight.done() else None
            if loop.time() >= deadline:
                return shared or _timeout("a look-up of the same name is still under way")
            if shared is not None and not _is_timeout(shared):
                return shared
            # The one that led had less time than we have, or was called off: ask ourselves.
        flight = self._flights[key] = loop.create_future()
        answer = None
        try:
            answer = await self._lead(question, deadline)
        finally:
            del self._flights[key]
            flight.set_result(answer)
        return answer

    async def _lead(self, question: Question, deadline: float) -> Answer[object]:
        if self._slots.locked():
            try:
                async with asyncio.timeout_at(deadline):
                    await self._slots.acquire()
            except TimeoutError:
                return _timeout("too many look-ups are under way")
        else:
            await self._slots.acquire()
        try:
            return await self._follow(question, deadline)
        finally:
            self._slots.release()

    async def _follow(self, question: Question, deadline: float) -> Answer[object]:
        """Ask, and go on at the target while an answer holds only aliases."""
        first, hops, seen = question.name, 0, {question.name}
        ttl, is_secure = timedelta.max, True
        while True:
            reply = await Exchange(
                question,
                self._asked,
                deadline=deadline,
                retransmit_after=self._retransmit_after,
            ).run()
            if isinstance(reply, LookupFailed):
                return reply
            ttl, is_secure = min(ttl, reply.ttl), is_secure and reply.is_secure
            if isinstance(reply, Found | Absent):
                return structs.replace(reply, ttl=ttl, is_secure=is_secure) if hops else reply
            target = make_question(reply.target, question.rdtype)
            if isinstance(target, LookupFailed):
                return target
            hops += reply.hops
            if target.name in seen or hops > MAX_CNAME_CHAIN:
                return LookupFailed(
                    failure=DnsFailure.MALFORMED,
                    reason=printable(
                        f"CNAME loop at {target.name}"
                        if target.name in seen
                        else f"more than {MAX_CNAME_CHAIN} CNAMEs behind {first}"
                    ),
                )
            seen.add(target.name)
            question = target


def _is_timeout(answer: Answer[object]) -> bool:
    return isinstance(answer, LookupFailed) and answer.failure is DnsFailure.TIMEOUT


def _timeout(reason: str) -> LookupFailed:
    return LookupFailed(failure=DnsFailure.TIMEOUT, reason=reason)
