"""Notices reach real servers on loopback, by mail and by webhook, or it is said why not."""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailseal.net.alerts import MailPlace, SubmissionSender, WebhookSender
from mailseal.ports.alerts import SendFailed, Sent
from mailseal.testing import ManualClock
from mailseal.watch.mailsecurity import MailSecurity
from mailseal.watch.notice import Notice
from mailseal.watch.webhookplace import WebhookPlace, parse_webhook
from tests.net.conversations import serving
from tests.net.httpproxy import running_proxy
from tests.net.pki import Authority

TIMEOUT = timedelta(seconds=10)
SHORT = timedelta(milliseconds=200)
NOTICE = Notice(
    domain="example.com",
    at=datetime(2026, 11, 22, tzinfo=UTC),
    verdict="enforcing-and-healthy",
    sentence="All is well.",
)


class MailServer:
    """Says what a test lets it say; remembers what it heard."""

    def __init__(self) -> None:
        self.replies = {
            "EHLO": "250-server\r\n250-STARTTLS\r\n250 AUTH PLAIN",
            "STARTTLS": "220 go",
            "AUTH": "235 ok",
            "MAIL": "250 ok",
            "RCPT": "250 ok",
            "DATA": "354 go",
            ".": "250 queued",
            "QUIT": "221 bye",
            "RSET": "250 ok",
        }
        self.greeting = "220 server"
        self.heard: list[str] = []
        self.message = ""
        self.context: ssl.SSLContext | None = None
        self.port = 0
        self.is_silent_at_quit = False
        self.is_silent_in_handshake = False
        self.is_dripping_in_tls = False
        self.ended = asyncio.Event()
        self._conversations: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Listen on loopback; wait at the end for conversations, which clients have ended."""
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            if self._conversations:
                await asyncio.wait(self._conversations, timeout=TIMEOUT.total_seconds())

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._conversations.add(task)
        try:
            if not self.greeting:
                while await reader.read(4096):
                    pass
            writer.write(f"{self.greeting}\r\n".encode())
            await self._answer(reader, writer)
        except (OSError, ValueError):
            pass  # the client has given up
        finally:
            self.ended.set()
            writer.transport.abort()
            await asyncio.sleep(0)  # for the transport to close

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().strip():
            self.heard.append(line)
            verb = line.split()[0].upper()
            if verb == "QUIT" and self.is_silent_at_quit:
                await reader.read()
                return
            writer.write(f"{self.replies.get(verb, '500 what')}\r\n".encode())
            if verb == "STARTTLS" and self.is_silent_in_handshake:
                while await reader.read(4096):
                    pass
                return
            if verb == "STARTTLS" and self.context is not None:
                await writer.start_tls(self.context)
                while self.is_dripping_in_tls:  # an answer without end, a line at a time
                    writer.write(b"250-drip\r\n")
                    await writer.drain()
                    await asyncio.sleep(0)
            if verb == "DATA" and self.replies["DATA"].startswith("354"):
                self.message = (await reader.readuntil(b"\r\n.\r\n")).decode()
                writer.write(f"{self.replies['.']}\r\n".encode())
            if verb == "QUIT":
                return


def place(server: MailServer, **changes: object) -> MailPlace:
    """Return where the server is."""
    known = MailPlace(
        host="127.0.0.1",
        port=server.port,
        security=MailSecurity.AUTO,
        sender="mailseal@example.com",
        recipients=("a@example.com", "b@example.com"),
    )
    return replace(known, **changes)  # type: ignore[arg-type]  # the fields of a test


async def send(at: MailPlace, timeout: timedelta = TIMEOUT) -> Sent | SendFailed:
    """Send the notice."""
    return await SubmissionSender(at).send((NOTICE,), timeout=timeout)


async def test_mail_on_this_machine_goes_as_it_is() -> None:
    """Both recipients, one message, no TLS on loopback."""
    server = MailServer()
    async with server.running():
        assert await send(place(server)) == Sent()
    assert "rcpt TO:<b@example.com>" in [line.replace("RCPT", "rcpt") for line in server.heard]
    assert f"<{NOTICE.id}@example.com>" in server.message
    assert not any(line.startswith("STARTTLS") for line in server.heard)


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
async def test_mail_goes_over_verified_tls_with_a_password(
    security: MailSecurity, authority: Authority, tmp_path: Path
) -> None:
    """The password is said within TLS only."""
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    server = MailServer()
    server.context = authority.issue("localhost")
    tls = server.context if security is MailSecurity.TLS else None
    async with server.running(tls=tls):
        at = place(
            server, host="localhost", security=security, user="me", password_file=secret,
            ca_file=authority.ca_path,
        )  # fmt: skip
        assert await send(at) == Sent()
    assert any(line.startswith("AUTH PLAIN") for line in server.heard)


async def test_a_certificate_of_a_stranger_gets_neither_password_nor_mail(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    """It is said as that."""
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    server = MailServer()
    server.context = stranger.issue("localhost")
    async with server.running():
        at = place(
            server, host="localhost", security=MailSecurity.STARTTLS, user="me",
            password_file=secret, ca_file=authority.ca_path,
        )  # fmt: skip
        outcome = await send(at)
    assert isinstance(outcome, SendFailed)
    assert "certificate of localhost" in outcome.reason
    assert not any(line.startswith(("AUTH", "MAIL", "mail")) for line in server.heard)


async def test_tls_that_was_asked_for_is_not_gone_without() -> None:
    """A server that offers no STARTTLS gets nothing."""
    server = MailServer()
    server.replies["EHLO"] = "250 server"
    async with server.running():
        outcome = await send(place(server, security=MailSecurity.STARTTLS))
    assert isinstance(outcome, SendFailed)
    assert not any(line.lower().startswith("mail") for line in server.heard)


@pytest.mark.parametrize(
    ("verb", "reply", "part"),
    [
        ("MAIL", "451 later", "451 later"),
        ("DATA", "550 no \x1b[2J", "550 no ?[2J"),
        ("RCPT", "550 unknown", "refused every recipient"),
        ("EHLO", "x" * 20_000, ""),  # a line without end
    ],
)
async def test_what_a_server_refuses_is_said_in_its_words(verb: str, reply: str, part: str) -> None:
    """In printable ASCII, and in bounds."""
    server = MailServer()
    server.replies[verb] = reply
    async with server.running():
        outcome = await send(place(server))
    assert isinstance(outcome, SendFailed)
    assert part in outcome.reason
    assert outcome.reason.isprintable()
    assert len(outcome.reason) <= 200


async def test_nobody_there_is_said_as_that() -> None:
    """The next attempt may meet somebody."""
    server = MailServer()
    async with server.running():
        pass
    outcome = await send(place(server))
    assert isinstance(outcome, SendFailed)
    assert "refused" in outcome.reason


async def test_a_silent_server_costs_the_deadline_and_no_more() -> None:
    """Its thread ends with it."""
    server = MailServer()
    server.greeting = ""
    async with server.running():
        assert await send(place(server), SHORT) == SendFailed(reason="127.0.0.1 was too slow")


@pytest.mark.parametrize("bye", ["421 closing", "250 what", "", "x" * 20_000])
async def test_mail_that_was_taken_is_sent_whatever_comes_behind(bye: str) -> None:
    """Else it would be sent again and again: QUIT has no say in it (RFC 5321 §4.1.1.10)."""
    server = MailServer()
    server.replies["QUIT"] = bye
    server.is_silent_at_quit = not bye
    timeout = TIMEOUT if bye else timedelta(seconds=1)  # which silence lasts until
    async with server.running():
        assert await send(place(server), timeout) == Sent()


async def test_what_a_server_refuses_is_said_though_it_says_no_goodbye() -> None:
    """The first reason counts."""
    server = MailServer()
    server.replies |= {"MAIL": "451 later", "RSET": "451 later", "QUIT": "421 closing"}
    async with server.running():
        outcome = await send(place(server))
    assert outcome == SendFailed(reason="127.0.0.1 said 451 later")


async def test_a_challenge_that_is_no_base64_is_a_failure(tmp_path: Path) -> None:
    """The library's readers raise more than its own exceptions."""
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    server = MailServer()
    server.replies |= {"EHLO": "250-server\r\n250 AUTH CRAM-MD5", "AUTH": "334 a"}
    async with server.running():
        outcome = await send(place(server, user="me", password_file=secret))
    assert isinstance(outcome, SendFailed)


@pytest.mark.parametrize("stall", ["handshake", "starttls", "drip"])
async def test_the_deadline_holds_behind_starttls(stall: str, authority: Authority) -> None:
    """The thread ends with it, in a handshake too: what it waits for is shut."""
    server = MailServer()
    server.context = authority.issue("localhost")
    server.is_silent_in_handshake = stall != "drip"
    server.is_dripping_in_tls = stall == "drip"
    server.greeting = "" if stall == "handshake" else server.greeting
    security = MailSecurity.TLS if stall == "handshake" else MailSecurity.STARTTLS
    async with server.running():
        at = place(server, host="localhost", security=security, ca_file=authority.ca_path)
        sender = SubmissionSender(at)
        outcome = await sender.send((NOTICE,), timeout=SHORT)
        assert outcome == SendFailed(reason="localhost was too slow")
        async with asyncio.timeout(TIMEOUT.total_seconds()):
            await server.ended.wait()
    outcome = await sender.send((NOTICE,), timeout=TIMEOUT)  # which needs the thread
    assert isinstance(outcome, SendFailed)
    assert "refused" in outcome.reason


async def test_a_missing_password_is_named(tmp_path: Path) -> None:
    """Whoever reads the log knows which file to look at."""
    server = MailServer()
    async with server.running():
        at = place(server, user="me", password_file=tmp_path / "none")
        outcome = await send(at)
    assert isinstance(outcome, SendFailed)
    assert "none" in outcome.reason


# -- webhooks -------------------------------------------------------------------------------


class WebServer:
    """Answers every request with the same bytes; remembers what came."""

    def __init__(self, answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self.answer = answer
        self.head = b""
        self.body = b""
        self.port = 0

    @asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Listen on loopback."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.head = await reader.readuntil(b"\r\n\r\n")
            self.body = await reader.readexactly(int(self.header("content-length")))
            writer.write(self.answer)
            await writer.drain()
            await reader.read()
        except OSError:
            pass  # the client has given up
        finally:
            writer.transport.abort()

    def header(self, name: str) -> str:
        """Return a header of the request."""
        for line in self.head.decode().split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        raise LookupError(name)


async def post(
    url: str, timeout: timedelta = TIMEOUT, *, proxy: str | None = None, **settings: Path | None
) -> Sent | SendFailed:
    """Post the notice."""
    place = parse_webhook(url)
    sender = WebhookSender(place, clock=ManualClock(NOTICE.at), proxy=proxy, **settings)
    return await sender.send((NOTICE,), timeout=timeout)


async def test_a_webhook_gets_signed_json_over_verified_https(
    authority: Authority, tmp_path: Path
) -> None:
    """The signature is over time and body."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    server = WebServer()
    async with server.running(tls=authority.issue("localhost")):
        url = f"https://localhost:{server.port}/hook?x=1"
        assert await post(url, secret_file=secret, ca_file=authority.ca_path) == Sent()
    assert server.head.startswith(b"POST /hook?x=1 HTTP/1.1\r\n")
    assert json.loads(server.body)["events"][0]["domain"] == "example.com"
    time, _, digest = server.header("mailseal-signature").removeprefix("t=").partition(",v1=")
    expected = hmac.new(b"s3cret", f"{time}.".encode() + server.body, hashlib.sha256)
    assert digest == expected.hexdigest()


async def test_a_webhook_of_this_machine_needs_no_tls() -> None:
    """Without a secret there is no signature."""
    server = WebServer()
    async with server.running():
        assert await post(f"http://127.0.0.1:{server.port}") == Sent()
    with pytest.raises(LookupError):
        server.header("mailseal-signature")


async def test_a_webhook_that_nobody_listens_for_is_said_as_that() -> None:
    """In the system's words, not in those of a library with its own way to write an address."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        outcome = await post(f"http://127.0.0.1:{port}/")
    assert outcome == SendFailed(reason=f"127.0.0.1:{port}: Connection refused")


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (b"HTTP/1.1 500 Oops\r\n\r\n", "answered 500"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n", "answered 302"),
        (b"220 mail server\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000, ""),  # a head without end
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000, "no response"),
        (b"", ""),
    ],
)
async def test_other_answers_are_failures(answer: bytes, part: str) -> None:
    """No redirect is followed, and what is no HTTP is not taken for any."""
    server = WebServer(answer)
    timeout = TIMEOUT if part else timedelta(seconds=1)  # which some of them are waited for
    async with server.running():
        outcome = await post(f"http://127.0.0.1:{server.port}/", timeout)
    assert isinstance(outcome, SendFailed)
    assert part in outcome.reason
    assert outcome.reason.isprintable()


async def test_a_stranger_s_certificate_gets_no_news(
    authority: Authority, stranger: Authority
) -> None:
    """It is said as that."""
    server = WebServer()
    async with server.running(tls=stranger.issue("localhost")):
        outcome = await post(f"https://localhost:{server.port}/", ca_file=authority.ca_path)
    assert isinstance(outcome, SendFailed)
    assert "certificate" in outcome.reason
    assert server.head == b""


@pytest.mark.parametrize("host", ["a..b.example", "a" * 64 + ".example"])
async def test_a_name_that_cannot_be_looked_up_is_a_failure(host: str) -> None:
    """Whatever the libraries raise for it, as IDNA does."""
    place = WebhookPlace(is_secure=True, host=host, port=443, target="/SECRET")
    outcome = await WebhookSender(place, clock=ManualClock()).send((NOTICE,), timeout=TIMEOUT)
    assert isinstance(outcome, SendFailed)
    assert outcome.reason.isprintable()
    assert "SECRET" not in outcome.reason


async def test_a_webhook_goes_through_the_proxy(authority: Authority) -> None:
    """The proxy is given the name, which this machine could not look up, and sees only TLS."""
    server = WebServer()
    async with (
        server.running(tls=authority.issue("alerts.example.com")),
        running_proxy(to="127.0.0.1") as proxy,
    ):
        name = f"alerts.example.com:{server.port}"
        url = f"https://{name}/hook"
        assert await post(url, proxy=proxy.url, ca_file=authority.ca_path) == Sent()
    assert proxy.heads[0].startswith(f"CONNECT {name} HTTP/1.1\r\n".encode())
    assert b"hook" not in proxy.heads[0]
    assert server.head.startswith(b"POST /hook HTTP/1.1\r\n")


async def test_a_proxy_that_opens_tls_gets_no_news(
    authority: Authority, stranger: Authority
) -> None:
    """A certificate of its own is a stranger's."""
    server = WebServer()
    async with (
        server.running(tls=stranger.issue("alerts.example.com")),
        running_proxy(to="127.0.0.1") as proxy,
    ):
        url = f"https://alerts.example.com:{server.port}/"
        outcome = await post(url, proxy=proxy.url, ca_file=authority.ca_path)
    assert isinstance(outcome, SendFailed)
    assert "certificate" in outcome.reason
    assert server.head == b""


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-403"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "proxy-spoke-early"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000, "proxy-head-too-large"),
    ],
)
async def test_what_a_proxy_refuses_is_said_as_the_proxy_s(reply: bytes, reason: str) -> None:
    """Whoever reads it looks at the proxy; without a tunnel nothing is posted in clear."""
    async with running_proxy(reply, to="127.0.0.1") as proxy:
        outcome = await post("https://alerts.example.com/SECRET", proxy=proxy.url)
    said = f"alerts.example.com through the proxy: {reason}"
    assert outcome == SendFailed(reason=said)


async def test_a_proxy_that_says_nothing_costs_the_deadline_and_no_more() -> None:
    """One deadline holds for proxy, handshake and answer."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(listen) as port:
        proxy = f"http://127.0.0.1:{port}"
        outcome = await post("https://alerts.example.com/", SHORT, proxy=proxy)
    assert outcome == SendFailed(reason="alerts.example.com was too slow")


async def test_a_webhook_of_this_machine_needs_no_proxy(authority: Authority) -> None:
    """The proxy's own loopback is another machine's."""
    secure, plain = WebServer(), WebServer()
    async with (
        secure.running(tls=authority.issue("localhost")),
        plain.running(),
        running_proxy(b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy,
    ):
        url = f"https://localhost:{secure.port}/"
        assert await post(url, proxy=proxy.url, ca_file=authority.ca_path) == Sent()
        assert await post(f"http://127.0.0.1:{plain.port}/", proxy=proxy.url) == Sent()
    assert proxy.heads == []
