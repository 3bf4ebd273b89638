"""What is kept in mind of a domain from look to look, so that the next one can be compared.

Only what was really seen replaces what is remembered: after a look that failed, the memory of the
look before it is as good as ever.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

import mailseal
from mailseal.certs import CertificateSyntaxError, read_certificate
from mailseal.checks.forecast import foresee_ends
from mailseal.checks.hostreading import HostReading
from mailseal.checks.reading import Reading
from mailseal.dane.match import DaneOutcome
from mailseal.mtasts.policy import Mode, Policy

MAX_IDS = 8  # ours: as many changes of the record's id as tell flapping from diligence
MAX_FORMER_HOSTS = 32  # ours: as many as a domain may have at a time
FORMER_HOST_KEPT = timedelta(days=90)  # ours: who has moved away and forgot the policy notices
RENEWED = timedelta(days=1)  # a certificate whose end is later by more than that is another one

T = TypeVar("T")


class MemorySyntaxError(mailseal.Error):
    """What was stored is no memory of a domain; it begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPolicy:
    """What a policy says to senders; two files that say the same are one."""

    mode: Mode
    max_age: timedelta
    mx: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenId:
    """An id of the record, and when it was first seen."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerHost:
    """A host that was in the MX set, and the look at which it was gone."""

    name: str
    gone_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The last time that a host's key and its TLSA records went together."""

    host: str
    key: str
    tlsa: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A server's certificate: its end, and how long before its end the last one was replaced."""

    subject: str
    not_after: datetime
    lead: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that later looks are compared with.

    ``policy`` is the last one seen, ``policy_of_id`` the first one seen under the present id,
    ``policy_before`` the first one seen under the id before. ``enforced_until`` is when the last
    sender has forgotten the last policy in mode enforce that was seen. ``mx`` is None until a
    set was seen.
    """

    seen_at: datetime
    ids: tuple[SeenId, ...] = ()
    policy: SeenPolicy | None = None
    policy_of_id: SeenPolicy | None = None
    policy_before: SeenPolicy | None = None
    policy_at: datetime | None = None
    mode_since: datetime | None = None
    enforced_until: datetime | None = None
    mx: tuple[str, ...] | None = None
    mx_before: tuple[str, ...] = ()
    mx_changed_at: datetime | None = None
    former_hosts: tuple[FormerHost, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    renewals: tuple[Renewal, ...] = ()


def write_memory(memory: Memory) -> bytes:
    """Return a memory as JSON."""
    return msgspec.json.encode(memory)


def read_memory(text: bytes) -> Memory:
    """Read what ``write_memory`` wrote; raise ``MemorySyntaxError`` for anything else."""
    try:
        return msgspec.json.decode(text, type=Memory)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MemorySyntaxError(str(error)) from error


def remember(memory: Memory | None, reading: Reading) -> Memory:
    """Return the memory with what this look has seen."""
    now = reading.now
    after = replace(memory, seen_at=now) if memory else Memory(seen_at=now)
    after = _remember_policy(after, reading)
    after = _remember_mx(after, reading)
    return replace(
        after,
        agreements=_remember_agreements(after, reading),
        renewals=_remember_renewals(after, reading),
    )


def key_of_host(host: HostReading) -> str:
    """Return the digest of a host's public key; "" where none or several were seen."""
    keys = set()
    for session in host.sessions:
        if session.tls is not None and session.tls.chain:
            try:
                keys.add(read_certificate(session.tls.chain[0]).spki_sha256)
            except CertificateSyntaxError:
                return ""
    return keys.pop() if len(keys) == 1 else ""


def tlsa_of_host(host: HostReading) -> tuple[str, ...]:
    """Return a host's TLSA records as text, in an order of their own."""
    return tuple(sorted(str(record) for record in host.dane.records))


def is_refused_by_dane(host: HostReading) -> bool:
    """Tell whether no address of a host matches its TLSA records."""
    outcomes = {one.dane.outcome for one in host.observed if one.dane is not None}
    return outcomes == {DaneOutcome.REFUSED}


def _remember_policy(memory: Memory, reading: Reading) -> Memory:
    now = reading.now
    record, seen = reading.sts_record, _see_policy(reading)
    if record is not None and (not memory.ids or memory.ids[-1].id != record.id):
        memory = replace(
            memory,
            ids=(*memory.ids, SeenId(id=record.id, at=now))[-MAX_IDS:],
            policy_before=memory.policy_of_id,
            policy_of_id=None,
        )
    if seen is None:
        return memory
    is_other_mode = memory.policy is None or memory.policy.mode is not seen.mode
    until = memory.enforced_until
    if seen.mode is Mode.ENFORCE and record is not None:
        until = max(now + seen.max_age, until or now)
    return replace(
        memory,
        policy=seen,
        policy_of_id=memory.policy_of_id or (seen if record is not None else None),
        policy_at=now,
        mode_since=now if is_other_mode else memory.mode_since,
        enforced_until=until,
    )


def _see_policy(reading: Reading) -> SeenPolicy | None:
    """Return what is served; None where that differs from one address to another."""
    served = [one.policy.policy for one in reading.fetches if one.policy and one.policy.policy]
    said = {_say_policy(policy) for policy in served}
    return said.pop() if len(said) == 1 else None


def _say_policy(policy: Policy) -> SeenPolicy:
    mx = tuple(sorted({pattern.text for pattern in policy.mx}))
    return SeenPolicy(mode=policy.mode, max_age=policy.max_age, mx=mx)


def _remember_mx(memory: Memory, reading: Reading) -> Memory:
    if reading.mx is None:
        return memory
    now = reading.now
    names = tuple(sorted(str(host.name) for host in reading.mx.hosts))
    former = {
        one.name: one
        for one in memory.former_hosts
        if one.name not in names and now - one.gone_at < FORMER_HOST_KEPT
    }
    if memory.mx is None or memory.mx == names:
        return replace(memory, mx=names, former_hosts=tuple(former.values()))
    for name in memory.mx:
        if name not in names:
            former[name] = FormerHost(name=name, gone_at=now)
    latest = sorted(former.values(), key=lambda one: one.gone_at)[-MAX_FORMER_HOSTS:]
    return replace(
        memory,
        mx=names,
        mx_before=memory.mx,
        mx_changed_at=now,
        former_hosts=tuple(latest),
    )


def _remember_agreements(memory: Memory, reading: Reading) -> tuple[Agreement, ...]:
    known = {one.host: one for one in memory.agreements}
    for host in reading.hosts:
        outcomes = {one.dane.outcome for one in host.observed if one.dane is not None}
        key = key_of_host(host)
        if outcomes == {DaneOutcome.AUTHENTICATED} and key:
            known[str(host.name)] = Agreement(
                host=str(host.name), key=key, tlsa=tlsa_of_host(host), at=reading.now
            )
    return tuple(_still_mx(known.values(), memory, lambda one: one.host))


def _remember_renewals(memory: Memory, reading: Reading) -> tuple[Renewal, ...]:
    known = {one.subject: one for one in memory.renewals}
    for end in foresee_ends(reading):
        if not end.is_certificate:
            continue
        before = known.get(end.subject)
        if before is None or end.at <= before.not_after + RENEWED:
            lead = before.lead if before else None
        else:
            lead = max(before.not_after - reading.now, timedelta(0))
        known[end.subject] = Renewal(subject=end.subject, not_after=end.at, lead=lead)
    policy_host = f"mta-sts.{reading.domain}"
    kept = _still_mx(known.values(), memory, lambda one: one.subject, policy_host)
    return tuple(kept)


def _still_mx(
    seen: Iterable[T], memory: Memory, name_of: Callable[[T], str], *others: str
) -> list[T]:
    """Leave out hosts that mail does not go to any more."""
    wanted = {*(memory.mx or ()), *others}
    return [one for one in seen if memory.mx is None or name_of(one) in wanted]
