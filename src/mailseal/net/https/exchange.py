"""One GET over an open TLS connection, with every rule and limit of RFC 8461 §3.2 and §3.3.

h11 takes the bytes apart; what is allowed is decided here. The whole exchange is one protocol
object without tasks: what comes in is counted before it is read, and the first broken rule
ends it.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import cast

import h11

import mailseal
from mailseal.quoting import ascii_only
from mailseal.results import ResultType

POLICY_PATH = "/.well-known/mta-sts.txt"
MAX_BODY_BYTES = 65_536  # RFC 8461 §3.3: the suggested 64 KiB
MAX_HEAD_BYTES = 16_384  # ours; nginx sends 300 bytes, a CDN 2 KiB
MAX_OVERHEAD_BYTES = 65_536  # ours: heads, chunk headers and trailers beside the body
MAX_CHUNKS = 4096  # ours: one of 16 bytes costs as much to read as one of 16 KiB
MAX_INTERIM_RESPONSES = 8  # ours: 103 Early Hints comes once
MAX_QUOTED_CHARS = 100  # of a header in a reason

_HEAD_STEP_BYTES = 4096  # h11 checks its limit only between the pieces it is given


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of a 200 response, complete and within the limits."""

    body: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No policy. ``is_final``: the host has spoken, and its other addresses need not be asked."""

    result: ResultType
    reason: str
    is_final: bool


class PolicyExchange(asyncio.Protocol):
    """Sends the request as soon as it is connected; ``outcome`` has what came of it.

    With another ``target`` it gets another document by the same rules; ``user_agent`` is who we
    say we are.
    """

    def __init__(
        self,
        host: str,
        *,
        require_text_plain: bool = True,
        target: str = POLICY_PATH,
        max_body_bytes: int = MAX_BODY_BYTES,
        user_agent: str = f"mailseal/{mailseal.__version__}",
    ) -> None:
        self.outcome: asyncio.Future[Body | Refused] = asyncio.get_running_loop().create_future()
        self._host = host
        self._require_text_plain = require_text_plain
        self._target = target
        self._user_agent = user_agent
        self._max_body_bytes = max_body_bytes
        more_bytes = max_body_bytes - MAX_BODY_BYTES
        self._max_chunks = MAX_CHUNKS + more_bytes // 1024
        self._max_received_bytes = max_body_bytes + MAX_OVERHEAD_BYTES + more_bytes // 64
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._transport: asyncio.Transport | None = None
        self._has_head = False
        self._content_type: str | None = None
        self._body = bytearray()
        self._received_bytes = 0
        self._chunks = 0
        self._interim_responses = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request; TLS is up and the certificate was found good."""
        self._transport = cast("asyncio.Transport", transport)
        request = h11.Request(
            method="GET",
            target=self._target,
            headers=[
                ("Host", self._host),
                ("User-Agent", self._user_agent),
                ("Accept", "text/plain" if self._require_text_plain else "*/*"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ],
        )
        self._transport.write(self._http.send(request))
        self._http.send(h11.EndOfMessage())

    def data_received(self, data: bytes) -> None:
        """Read on until something is decided; what comes after that is dropped unread."""
        self._received_bytes += len(data)
        if self._received_bytes > self._max_received_bytes:
            self._refuse("response-too-large", is_final=True)
        at = 0
        while at < len(data) and not self.outcome.done():
            step = len(data) if self._has_head else _HEAD_STEP_BYTES
            self._read(data[at : at + step])
            at += step

    def eof_received(self) -> None:
        """Take the end of data, if it is TLS's own."""
        # A body that ends with the connection counts only after a close_notify, or whoever can
        # end a TCP connection could cut off the last lines of a policy (RFC 9112 §9.8).
        if not self.outcome.done() and _is_end_authentic(self._transport):
            self._read(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take an end that anybody on the way could have made: what came is incomplete."""
        if not self.outcome.done():
            self._refuse_end()

    def abort(self) -> None:
        """Drop the connection; nothing of it is needed any more."""
        if self._transport is not None:
            self._transport.abort()

    def _read(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while not self.outcome.done() and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            if not data:
                self._refuse_end()
            elif error.error_status_hint == 431:
                self._refuse("http-head-too-large", is_final=True)
            else:
                # The library's own words change with how the bytes were cut up.
                self._refuse("http-malformed", is_final=False)

    def _take(self, event: object) -> bool:
        """Take one event; tell whether there may be another one."""
        match event:
            case h11.InformationalResponse():
                self._interim_responses += 1
                if self._interim_responses > MAX_INTERIM_RESPONSES:
                    self._refuse(f"http-{event.status_code}", is_final=True)
            case h11.Response():
                self._has_head = True
                self._take_head(event)
            case h11.Data():
                self._body += event.data
                self._chunks += event.chunk_start
                if len(self._body) > self._max_body_bytes:
                    self._refuse("body-too-large", is_final=True)
                elif self._chunks > self._max_chunks:
                    self._refuse("too-many-chunks", is_final=True)
            case h11.EndOfMessage():
                self._end(Body(body=bytes(self._body), content_type=self._content_type))
            case h11.ConnectionClosed():
                self._refuse("connection-closed-early", is_final=False)
            case _:  # h11.NEED_DATA, h11.PAUSED
                return False
        return True

    def _take_head(self, response: h11.Response) -> None:
        status = response.status_code
        if 300 <= status < 400:
            # RFC 8461 §3.3: redirects are never followed, not even to the same host.
            target = quoted(_value(response, b"location") or "nowhere")
            self._refuse(f"http-redirect-{status}: {target}", is_final=True)
            return
        if status != 200:
            self._refuse(f"http-{status}", is_final=True)
            return
        encoding = _value(response, b"content-encoding")
        if encoding is not None and encoding.strip().lower() not in ("", "identity"):
            self._refuse(f"content-encoding: {quoted(encoding)}", is_final=True)
            return
        length = _value(response, b"content-length")
        if length is not None and length.isdigit() and int(length) > self._max_body_bytes:
            self._refuse("body-too-large", is_final=True)
            return
        self._content_type = _value(response, b"content-type")
        if self._require_text_plain and not is_text_plain(self._content_type):
            # Elsewhere users may upload files that browsers show: RFC 8461 §3.2 wants this
            # looked at, so that such a file is no policy.
            seen = "none" if self._content_type is None else quoted(self._content_type)
            self._refuse(
                f"content-type: {seen}", is_final=True, result=ResultType.STS_POLICY_INVALID
            )

    def _refuse_end(self) -> None:
        """Refuse a response that was cut off, or something that never was one."""
        began, _ = self._http.trailing_data
        is_http = self._has_head or began[:5] == b"HTTP/"[: len(began)]
        self._refuse("connection-closed-early" if is_http else "http-malformed", is_final=False)

    def _refuse(
        self,
        reason: str,
        *,
        is_final: bool,
        result: ResultType = ResultType.STS_POLICY_FETCH_ERROR,
    ) -> None:
        self._end(Refused(result=result, reason=reason, is_final=is_final))

    def _end(self, outcome: Body | Refused) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
        self.abort()


def _is_end_authentic(transport: asyncio.Transport | None) -> bool:
    """Tell whether the other side has said close_notify.

    asyncio calls ``eof_received`` for a bare end of TCP as well; OpenSSL knows the difference.
    """
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    if tls is None:
        return False
    try:
        return not tls.read(1)
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False


def is_text_plain(content_type: str | None) -> bool:
    """Tell whether a Content-Type is text/plain, whatever its parameters (RFC 8461 §3.2)."""
    return content_type is not None and (
        content_type.partition(";")[0].strip().lower() == "text/plain"
    )


def quoted(text: str) -> str:
    """Make a server's words fit for a reason: printable ASCII, bounded."""
    return ascii_only(text[:MAX_QUOTED_CHARS])


def _value(response: h11.Response, name: bytes) -> str | None:
    """Return a header's value; of several, all of them, so that no second one slips through."""
    values = [value.decode("latin-1") for key, value in response.headers if key == name]
    return ", ".join(values) if values else None
