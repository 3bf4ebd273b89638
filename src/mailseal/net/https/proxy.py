"""A tunnel through an HTTP proxy, where the operator has set one (RFC 9110 §9.3.6).

The address is still ours: the proxy is asked for it, not for the name, so that the rule
against private addresses and the order of addresses hold with a proxy too.
"""

import asyncio
import urllib.parse
from dataclasses import dataclass
from typing import cast

import h11

import mailseal

MAX_HEAD_BYTES = 8192  # ours; a proxy's "established" has 100


class ProxySyntaxError(mailseal.Error):
    """A text is not the address of a proxy."""


class ProxyError(OSError):
    """The proxy made no tunnel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy that does CONNECT, reached without TLS."""

    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "Proxy":
        """Read ``http://host:port``; raise ``ProxySyntaxError`` for anything else."""
        try:
            parts = urllib.parse.urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ProxySyntaxError(f"proxy {url[:70]!r}: {error}") from error
        rest = (parts.path.removeprefix("/"), parts.query, parts.fragment, parts.username)
        if parts.scheme != "http" or not host or not port or any(rest):
            raise ProxySyntaxError(f"proxy is {url[:70]!r}, expected http://host:port")
        return cls(host=host, port=port)


class _Tunnel(asyncio.Protocol):
    """Asks for a tunnel and waits for the one answer."""

    def __init__(self, address: str, port: int) -> None:
        authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self.established: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._authority = authority
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._received_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        request = h11.Request(
            method="CONNECT", target=self._authority, headers=[("Host", self._authority)]
        )
        cast("asyncio.Transport", transport).write(self._http.send(request))
        self._http.send(h11.EndOfMessage())

    def data_received(self, data: bytes) -> None:
        if self.established.done():
            return
        self._received_bytes += len(data)
        if self._received_bytes > MAX_HEAD_BYTES:
            self._fail("proxy-head-too-large")
            return
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
            while isinstance(event, h11.InformationalResponse):
                event = self._http.next_event()
        except h11.RemoteProtocolError:
            self._fail("proxy-malformed")
            return
        if isinstance(event, h11.Response):
            if not 200 <= event.status_code < 300:
                self._fail(f"proxy-{event.status_code}")
            elif self._http.trailing_data[0]:
                # Nobody behind the tunnel speaks before us: this was not said under TLS.
                self._fail("proxy-spoke-early")
            else:
                self.established.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("proxy-closed")

    def _fail(self, reason: str) -> None:
        if not self.established.done():
            self.established.set_exception(ProxyError(reason))


async def open_tunnel(proxy: Proxy, address: str, port: int) -> asyncio.Transport:
    """Open a connection to an address through the proxy; raise ``ProxyError`` if there is none."""
    loop = asyncio.get_running_loop()
    try:
        transport, tunnel = await loop.create_connection(
            lambda: _Tunnel(address, port), proxy.host, proxy.port
        )
    except OSError as error:
        # It says nothing of whoever was to be reached.
        raise ProxyError("proxy-unreachable") from error
    try:
        await tunnel.established
    except BaseException:
        transport.abort()
        raise
    return transport
