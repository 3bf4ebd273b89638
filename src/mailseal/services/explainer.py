"""Tells how an answer came about: what was seen, what is in force, and what each MTA is told."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from mailseal.answers import Absent, Found, LookupFailed
from mailseal.certs import CertificateSyntaxError, read_certificate
from mailseal.dane.exchange import Exchange, ExchangeUnknown
from mailseal.decision import Unavailable
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import Policy
from mailseal.mtasts.record import read_records
from mailseal.names import NextHop
from mailseal.ports.clock import Clock
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.services.discoverer import RECORD_LABEL, Discoverer
from mailseal.services.domainstate import DomainState
from mailseal.services.exceptiondocuments import (
    override_document,
    pin_standing_document,
    ruling_document,
)
from mailseal.services.resolution import Resolution
from mailseal.services.views import View, Views
from mailseal.services.wording import word_for
from mailseal.wire.profiles import Profile, ProfileName, ZoneForm

# ours, for everything together: by default a whole fetch and the look-ups before it take 65 s
TIMEOUT = timedelta(seconds=75)
KEPT_FOR_HOSTS = timedelta(seconds=10)  # ours: of it, as much as an MTA would wait

Document = dict[str, Any]  # JSON, with instants and durations as text


class Explainer:
    """Answers once more, and keeps the reasons."""

    def __init__(
        self,
        *,
        views: Views,
        discoverer: Discoverer,
        clock: Clock,
        profiles: Mapping[ProfileName, Profile],
        zones: Mapping[str, ZoneForm] = MappingProxyType({}),
    ) -> None:
        self._views = views
        self._discoverer = discoverer
        self._clock = clock
        self._profiles = profiles
        self._zones = {
            name: zone
            for name, zone in zones.items()
            if not zone.is_plain or views.of(name) is not views.default
        }

    async def explain(self, next_hop: NextHop, *, timeout: timedelta = TIMEOUT) -> Document:
        """Look at the record now, decide, and return everything that was seen, as JSON values.

        All of it together takes no longer than ``timeout``; what is not known then is left out.
        """
        ends_at = self._clock.monotonic() + timeout.total_seconds()
        await self._discoverer.check_id(
            next_hop.domain, timeout=max(timeout - KEPT_FOR_HOSTS, timeout / 2)
        )
        default = self._views.default
        resolutions = await self._resolve(next_hop, self._left(ends_at))
        resolution = resolutions[default, False]
        state = await self._discoverer.state_of(next_hop.domain)
        return {
            "next_hop": str(next_hop),
            "policy_domain": next_hop.domain,
            "record": _record(next_hop, state),
            "fetch": _fetch(next_hop, state),
            "policy": policy_document(state.cached) if state.cached else None,
            "no_policy_because": state.negative.reason if state.negative else None,
            "override": override_document(resolution.match),
            "pin": pin_standing_document(default.resolver.pin_standing(next_hop.domain)),
            "ruling": ruling_document(resolution.ruling),
            "exchange": _exchange(resolution),
            "decision": self._decision(resolution),
            "replies": {
                name: profile.render(resolution.delivery).decode("ascii")
                for name, profile in self._profiles.items()
            },
            "zones": {
                name: zone.render(
                    resolutions[self._views.of(name), zone.strict_testing].delivery
                ).decode("ascii")
                for name, zone in self._zones.items()
            },
            "views": [
                {
                    "resolvers": list(view.resolvers),
                    "zones": list(view.zones),
                    "exchange": _exchange(seen),
                    "decision": self._decision(seen),
                }
                for (view, is_strict), seen in resolutions.items()
                if view is not default and not is_strict
            ],
        }

    async def _resolve(
        self, next_hop: NextHop, timeout: timedelta
    ) -> dict[tuple[View, bool], Resolution]:
        """Decide by every view, and by its strict zones' rule, side by side."""
        wanted = {(view, False): None for view in self._views}
        for name, zone in self._zones.items():
            wanted[self._views.of(name), zone.strict_testing] = None
        found = await asyncio.gather(
            *(
                view.resolver.resolve(
                    next_hop, timeout=timeout, wait_for_fresh=True, strict_testing=is_strict
                )
                for view, is_strict in wanted
            )
        )
        return dict(zip(wanted, found, strict=True))

    def _left(self, ends_at: float) -> timedelta:
        return timedelta(seconds=max(0.0, ends_at - self._clock.monotonic()))

    def _decision(self, resolution: Resolution) -> Document:
        delivery = resolution.delivery
        return {
            "answer": word_for(delivery),
            "reason": delivery.reason if isinstance(delivery, Unavailable) else None,
            "fresh_for_s": round(resolution.fresh_for.total_seconds(), 1),
            "usable_for_s": round(resolution.usable_for.total_seconds(), 1),
        }


def policy_document(cached: CachedPolicy) -> Document:
    """Return a cached policy with all its dates as JSON values."""
    failure = cached.failure
    return {
        "domain": cached.domain,
        "id": cached.id,
        "mode": cached.policy.mode.value,
        "mx": [pattern.text for pattern in cached.policy.mx],
        "max_age": int(cached.policy.max_age.total_seconds()),
        "fetched_at": _instant(cached.fetched_at),
        "expires_at": _instant(cached.expires_at),
        "id_checked_at": _instant(cached.id_checked_at),
        "refetch_at": _instant(cached.refetch_at),
        "failure": failure
        and {
            "id": failure.id,
            "at": _instant(failure.at),
            "count": failure.count,
            "result": failure.result.value,
            "reason": failure.reason,
        },
        "body": cached.body.decode("utf-8", "replace"),
    }


def _record(next_hop: NextHop, state: DomainState) -> Document:
    sighting = state.sighting
    document: Document = {
        "name": RECORD_LABEL + next_hop.domain,
        "seen_at": sighting.asked_at and _instant(sighting.asked_at),
    }
    match sighting.answer:
        case Found() as found:
            reading = read_records(found.records)
            document |= {
                "state": "found" if reading.record else "unusable",
                "ttl_s": int(found.ttl.total_seconds()),
                "dnssec": found.is_secure,
                "texts": [b"".join(parts).decode("latin-1") for parts in found.records],
                "id": reading.record.id if reading.record else None,
                "findings": [asdict(deviation) for deviation in reading.deviations],
            }
        case Absent() as absent:
            document |= {
                "state": "absent",
                "reason": "NODATA" if absent.is_name_known else "NXDOMAIN",
                "ttl_s": int(absent.ttl.total_seconds()),
            }
        case LookupFailed() as failed:
            document |= {"state": "failed", "reason": failed.reason}
        case None:
            document |= {"state": "not-asked"}
    return document


def _fetch(next_hop: NextHop, state: DomainState) -> Document:
    sighting = state.sighting
    document: Document = {
        "url": f"https://mta-sts.{next_hop.domain}/.well-known/mta-sts.txt",
        "at": sighting.fetched_at and _instant(sighting.fetched_at),
    }
    match sighting.fetched:
        case PolicyFetched() as fetched:
            document |= {
                "state": "fetched",
                "address": fetched.address,
                "content_type": fetched.content_type,
                "size_bytes": sighting.body_bytes,
                "certificate": _certificate(fetched.certificate),
            }
        case PolicyFetchFailed() as failed:
            document |= {
                "state": "failed",
                "result": failed.result.value,
                "reason": failed.reason,
                "certificate": _certificate(failed.certificate),
            }
        case None:
            document |= {"state": "not-fetched"}
    return document


def _certificate(der: bytes | None) -> Document | None:
    try:
        facts = read_certificate(der or b"")
    except CertificateSyntaxError:
        return None
    return {
        "names": list(facts.names),
        "not_before": _instant(facts.not_before),
        "not_after": _instant(facts.not_after),
        "issuer": facts.issuer,
        "spki_sha256": facts.spki_sha256,
    }


def _exchange(resolution: Resolution) -> Document:
    exchange = resolution.exchange
    if isinstance(exchange, ExchangeUnknown):
        return {
            "state": "unknown",
            "reason": exchange.reason,
            "last_verdict": exchange.last and exchange.last.value,
        }
    return {
        "state": "null-mx" if exchange.mx.is_null else "known",
        "dnssec": exchange.mx.is_secure,
        "unvalidated": exchange.unvalidated,
        "hosts": _hosts(exchange, resolution.ruling.policy),
    }


def _hosts(exchange: Exchange, policy: Policy | None) -> list[Document]:
    states = {host.name: state for host, state in exchange.states}
    hosts = []
    for host in exchange.mx.hosts:
        state = states.get(host.name)
        hosts.append(
            {
                "host": host.name,
                "preference": host.preference,
                "covered": policy.covers(host.name) if policy else None,
                "dane": state.state.value if state else None,
                "reason": state.reason if state else "",
                "tlsa_base": state.base if state else "",
                "tlsa": [str(record) for record in state.records] if state else [],
            }
        )
    return hosts


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
