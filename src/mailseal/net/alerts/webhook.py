"""Posts notices to a URL that the operator has named, signed where there is a secret."""

import asyncio
import re
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import h11

import mailseal
from mailseal.net.alerts.secret import read_secret
from mailseal.ports import Clock, SendFailed, Sent
from mailseal.watch.notice import Channel, Notice
from mailseal.watch.noticejson import SIGNATURE_HEADER, render_json, sign

MAX_HEAD_BYTES = 16_384  # ours, of a response; its body is not read
MAX_INTERIM_RESPONSES = 8  # ours: 103 Early Hints comes once
READ_BYTES = 4096
_URL = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[^/:?#]+)(?::([0-9]{1,5}))?([/?].*)?", re.ASCII)


class WebhookSender:
    """Makes one POST for some notices (the ``ports.AlertSender`` protocol).

    ``url`` is checked already: https, or http to this machine. No redirect is followed.
    """

    channel = Channel.WEBHOOK

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        secret_file: Path | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take the URL apart; raises ``ValueError`` for one that is none."""
        match = _URL.fullmatch(url)
        if match is None:
            raise ValueError(f"{url} is no URL of a webhook")
        self._is_secure = match[1] == "https"
        self._host = match[2].strip("[]")
        self._port = int(match[3] or (443 if self._is_secure else 80))
        self._authority = match[2] + (f":{match[3]}" if match[3] else "")
        target = match[4] or "/"
        self._target = target if target.startswith("/") else f"/{target}"
        self._clock = clock
        self._secret_file = secret_file
        self._ca_file = ca_file

    async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
        """Post once; ends within ``timeout`` in all."""
        body = render_json(notices)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await self._post(body)
        except TimeoutError:
            return SendFailed(reason=f"{self._authority} was too slow")
        except ssl.SSLCertVerificationError as error:
            return SendFailed(reason=f"certificate of {self._authority}: {error.verify_message}")
        except (OSError, h11.RemoteProtocolError) as error:
            what = getattr(error, "filename", None) or self._authority
            said = getattr(error, "strerror", None) or str(error)
            return SendFailed(reason=f"{what}: {said.encode('ascii', 'replace').decode()[:200]}")

    async def _post(self, body: bytes) -> Sent | SendFailed:
        headers = [
            ("Host", self._authority),
            ("User-Agent", f"mailseal/{mailseal.__version__}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        context = None
        if self._is_secure:
            context = await asyncio.to_thread(_build_context, self._ca_file)
        if self._secret_file is not None:
            secret = await asyncio.to_thread(read_secret, self._secret_file)
            headers.append((SIGNATURE_HEADER, sign(body, secret, self._clock.now())))
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        request = h11.Request(method="POST", target=self._target, headers=headers)
        reader, writer = await asyncio.open_connection(
            self._host,
            self._port,
            ssl=context,
            server_hostname=self._host if context else None,
        )
        try:
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(http.send(event) or b"")
            await writer.drain()
            status = await _read_status(reader, http)
        finally:
            writer.transport.abort()
        if 200 <= status < 300:
            return Sent()
        return SendFailed(reason=f"{self._authority} answered {status}")


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
