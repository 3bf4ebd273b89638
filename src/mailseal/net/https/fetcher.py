"""The policy fetch: from a domain to the bytes of its policy, or why not (RFC 8461 §3.3).

Every address of the policy host gets its turn within one deadline. A slow one is not given up
while the next is tried; the first policy wins. Of several failures the one is told that says
most: a bad certificate before a broken answer, that before a missing connection.
"""

import asyncio
import enum
import ssl
from dataclasses import dataclass, field
from datetime import timedelta

from mailseal.answers import Answer, DnsFailure, Found, LookupFailed, all_addresses
from mailseal.names import MAX_NAME_BYTES, Domain
from mailseal.net.https import diagnosis
from mailseal.net.https.addresses import is_public
from mailseal.net.https.connection import open_tls
from mailseal.net.https.exchange import Body, PolicyExchange, quoted
from mailseal.net.https.proxy import Proxy
from mailseal.net.https.trust import TrustStoreError, build_context, build_unverified_context
from mailseal.ports.dns import Dns
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.results import ResultType

HTTPS_PORT = 443  # RFC 8461 §3.3: https on its default port, nothing else
MAX_ADDRESSES = 16  # ours: large CDNs have 4 to 8; DNS could name a thousand to be knocked at
MAX_FETCHES = 100  # ours, at one time: each holds a socket and up to 100 KiB
NEXT_ADDRESS_AFTER = timedelta(seconds=1)  # ours; RFC 8305 §8 has 0.25 s for bare connects
WAIT_FOR_IPV6 = timedelta(milliseconds=500)  # ours: some name servers never answer for AAAA
DIAGNOSIS_TIMEOUT = timedelta(seconds=2)  # ours: a reason is not worth more
RELOAD_TRUST_AFTER = timedelta(days=1)  # ours: the system's CAs change a few times a year


class _Weight(enum.IntEnum):
    """How much a failure says; ``FINAL`` ends the fetch, the others leave a next address."""

    CONNECT = 0
    TLS = 1
    BROKEN_ANSWER = 2
    CERTIFICATE = 3
    FINAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    weight: _Weight
    failed: PolicyFetchFailed


@dataclass(slots=True)
class _Progress:
    """How far the attempts of one fetch have come, to say so when the time is up."""

    stage: str = "queue"  # before the first attempt
    stages: dict[str, str] = field(default_factory=dict)  # of attempts under way, by address
    failures: list[_Failure] = field(default_factory=list)

    def sum_up(self) -> PolicyFetchFailed:
        """Return the failure that says most, the first of its weight."""
        return max(self.failures, key=lambda failure: failure.weight).failed

    def time_out(self) -> PolicyFetchFailed:
        """Return what to say at the deadline: a bad certificate, or where we stood."""
        if any(failure.weight is _Weight.CERTIFICATE for failure in self.failures):
            return self.sum_up()
        stages = self.stages.values()
        stage = "http" if "http" in stages else "connect" if stages else self.stage
        return _failed(f"timeout-{stage}")


class HttpsPolicyFetcher:
    """Fetches policies (the ``ports.PolicyFetcher`` protocol).

    ``ca_file`` replaces the system's trust store. ``allow_private`` permits addresses of
    private and reserved networks. ``proxy`` is ``http://host:port``; the environment's proxy
    settings mean nothing. ``port`` is for tests.

    **Security**: DNS decides whom we connect to, so private addresses are refused; the body
    is believed only over a verified certificate and only when it is complete.
    **Limits**: revocation is not checked; HTTP/1.1 only.
    """

    def __init__(
        self,
        dns: Dns,
        *,
        ca_file: str | None = None,
        allow_private: bool = False,
        require_text_plain: bool = True,
        proxy: str | None = None,
        port: int = HTTPS_PORT,
        max_fetches: int = MAX_FETCHES,
        next_address_after: timedelta = NEXT_ADDRESS_AFTER,
        reload_trust_after: timedelta = RELOAD_TRUST_AFTER,
    ) -> None:
        self._dns = dns
        self._ca_file = ca_file
        self._allow_private = allow_private
        self._require_text_plain = require_text_plain
        self._proxy = Proxy.parse(proxy) if proxy else None
        self._port = port
        self._slots = asyncio.Semaphore(max_fetches)
        self._next_address_after = next_address_after
        self._trust: ssl.SSLContext | None = None
        self._trust_reload_at = 0.0
        self._reload_trust_after = reload_trust_after
        self._trust_loading = asyncio.Lock()
        self._unverified: ssl.SSLContext | None = None

    async def start(self) -> None:
        """Load the trust store ahead of the first fetch; raises ``TrustStoreError``."""
        await self._load_trust()

    async def fetch(
        self, domain: Domain, *, timeout: timedelta
    ) -> PolicyFetched | PolicyFetchFailed:
        """Fetch a policy's bytes; ends within ``timeout`` in all."""
        host = f"mta-sts.{domain}"
        if len(host) > MAX_NAME_BYTES:
            return _failed("name-too-long")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout.total_seconds()
        progress = _Progress()
        try:
            async with asyncio.timeout_at(deadline):
                async with self._slots:
                    return await self._fetch(host, deadline, progress)
        except TimeoutError:
            return progress.time_out()

    async def _fetch(
        self, host: str, deadline: float, progress: _Progress
    ) -> PolicyFetched | PolicyFetchFailed:
        try:
            trust = await self._load_trust()
        except TrustStoreError as error:
            return _failed(f"trust-store: {quoted(str(error))}")
        progress.stage = "dns"
        addresses = await self._look_up_addresses(host, deadline)
        if isinstance(addresses, PolicyFetchFailed):
            return addresses
        if len(addresses) == 1:
            outcome = await self._attempt(addresses[0], host, trust, progress)
            return outcome.failed if isinstance(outcome, _Failure) else outcome
        return await self._race(addresses, host, trust, deadline, progress)

    async def _load_trust(self) -> ssl.SSLContext:
        """Return the context; load it once, and anew when the CAs may have changed."""
        now = asyncio.get_running_loop().time()
        if self._trust is not None and now < self._trust_reload_at:
            return self._trust
        async with self._trust_loading:
            if self._trust is None or now >= self._trust_reload_at:
                try:
                    self._trust = await asyncio.to_thread(build_context, self._ca_file)
                except TrustStoreError:
                    # Yesterday's CAs are better than none; a day later we look again.
                    if self._trust is None:
                        raise
                self._trust_reload_at = now + self._reload_trust_after.total_seconds()
            return self._trust

    async def _look_up_addresses(
        self, host: str, deadline: float
    ) -> tuple[str, ...] | PolicyFetchFailed:
        loop = asyncio.get_running_loop()
        # Half of the time, so that one silent family leaves enough for the other.
        timeout = timedelta(seconds=max(deadline - loop.time(), 0.0) / 2)
        aaaa_task = loop.create_task(self._dns.look_up_aaaa(host, timeout=timeout))
        try:
            a = await self._dns.look_up_a(host, timeout=timeout)
            if not aaaa_task.done() and isinstance(a, Found):
                await asyncio.wait({aaaa_task}, timeout=WAIT_FOR_IPV6.total_seconds())
            elif not aaaa_task.done():
                await asyncio.wait({aaaa_task})
            aaaa: Answer[str] = LookupFailed(failure=DnsFailure.TIMEOUT, reason="AAAA is late")
            if aaaa_task.done():
                aaaa = aaaa_task.result()
        finally:
            aaaa_task.cancel()
        return self._select(a, aaaa)

    def _select(self, a: Answer[str], aaaa: Answer[str]) -> tuple[str, ...] | PolicyFetchFailed:
        addresses = all_addresses(a, aaaa)
        if not addresses:
            for answer in (a, aaaa):
                if isinstance(answer, LookupFailed):
                    return _failed(f"dns-{answer.failure}: {answer.reason}")
            return _failed("no-address")
        allowed = tuple(a for a in addresses if self._allow_private or is_public(a))
        if not allowed:
            return _failed(f"private-address-{addresses[0]}")
        return allowed[:MAX_ADDRESSES]

    async def _race(
        self,
        addresses: tuple[str, ...],
        host: str,
        trust: ssl.SSLContext,
        deadline: float,
        progress: _Progress,
    ) -> PolicyFetched | PolicyFetchFailed:
        """Try addresses in order, the next one when the latest failed or is slow."""
        loop = asyncio.get_running_loop()
        waiting = list(reversed(addresses))
        # Short deadlines still leave every address its turn.
        patience = min(
            self._next_address_after.total_seconds(),
            max(deadline - loop.time(), 0.0) / (len(addresses) + 1),
        )
        running: set[asyncio.Task[PolicyFetched | _Failure]] = set()
        try:
            while waiting or running:
                if waiting:
                    attempt = self._attempt(waiting.pop(), host, trust, progress)
                    running.add(loop.create_task(attempt))
                done, running = await asyncio.wait(
                    running,
                    timeout=patience if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for outcome in [task.result() for task in done]:
                    if not isinstance(outcome, _Failure):
                        return outcome
                    if outcome.weight is _Weight.FINAL:
                        return outcome.failed
                    progress.failures.append(outcome)
            return progress.sum_up()
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.gather(*running, return_exceptions=True)

    async def _attempt(
        self, address: str, host: str, trust: ssl.SSLContext, progress: _Progress
    ) -> PolicyFetched | _Failure:
        """Fetch from one address; a time-out passes through and leaves the stage behind."""
        outcome = await self._go(address, host, trust, progress)
        del progress.stages[address]
        return outcome

    async def _go(
        self, address: str, host: str, trust: ssl.SSLContext, progress: _Progress
    ) -> PolicyFetched | _Failure:
        progress.stages[address] = "connect"
        exchange = PolicyExchange(host, require_text_plain=self._require_text_plain)
        try:
            try:
                transport = await open_tls(exchange, address, self._port, host, trust, self._proxy)
            except ssl.SSLCertVerificationError as error:
                failed = await self._diagnose(error, address, host)
                return _Failure(weight=_Weight.CERTIFICATE, failed=failed)
            except OSError as error:
                weight = _Weight.TLS if isinstance(error, ssl.SSLError) else _Weight.CONNECT
                reason = diagnosis.explain_connection(error)
                return _Failure(weight=weight, failed=_failed(reason))
            progress.stages[address] = "http"
            certificate = diagnosis.peer_certificate(transport)
            outcome = await exchange.outcome
        finally:
            exchange.abort()
        if isinstance(outcome, Body):
            return PolicyFetched(
                body=outcome.body,
                content_type=outcome.content_type,
                address=address,
                certificate=certificate,
            )
        return _Failure(
            weight=_Weight.FINAL if outcome.is_final else _Weight.BROKEN_ANSWER,
            failed=PolicyFetchFailed(
                result=outcome.result, reason=outcome.reason, certificate=certificate
            ),
        )

    async def _diagnose(
        self, error: ssl.SSLCertVerificationError, address: str, host: str
    ) -> PolicyFetchFailed:
        der = None
        if self._unverified is None:
            self._unverified = build_unverified_context()
        try:
            async with asyncio.timeout(DIAGNOSIS_TIMEOUT.total_seconds()):
                transport = await open_tls(
                    asyncio.Protocol(), address, self._port, host, self._unverified, self._proxy
                )
                der = diagnosis.peer_certificate(transport)
                transport.abort()
        except OSError:  # TimeoutError is one; then the reason is all there is
            pass
        return PolicyFetchFailed(
            result=ResultType.STS_WEBPKI_INVALID,
            reason=diagnosis.explain_certificate(error, der),
            certificate=der,
        )


def _failed(reason: str) -> PolicyFetchFailed:
    return PolicyFetchFailed(result=ResultType.STS_POLICY_FETCH_ERROR, reason=reason)
