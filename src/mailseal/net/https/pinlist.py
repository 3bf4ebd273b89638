"""Gets the signed list of pinned policies from an HTTPS server that the operator has named.

The signature is what makes it believed; HTTPS keeps who is on the way from serving an old one.
Addresses are not restricted as for policy hosts, since no stranger has chosen them.
"""

import asyncio
import re
import ssl
from datetime import timedelta

from mailseal.answers import Found
from mailseal.mtasts.pins import MAX_LIST_BYTES
from mailseal.net.https import diagnosis
from mailseal.net.https.connection import open_tls
from mailseal.net.https.exchange import Body, PolicyExchange, quoted
from mailseal.net.https.proxy import Proxy
from mailseal.net.https.trust import TrustStoreError, build_context
from mailseal.ports.dns import Dns
from mailseal.ports.pins import PinsUnavailable

MAX_ADDRESSES = 4  # ours, tried one after the other
_URL = re.compile(r"https://([^/:]+)(?::([0-9]+))?(/.*)", re.ASCII)


class HttpsPinSource:
    """Reads one URL (the ``ports.PinSource`` protocol); redirects are not followed."""

    is_local = False

    def __init__(
        self, url: str, dns: Dns, *, ca_file: str | None = None, proxy: str | None = None
    ) -> None:
        """Take the URL apart; raises ``ValueError`` for one that is none of https."""
        match = _URL.fullmatch(url)
        if match is None:
            raise ValueError(f"{url} is no https URL with a path")
        self.name = url
        self._host, self._port, self._target = match[1], int(match[2] or 443), match[3]
        self._dns = dns
        self._ca_file = ca_file
        self._proxy = Proxy.parse(proxy) if proxy else None

    async def read(self, *, timeout: timedelta) -> bytes | PinsUnavailable:
        """Return the document; ends within ``timeout`` in all."""
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await self._read(timeout / 4)
        except TimeoutError:
            return PinsUnavailable(reason="timeout")

    async def _read(self, patience: timedelta) -> bytes | PinsUnavailable:
        try:
            # Anew each time: it is read once an hour, and CAs may have changed.
            trust = await asyncio.to_thread(build_context, self._ca_file)
        except TrustStoreError as error:
            return PinsUnavailable(reason=quoted(str(error)))
        v4, v6 = await asyncio.gather(
            self._dns.look_up_a(self._host, timeout=patience),
            self._dns.look_up_aaaa(self._host, timeout=patience),
        )
        found = [answer.records for answer in (v4, v6) if isinstance(answer, Found)]
        addresses = [address for records in found for address in records][:MAX_ADDRESSES]
        outcome = PinsUnavailable(reason=f"{self._host} has no address")
        for address in addresses:
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    got = await self._get(address, trust)
            except TimeoutError:
                got = PinsUnavailable(reason=f"timeout at {address}")
            if isinstance(got, bytes):
                return got
            outcome = got
        return outcome

    async def _get(self, address: str, trust: ssl.SSLContext) -> bytes | PinsUnavailable:
        host = self._host if self._port == 443 else f"{self._host}:{self._port}"
        exchange = PolicyExchange(
            host,
            require_text_plain=False,
            target=self._target,
            max_body_bytes=MAX_LIST_BYTES,
        )
        try:
            await open_tls(exchange, address, self._port, self._host, trust, self._proxy)
            outcome = await exchange.outcome
        except TimeoutError:
            raise
        except ssl.SSLCertVerificationError as error:
            return PinsUnavailable(reason=f"certificate: {quoted(error.verify_message)}")
        except OSError as error:
            return PinsUnavailable(reason=diagnosis.explain_connection(error))
        finally:
            exchange.abort()
        if isinstance(outcome, Body):
            return outcome.body
        return PinsUnavailable(reason=outcome.reason)
