"""Hands mail to the server that the operator has named: SMTP, with TLS and a password or without.

The standard library's client runs in a thread of the sender's own, and its connection is shut
when the time is over, whatever it waits for then.
"""

import asyncio
import smtplib
import socket
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from mailseal.net.alerts.secret import read_secret
from mailseal.ports.alerts import SendFailed, Sent
from mailseal.quoting import ascii_only
from mailseal.watch.mailsecurity import MailSecurity
from mailseal.watch.notice import Channel, Notice
from mailseal.watch.noticemail import render_mail

MAX_REASON_CHARS = 200  # of what a server said
CONNECT_SECONDS = 10.0  # ours, for each address, so that the next one has its turn
QUIT_SECONDS = 2.0  # ours: the mail is through, and only manners are left


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPlace:
    """Where mail is handed in, by whom, and for whom."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None


class SubmissionSender:
    """Sends notices as mail (the ``ports.AlertSender`` protocol)."""

    channel = Channel.MAIL

    def __init__(self, place: MailPlace) -> None:
        self._place = place
        # Not the loop's own threads, which names and files need too and which its end waits for.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="submission")

    async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
        """Hand one message in; ends within ``timeout`` in all."""
        place = self._place
        message = render_mail(notices, sender=place.sender, recipients=place.recipients)
        attempt = _Attempt(place, message, timeout.total_seconds())
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, attempt.run)
        except TimeoutError:
            return attempt.taken or SendFailed(reason=f"{place.host} was too slow")
        finally:
            attempt.abort()


class _Attempt:
    """One conversation, in a thread of its own.

    ``taken`` is set once the server has taken the message; nothing that follows changes that.
    """

    def __init__(self, place: MailPlace, message: EmailMessage, seconds: float) -> None:
        self._place = place
        self._message = message
        self._seconds = seconds
        self._lock = threading.Lock()  # a descriptor that is closed may be another's at once
        self._handle: socket.socket | None = None
        self._is_over = False
        self.taken: Sent | None = None

    def abort(self) -> None:
        """End it from another thread; nothing happens where it has ended."""
        with self._lock:
            self._is_over = True
            if self._handle is not None:
                with suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)

    def open(self, host: str, port: int) -> socket.socket:
        """Connect to the first address that answers; raise ``OSError`` where none does."""
        failure = OSError(0, "has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            opened = None
            try:
                opened = socket.socket(family, kind, protocol)
                self._keep(opened)
                opened.settimeout(min(CONNECT_SECONDS, self._seconds))
                opened.connect(address)
                opened.settimeout(self._seconds)
            except OSError as error:
                failure = error
                if opened is not None:
                    opened.close()
            else:
                return opened
        raise failure

    def _keep(self, opened: socket.socket) -> None:
        """Keep what ``abort`` shuts: a second handle, since TLS takes the first one's place."""
        with self._lock:
            if self._is_over:
                raise TimeoutError("it was too slow")
            self._drop()
            self._handle = opened.dup()

    def _drop(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def run(self) -> Sent | SendFailed:
        """Converse."""
        try:
            return self._converse()
        finally:
            with self._lock:
                self._drop()

    def _converse(self) -> Sent | SendFailed:
        place = self._place
        connection = None
        try:
            connection = self._connect()
            if place.security.insists_on_starttls(place.host):
                connection.starttls(context=self._context())
            if place.user and place.password_file is not None:
                connection.login(place.user, read_secret(place.password_file).decode())
            refused = connection.send_message(
                self._message, from_addr=place.sender, to_addrs=list(place.recipients)
            )
            self.taken = Sent(note=_printable(_refusals(refused)))
        except smtplib.SMTPResponseException as error:
            return _failed(f"{place.host} said {error.smtp_code} {_text(error.smtp_error)}")
        except smtplib.SMTPRecipientsRefused as error:
            return _failed(f"{place.host} refused every recipient: {_refusals(error.recipients)}")
        except smtplib.SMTPException as error:
            return _failed(f"{place.host}: {error}")
        except ssl.SSLCertVerificationError as error:
            return _failed(f"the certificate of {place.host}: {error.verify_message}")
        except (OSError, ValueError) as error:  # of the latter: names, passwords, bad base64
            name = getattr(error, "filename", None)
            what = f"{name}: " if name else f"{place.host} port {place.port}: "
            return _failed(f"{what}{getattr(error, 'strerror', None) or error}")
        finally:
            if connection is not None:
                _take_leave(connection)
        return self.taken

    def _connect(self) -> smtplib.SMTP:
        place = self._place
        if place.security is MailSecurity.TLS:
            return _TlsClient(self, place, self._seconds, self._context())
        return _Client(self, place, self._seconds)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(
            cafile=str(self._place.ca_file) if self._place.ca_file else None
        )
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class _Client(smtplib.SMTP):
    """The library's client, which lets its socket be known before it waits for anything."""

    def __init__(self, attempt: _Attempt, place: MailPlace, seconds: float) -> None:
        self._attempt = attempt
        super().__init__(place.host, place.port, timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._attempt.open(host, port)


class _TlsClient(smtplib.SMTP_SSL):
    """Likewise, with TLS from the first byte."""

    def __init__(
        self, attempt: _Attempt, place: MailPlace, seconds: float, context: ssl.SSLContext
    ) -> None:
        self._attempt = attempt
        super().__init__(place.host, place.port, timeout=seconds, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.context.wrap_socket(self._attempt.open(host, port), server_hostname=host)


def _take_leave(connection: smtplib.SMTP) -> None:
    """Say QUIT; what comes of it is of no consequence."""
    with suppress(OSError, ValueError):  # the library's own exceptions are OSErrors
        if connection.sock is not None:
            connection.sock.settimeout(QUIT_SECONDS)
            connection.quit()
    with suppress(OSError):
        connection.close()


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{name}: {code} {_text(said)}" for name, (code, said) in refused.items())


def _text(said: Any) -> str:
    return said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)


def _failed(reason: str) -> SendFailed:
    return SendFailed(reason=_printable(reason))


def _printable(text: str) -> str:
    on_one_line = "".join(" " if char.isspace() else char for char in text[:MAX_REASON_CHARS])
    return ascii_only(on_one_line)
