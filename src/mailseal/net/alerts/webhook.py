"""Posts notices to a URL that the operator has named, signed where there is a secret."""

import asyncio
import os
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import h11

import mailseal
from mailseal.net.alerts.secret import read_secret
from mailseal.net.https.connection import open_tls
from mailseal.net.https.proxy import Proxy, ProxyError
from mailseal.ports.alerts import SendFailed, Sent
from mailseal.ports.clock import Clock
from mailseal.quoting import ascii_only
from mailseal.watch.notice import Channel, Notice
from mailseal.watch.noticejson import SIGNATURE_HEADER, render_json, sign
from mailseal.watch.webhookplace import WebhookPlace

MAX_HEAD_BYTES = 16_384  # ours, of a response; its body is not read
MAX_INTERIM_RESPONSES = 8  # ours: 103 Early Hints comes once
READ_BYTES = 4096
MAX_REASON_CHARS = 200  # of what went wrong


class WebhookSender:
    """Makes one POST for some notices (the ``ports.AlertSender`` protocol).

    No redirect is followed. ``proxy`` is ``http://host:port``, raises ``ProxySyntaxError``
    otherwise, and is asked to connect to the place unless that is on this machine.
    """

    channel = Channel.WEBHOOK

    def __init__(
        self,
        place: WebhookPlace,
        *,
        clock: Clock,
        secret_file: Path | None = None,
        ca_file: Path | None = None,
        proxy: str | None = None,
    ) -> None:
        self._place = place
        self._clock = clock
        self._secret_file = secret_file
        self._ca_file = ca_file
        self._proxy = Proxy.parse(proxy) if proxy and not place.is_here else None

    async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
        """Post once; ends within ``timeout`` in all."""
        body = render_json(notices)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await self._post(body)
        except TimeoutError:
            return SendFailed(reason=f"{self._place.authority} was too slow")
        except ssl.SSLCertVerificationError as error:
            return SendFailed(
                reason=f"certificate of {self._place.authority}: {error.verify_message}"
            )
        except ProxyError as error:
            return SendFailed(reason=f"{self._place.authority} through the proxy: {error}")
        except (OSError, ValueError, h11.ProtocolError) as error:
            # Of ValueError come UnicodeError, from a name, and some faults of ssl.
            what = getattr(error, "filename", None) or self._place.authority
            return SendFailed(reason=ascii_only(f"{what}: {_say(error)}"[:MAX_REASON_CHARS]))

    async def _post(self, body: bytes) -> Sent | SendFailed:
        headers = [
            ("Host", self._place.authority),
            ("User-Agent", f"mailseal/{mailseal.__version__}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        context = None
        if self._place.is_secure:
            context = await asyncio.to_thread(_build_context, self._ca_file)
        if self._secret_file is not None:
            secret = await asyncio.to_thread(read_secret, self._secret_file)
            headers.append((SIGNATURE_HEADER, sign(body, secret, self._clock.now())))
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        request = h11.Request(method="POST", target=self._place.target, headers=headers)
        reader, writer = await self._connect(context)
        try:
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(http.send(event) or b"")
            await writer.drain()
            status = await _read_status(reader, http)
        finally:
            writer.transport.abort()
        if 200 <= status < 300:
            return Sent()
        return SendFailed(reason=f"{self._place.authority} answered {status}")

    async def _connect(
        self, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._place.host, self._place.port
        if context is None:
            return await asyncio.open_connection(host, port)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        # A proxy is given the name: the operator chose the place, so that no rule is about its
        # address, and this machine need not be able to look it up.
        transport = await open_tls(protocol, host, port, host, context, self._proxy)
        return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())


async def _read_status(reader: asyncio.StreamReader, http: h11.Connection) -> int:
    interim = 0
    while interim <= MAX_INTERIM_RESPONSES:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif isinstance(event, h11.InformationalResponse):
            interim += 1
        else:
            break
    raise h11.RemoteProtocolError("no response")


def _build_context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _say(error: OSError | ValueError | h11.ProtocolError) -> str:
    """Say what went wrong; asyncio puts the address in place of the system's words."""
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
