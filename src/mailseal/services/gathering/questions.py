"""The look-ups of one observation: no question twice, none after its deadline."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Protocol, TypeVar, cast

from mailseal.answers import (
    Answer,
    CaaRecord,
    DnsFailure,
    DnskeyRecord,
    DsRecord,
    LookupFailed,
    MxRecord,
    RdType,
)
from mailseal.dane.tlsa import TlsaRecord
from mailseal.ports.dns import ZoneDns
from mailseal.services.gathering.budget import TIME_IS_UP, Budget
from mailseal.services.gathering.progress import Part, Steps

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _LookUp(Protocol[T_co]):
    def __call__(self, name: str, *, timeout: timedelta) -> Awaitable[Answer[T_co]]: ...


class Questions:
    """Asks DNS on behalf of one observation; who asks again gets the same answer."""

    def __init__(self, dns: ZoneDns, *, budget: Budget, timeout: timedelta, steps: Steps) -> None:
        self._dns = dns
        self._budget = budget
        self._timeout = timeout
        self._steps = steps
        self._asked: dict[tuple[RdType, str], asyncio.Future[Answer[object]]] = {}

    async def txt(self, name: str) -> Answer[tuple[bytes, ...]]:
        """Ask for TXT."""
        return await self._ask(RdType.TXT, name, self._dns.look_up_txt)

    async def mx(self, name: str) -> Answer[MxRecord]:
        """Ask for MX."""
        return await self._ask(RdType.MX, name, self._dns.look_up_mx)

    async def a(self, name: str) -> Answer[str]:
        """Ask for IPv4 addresses."""
        return await self._ask(RdType.A, name, self._dns.look_up_a)

    async def aaaa(self, name: str) -> Answer[str]:
        """Ask for IPv6 addresses."""
        return await self._ask(RdType.AAAA, name, self._dns.look_up_aaaa)

    async def cname(self, name: str) -> Answer[str]:
        """Ask for the alias at this very name."""
        return await self._ask(RdType.CNAME, name, self._dns.look_up_cname)

    async def tlsa(self, name: str) -> Answer[TlsaRecord]:
        """Ask for TLSA at the whole name."""
        return await self._ask(RdType.TLSA, name, self._dns.look_up_tlsa)

    async def caa(self, name: str) -> Answer[CaaRecord]:
        """Ask for CAA at this very name."""
        return await self._ask(RdType.CAA, name, self._dns.look_up_caa)

    async def ds(self, name: str) -> Answer[DsRecord]:
        """Ask for DS."""
        return await self._ask(RdType.DS, name, self._dns.look_up_ds)

    async def dnskey(self, name: str) -> Answer[DnskeyRecord]:
        """Ask for DNSKEY."""
        return await self._ask(RdType.DNSKEY, name, self._dns.look_up_dnskey)

    async def ns(self, name: str) -> Answer[str]:
        """Ask for the names of the authoritative servers."""
        return await self._ask(RdType.NS, name, self._dns.look_up_ns)

    async def addresses(self, name: str) -> tuple[Answer[str], Answer[str]]:
        """Ask for A and AAAA."""
        return await asyncio.gather(self.a(name), self.aaaa(name))

    async def _ask(self, rdtype: RdType, name: str, look_up: _LookUp[T]) -> Answer[T]:
        known = self._asked.get((rdtype, name))
        if known is not None:
            return cast("Answer[T]", await asyncio.shield(known))
        future: asyncio.Future[Answer[object]] = asyncio.get_running_loop().create_future()
        self._asked[rdtype, name] = future
        self._steps.begin(Part.DNS, f"{rdtype.name} {name}")
        try:
            answer = await self._go_out(name, look_up)
        except BaseException:
            # Called off: whoever waits for the same answer is called off with us.
            future.cancel()
            raise
        future.set_result(answer)
        self._steps.finish(Part.DNS, f"{rdtype.name} {name}")
        return answer

    async def _go_out(self, name: str, look_up: _LookUp[T]) -> Answer[T]:
        if self._budget.is_spent:
            return LookupFailed(failure=DnsFailure.TIMEOUT, reason=TIME_IS_UP)
        return await look_up(name, timeout=self._budget.at_most(self._timeout))
