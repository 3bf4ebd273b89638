"""What each of a zone's own servers says, asked directly: only for a deep look."""

import asyncio
from datetime import timedelta

from mailseal.answers import Absent, Answer, Found, MxRecord, RdType
from mailseal.checks.evidence import AuthorityAnswer, Observer, SignatureFacts
from mailseal.names import Domain
from mailseal.ports.authority import DirectAnswer, ZoneProber
from mailseal.services.gathering.budget import Budget
from mailseal.services.gathering.hosts import can_reach
from mailseal.services.gathering.progress import Part, Steps
from mailseal.services.gathering.questions import Questions

MAX_SERVERS = 8  # ours; the root has 13, and nobody else needs more than 8
MAX_PARENTS = 5  # ours: how far above a name its zone may begin
MAX_TLSA_HOSTS = 4  # ours: the servers answer for one as for the others

Authorities = tuple[tuple[AuthorityAnswer, ...], SignatureFacts | None]


class AuthorityGatherer:
    """Asks the servers of one domain's zone about the names that mail depends on."""

    def __init__(
        self,
        *,
        asked: Questions,
        zones: ZoneProber,
        observer: Observer,
        budget: Budget,
        steps: Steps,
        timeout: timedelta,
    ) -> None:
        self._asked = asked
        self._zones = zones
        self._observer = observer
        self._budget = budget
        self._steps = steps
        self._timeout = timeout

    async def gather(self, domain: Domain) -> Authorities:
        """Ask each server for SOA, the TXT record and the TLSA names, one after another."""
        zone, servers = await self._find_servers(domain)
        hosts = _hosts_within(zone, await self._asked.mx(domain))
        questions = [
            (zone, RdType.SOA),
            (f"_mta-sts.{domain}", RdType.TXT),
            *((f"_25._tcp.{host}", RdType.TLSA) for host in hosts[:MAX_TLSA_HOSTS]),
        ]
        told = await asyncio.gather(
            *(self._ask_all(server, address, questions) for server, address in servers)
        )
        answers = [answer for of_one in told for answer in of_one]
        working = next((one.answer for one in answers if one.answer.texts is not None), None)
        signed = await self._ask_signatures(zone, working)
        ends = [one.first_expiry for one in (*answers, *signed) if one.first_expiry is not None]
        return (
            tuple(one.answer for one in answers),
            SignatureFacts(first_expiry=min(ends), nsec3_iterations=_iterations(signed))
            if ends
            else None,
        )

    async def _find_servers(self, domain: Domain) -> tuple[str, list[tuple[str, str]]]:
        """Return the zone that the domain is in, and its servers by name and address."""
        zone: str = domain
        names: tuple[str, ...] = ()
        for _ in range(MAX_PARENTS):
            answer = await self._asked.ns(zone)
            if isinstance(answer, Found):
                names = answer.records
            if not isinstance(answer, Absent) or "." not in zone:
                break
            zone = zone.partition(".")[2]
        names = tuple(sorted(names)[:MAX_SERVERS])
        found = await asyncio.gather(*(self._asked.addresses(name) for name in names))
        # One address of each family: more of them lead to the same machine.
        return zone, [
            (name, answer.records[0])
            for name, answers in zip(names, found, strict=True)
            for answer in answers
            if isinstance(answer, Found) and can_reach(self._observer, answer.records[0])
        ]

    async def _ask_all(
        self, server: str, address: str, questions: list[tuple[str, RdType]]
    ) -> list[DirectAnswer]:
        answers = []
        for name, rdtype in questions:
            answer = await self._ask(server, address, name, rdtype)
            if answer is None:
                break
            answers.append(answer)
            if rdtype is RdType.SOA and answer.answer.texts is None:
                break  # it is silent, or serves another zone: what else it says means nothing
        return answers

    async def _ask_signatures(
        self, zone: str, working: AuthorityAnswer | None
    ) -> list[DirectAnswer]:
        """Ask one server that works for what else is signed, and how denials are."""
        if working is None:
            return []
        told = [
            await self._ask(working.server, working.address, zone, rdtype)
            for rdtype in (RdType.DNSKEY, RdType.MX, RdType.NSEC3PARAM)
        ]
        return [answer for answer in told if answer is not None]

    async def _ask(
        self, server: str, address: str, name: str, rdtype: RdType
    ) -> DirectAnswer | None:
        """Ask one server; None where our time was up, which says nothing of the server."""
        timeout = self._budget.at_most(self._timeout)
        if not timeout:
            return None
        self._steps.begin(Part.DNS, f"{rdtype.name} {name} at {server}")
        answer = await self._zones.ask(server, address, name, rdtype, timeout=timeout)
        self._steps.finish(Part.DNS, f"{rdtype.name} {name} at {server}")
        is_cut_short = answer.answer.texts is None and self._budget.is_spent
        return None if is_cut_short else answer


def _hosts_within(zone: str, mx: Answer[MxRecord]) -> list[str]:
    if not isinstance(mx, Found):
        return []
    names = dict.fromkeys(record.host for record in mx.records)
    return [name for name in names if name == zone or name.endswith(f".{zone}")]


def _iterations(signed: list[DirectAnswer]) -> int | None:
    """Return the third of the record's fields; a server may have said anything in its place."""
    for one in signed:
        if one.answer.rdtype == RdType.NSEC3PARAM.name and one.answer.texts:
            fields = one.answer.texts[0].split()
            if len(fields) == 4 and fields[2].isdecimal():
                return int(fields[2])
    return None
