"""Looks at one address of a policy host as it is, whatever its certificate and its answer.

A sender refuses a bad certificate and never learns what lies behind it. An owner wants to know
both, so here the handshake believes everything and the body is read all the same: as evidence,
which nobody acts upon before the chain has been judged.
"""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from mailseal.checks.evidence import Failure, PolicyFetch, TlsFacts, Trouble
from mailseal.names import MAX_NAME_BYTES, Domain
from mailseal.net.connecting import judge_no_connection
from mailseal.net.https.addresses import is_public
from mailseal.net.https.diagnosis import explain_connection
from mailseal.net.https.exchange import POLICY_PATH, Body, Refused
from mailseal.net.https.fetcher import HTTPS_PORT, MAX_FETCHES
from mailseal.net.https.observation import ObservedExchange
from mailseal.net.https.proxy import Proxy, ProxyError, open_tunnel
from mailseal.net.tls.context import build_observing_context
from mailseal.net.tls.facts import read_tls
from mailseal.net.tls.trust import TrustStore
from mailseal.ports.clock import Clock


@dataclass(slots=True)
class _Visit:
    """How far one probe has come."""

    exchange: ObservedExchange
    stage: str = "turn"
    tls: TlsFacts | None = None


class HttpsPolicyProber:
    """Probes policy hosts (the ``ports.PolicyProber`` protocol).

    ``allow_private`` permits addresses of private and reserved networks, ``proxy`` is
    ``http://host:port``. ``port`` is for tests.

    **Security**: DNS decides whom we connect to, so private addresses are skipped; nothing that
    a body says is believed here. **Limits**: HTTP/1.1 only; no redirect is followed.
    """

    def __init__(
        self,
        *,
        trust: TrustStore,
        clock: Clock,
        user_agent: str,
        allow_private: bool = False,
        proxy: str | None = None,
        port: int = HTTPS_PORT,
        max_probes: int = MAX_FETCHES,
    ) -> None:
        self._trust = trust
        self._clock = clock
        self._user_agent = user_agent
        self._allow_private = allow_private
        self._proxy = Proxy.parse(proxy) if proxy else None
        self._port = port
        self._turns = asyncio.Semaphore(max_probes)
        self._context = build_observing_context(alpn=("http/1.1",))

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        path: str = "",
        user_agent: str = "",
    ) -> PolicyFetch:
        """GET the policy, or another path, from one address; ends within ``timeout``."""
        started_at, begun = self._clock.now(), self._clock.monotonic()
        user_agent = user_agent or self._user_agent
        visit = _Visit(ObservedExchange(host, target=path or POLICY_PATH, user_agent=user_agent))
        outcome: Body | Refused | Failure
        outcome = self._refusal(host, address) or await self._visit(visit, host, address, timeout)
        exchange = visit.exchange
        return PolicyFetch(
            address=address,
            started_at=started_at,
            duration=timedelta(seconds=self._clock.monotonic() - begun),
            failure=outcome if isinstance(outcome, Failure) else _read_refusal(outcome),
            tls=visit.tls,
            status=exchange.status,
            headers=exchange.headers,
            body=exchange.body,
            is_whole=isinstance(outcome, Body),
            user_agent=user_agent,
        )

    def _refusal(self, host: str, address: str) -> Failure | None:
        if len(host) > MAX_NAME_BYTES:
            return Failure(trouble=Trouble.SKIPPED, reason="the name is too long for DNS")
        if not self._allow_private and not is_public(address):
            return Failure(trouble=Trouble.SKIPPED, reason="a private or reserved address")
        return None

    async def _visit(
        self, visit: _Visit, host: Domain, address: str, timeout: timedelta
    ) -> Body | Refused | Failure:
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                async with self._turns:
                    return await self._go(visit, host, address)
        except TimeoutError:
            return _time_out(visit)
        finally:
            visit.exchange.abort()

    async def _go(self, visit: _Visit, host: Domain, address: str) -> Body | Refused | Failure:
        try:
            visit.stage = "connect"
            transport = await self._connect(address)
            visit.stage = "tls"
            secured = await self._secure(transport, visit.exchange, host)
        except OSError as error:
            return _read_error(error, visit, address)
        visit.stage = "response"
        tls = cast("ssl.SSLObject", secured.get_extra_info("ssl_object"))
        visit.tls = read_tls(tls, self._trust)
        visit.exchange.connection_made(secured)
        return await visit.exchange.outcome

    async def _connect(self, address: str) -> asyncio.Transport:
        if self._proxy is not None:
            return await open_tunnel(self._proxy, address, self._port)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, address, self._port)
        return transport

    async def _secure(
        self, transport: asyncio.Transport, exchange: ObservedExchange, host: Domain
    ) -> asyncio.Transport:
        """Do the handshake on its own, so that its end is told from that of the connection."""
        loop = asyncio.get_running_loop()
        if transport.is_closing():  # uvloop would write into it, and complain
            raise ConnectionResetError("closed before the handshake")
        try:
            secured = await loop.start_tls(
                transport, exchange, self._context, server_hostname=str(host)
            )
            # Cut off before it began, asyncio gives nothing and uvloop a transport without TLS.
            if secured is None or secured.get_extra_info("ssl_object") is None:
                raise ConnectionResetError("closed before the handshake")
        except BaseException:
            transport.abort()
            raise
        return secured


def _time_out(visit: _Visit) -> Failure:
    reasons = {
        "turn": "no turn came in time, too many fetches were under way",
        "connect": "no TCP connection in time",
        "tls": "the TLS handshake did not end in time",
        "response": "the response did not end in time",
    }
    trouble = Trouble.SKIPPED if visit.stage == "turn" else Trouble.TIMEOUT
    return Failure(trouble=trouble, reason=reasons[visit.stage])


def _read_error(error: OSError, visit: _Visit, address: str) -> Failure:
    match error:
        case TimeoutError():  # the kernel's own; ours passes by here as a cancellation
            return _time_out(visit)
        case ProxyError():
            return Failure(trouble=Trouble.UNREACHABLE, reason=str(error))
        case ssl.SSLError():
            return Failure(trouble=Trouble.TLS, reason=explain_connection(error))
        case _ if visit.stage == "connect":
            return judge_no_connection(error, address)
        case _:
            reason = "the connection was closed in the TLS handshake"
            return Failure(trouble=Trouble.CLOSED, reason=reason)


def _read_refusal(outcome: Body | Refused) -> Failure | None:
    """Say why the response has no end; a body that goes on beyond the limit is no failure."""
    if isinstance(outcome, Body) or outcome.reason == "body-too-large":
        return None
    if outcome.reason == "connection-closed-early":
        reason = "the connection was closed in the middle of the response"
        return Failure(trouble=Trouble.CLOSED, reason=reason)
    return Failure(trouble=Trouble.PROTOCOL, reason=outcome.reason)
