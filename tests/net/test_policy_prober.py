"""What a look at a policy host shows, good or bad: everything, and nothing without bounds."""

import asyncio
import errno
import os
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from mailseal.checks.evidence import Failure, PolicyFetch, Trouble
from mailseal.checks.webpki import Flaw, judge_chain
from mailseal.names import Domain
from mailseal.net.https.observation import MAX_HEADERS, MAX_VALUE_CHARS
from mailseal.net.https.prober import HttpsPolicyProber
from mailseal.net.tls.trust import TrustStore
from mailseal.testing import ManualClock
from tests.net.pki import Authority, in_days
from tests.net.policyhost import BODY, HEAD, Handler, Visit, policy_host, response

HOST = Domain("mta-sts.example.com")
LONG = timedelta(seconds=20)  # never reached: a failing test ends all the same
SHORT = timedelta(milliseconds=150)
BEHIND_TLS = timedelta(seconds=1)  # a busy machine needs part of it for the handshake
HERE = "127.0.0.1"

Probe = Callable[..., Awaitable[PolicyFetch]]


def prober(ca_file: str, port: int, **options: object) -> HttpsPolicyProber:
    """Make a prober that believes one CA and may contact loopback."""
    settings: dict[str, object] = {"allow_private": True, **options}
    return HttpsPolicyProber(
        trust=TrustStore(ca_file),
        clock=ManualClock(),
        user_agent="mailseal/test",
        port=port,
        **settings,  # type: ignore[arg-type]  # the options' own names
    )


@pytest.fixture
def probe(authority: Authority, ca_file: str) -> Probe:
    """Probe a host that answers with given bytes over a good certificate."""

    async def probe_host(
        answer: bytes | Handler, *, timeout: timedelta = LONG, path: str = ""
    ) -> PolicyFetch:
        async with policy_host(authority.issue(HOST, with_issuer=True), answer) as host:
            return await prober(ca_file, host.port).probe(HOST, HERE, timeout=timeout, path=path)

    return probe_host


async def test_a_good_host_is_seen_whole(probe: Probe) -> None:
    """Status, headers, body and chain are what a sender would meet."""
    fetch = await probe(response())

    assert fetch.failure is None
    assert (fetch.status, fetch.body, fetch.is_whole) == (200, BODY, True)
    assert fetch.header("content-type") == "text/plain"
    assert fetch.address == HERE
    assert fetch.user_agent == "mailseal/test"
    assert fetch.tls is not None
    assert fetch.tls.version == "TLSv1.3"
    assert fetch.tls.distrust == ""
    assert len(fetch.tls.chain) == 2


@pytest.mark.parametrize(
    ("make", "flaws"),
    [
        (lambda ca: ca.issue("other.example"), {Flaw.WRONG_NAME}),
        (lambda ca: ca.issue(HOST, start=in_days(-9), end=in_days(-2)), {Flaw.EXPIRED}),
        (lambda ca: ca.issue(HOST, is_self_signed=True), {Flaw.SELF_SIGNED}),
    ],
    ids=["wrong-name", "expired", "self-signed"],
)
async def test_a_bad_certificate_and_what_lies_behind_it_are_both_seen(
    authority: Authority,
    ca_file: str,
    make: Callable[[Authority], ssl.SSLContext],
    flaws: set[Flaw],
) -> None:
    """An owner with two faults is told of both at once."""
    async with policy_host(make(authority), response()) as host:
        fetch = await prober(ca_file, host.port).probe(HOST, HERE, timeout=LONG)

    assert fetch.body == BODY
    assert fetch.tls is not None
    problems = judge_chain(fetch.tls, HOST, datetime.now(UTC))
    assert {one.flaw for one in problems} == flaws


async def test_a_chain_of_strangers_is_not_trusted(stranger: Authority, ca_file: str) -> None:
    """The authorities are those of the configuration, not whoever has signed."""
    async with policy_host(stranger.issue(HOST), response()) as host:
        fetch = await prober(ca_file, host.port).probe(HOST, HERE, timeout=LONG)

    assert fetch.tls is not None
    assert fetch.tls.distrust == "unknown-ca"


@pytest.mark.parametrize("status", [201, 301, 403, 404, 500])
async def test_any_status_is_kept_with_its_body(probe: Probe, status: int) -> None:
    """The page behind a 404 tells whose hosting has lost its customer."""
    head = HEAD.replace(b"200 OK", b"%d X" % status) + b"Location: https://b.example/\r\n"
    fetch = await probe(response(b"<html>", head=head))

    assert (fetch.status, fetch.body, fetch.failure) == (status, b"<html>", None)
    assert fetch.header("location") == "https://b.example/"  # and nobody went there


async def test_another_path_and_another_name_are_asked_for(
    authority: Authority, ca_file: str
) -> None:
    """A second look goes elsewhere, or as somebody else; SNI stays the host's name."""
    async with policy_host(authority.issue(HOST), response()) as host:
        fetch = await prober(ca_file, host.port).probe(
            HOST, HERE, timeout=LONG, path="/mta-sts.txt", user_agent="Mozilla/5.0"
        )
    assert host.requests[0].startswith(b"GET /mta-sts.txt HTTP/1.1\r\n")
    assert b"User-Agent: Mozilla/5.0\r\n" in host.requests[0]
    assert host.server_names == [HOST]
    assert fetch.user_agent == "Mozilla/5.0"


# -- bounds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 80000\r\n\r\n", b"\r\n"], ids=["length", "eof"]
)
async def test_a_body_is_read_to_one_byte_beyond_the_limit(probe: Probe, framing: bytes) -> None:
    """What is too large is seen to be, and no more of it is kept."""
    fetch = await probe(HEAD + framing + b"x" * 80_000)

    assert len(fetch.body) == 65_537
    assert not fetch.is_whole
    assert fetch.failure is None


async def test_headers_are_bounded_and_printable(probe: Probe) -> None:
    """A server cannot fill the disk of whoever keeps evidence, nor colour his terminal."""
    many = b"".join(b"X-%d: y\r\n" % number for number in range(200))
    fetch = await probe(response(head=HEAD + b"X-Long: \x1b[31m" + b"z" * 5000 + b"\r\n" + many))

    assert len(fetch.headers) == MAX_HEADERS
    value = fetch.header("x-long")
    assert value is not None
    assert value.startswith("?[31mzz")
    assert len(value) == MAX_VALUE_CHARS


async def slow_drip(visit: Visit) -> None:
    """Send a byte now and then, for ever."""
    await visit.say(HEAD + b"Content-Length: 60000\r\n\r\n")
    while True:
        await visit.say(b"v")
        await asyncio.sleep(0.01)


async def silent(visit: Visit) -> None:
    """Say nothing at all."""
    await asyncio.Event().wait()


async def cut(visit: Visit) -> None:
    """End in the middle of the body, as anybody on the way can."""
    await visit.say(HEAD + b"Content-Length: 60000\r\n\r\nversion")
    visit.cut()


@pytest.mark.parametrize(
    ("answer", "trouble", "status", "timeout"),
    [
        (slow_drip, Trouble.TIMEOUT, 200, BEHIND_TLS),  # each byte is in time, the whole is not
        (silent, Trouble.TIMEOUT, None, BEHIND_TLS),
        (cut, Trouble.CLOSED, 200, LONG),
        (b"", Trouble.CLOSED, None, LONG),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", Trouble.PROTOCOL, None, LONG),  # not HTTP
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000, Trouble.PROTOCOL, None, LONG),  # a huge head
        (b"HTTP/1.1 103 X\r\n\r\n" * 20, Trouble.PROTOCOL, None, LONG),  # never the real one
    ],
    ids=["drip", "silent", "cut", "nothing", "ssh", "huge-head", "interim"],
)
async def test_bad_endings_are_failures_that_keep_what_came(
    probe: Probe,
    answer: bytes | Handler,
    trouble: Trouble,
    status: int | None,
    timeout: timedelta,
) -> None:
    """The handshake and the status stay known, whatever happened behind them."""
    fetch = await probe(answer, timeout=timeout)

    assert fetch.failure is not None
    assert fetch.failure.trouble is trouble
    assert fetch.status == status
    assert fetch.tls is not None
    assert not fetch.is_whole


# -- no TLS at all --------------------------------------------------------------------------


async def test_a_port_where_nothing_listens_is_refused(ca_file: str) -> None:
    """Refused is what the machine itself said, and no time-out."""
    async with policy_host(None, b"") as host:
        port = host.port
    fetch = await prober(ca_file, port).probe(HOST, HERE, timeout=LONG)

    assert fetch.failure == Failure(trouble=Trouble.REFUSED, reason="nothing listens there")
    assert fetch.tls is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EMFILE, Trouble.SKIPPED),  # our own limit, and no server that hangs up
        (errno.EPERM, Trouble.BLOCKED),  # this machine's firewall
        (errno.EHOSTUNREACH, Trouble.UNREACHABLE),
        (errno.ECONNRESET, Trouble.CLOSED),
    ],
)
async def test_what_keeps_this_machine_from_connecting_is_no_fault_of_the_host(
    ca_file: str, monkeypatch: pytest.MonkeyPatch, number: int, expected: Trouble
) -> None:
    """A connection that was never made was not closed by anybody."""

    async def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("mailseal.net.connecting.has_way_out", lambda family: True)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
    fetch = await prober(ca_file, 1).probe(HOST, HERE, timeout=LONG)

    assert fetch.failure is not None
    assert fetch.failure.trouble is expected


async def test_a_proxy_that_is_away_says_nothing_of_the_host(ca_file: str) -> None:
    """Nothing listens at the proxy; whether something does at the policy host is not known."""
    async with policy_host(None, b"") as host:
        port = host.port
    fetch = await prober(ca_file, 1, proxy=f"http://{HERE}:{port}").probe(HOST, HERE, timeout=LONG)

    assert fetch.failure == Failure(trouble=Trouble.UNREACHABLE, reason="proxy-unreachable")


class _NoTls(asyncio.Protocol):
    """Answers the first bytes of a handshake with something else, with an end, or not at all."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer:
            self._transport.write(self._answer)
        if self._answer is not None:
            self._transport.close()


@pytest.mark.parametrize(
    ("answer", "timeout", "expected"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", LONG, Trouble.TLS),  # a plain web server
        (b"", LONG, Trouble.CLOSED),  # a firewall that cuts connections off is no broken TLS
        (None, SHORT, Trouble.TIMEOUT),
    ],
    ids=["http", "close", "silent"],
)
async def test_without_a_handshake_there_is_a_reason(
    ca_file: str, answer: bytes | None, timeout: timedelta, expected: Trouble
) -> None:
    """TCP was fine, and what happened then is told apart."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: _NoTls(answer), HERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        fetch = await prober(ca_file, port).probe(HOST, HERE, timeout=timeout)

    assert fetch.failure is not None
    assert fetch.failure.trouble is expected
    assert "TCP" not in fetch.failure.reason
    assert fetch.tls is None


class _HangUp(asyncio.Protocol):
    """Closes every connection as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def test_a_host_that_hangs_up_at_once_has_closed_the_connection(ca_file: str) -> None:
    """The end may come before the handshake begins, which each event loop tells in its way."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(_HangUp, HERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        fetches = [await prober(ca_file, port).probe(HOST, HERE, timeout=LONG) for _ in range(8)]

    assert {fetch.failure.trouble for fetch in fetches if fetch.failure} == {Trouble.CLOSED}


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1"])
async def test_private_addresses_are_left_alone(ca_file: str, address: str) -> None:
    """A stranger's DNS does not make us knock at doors of our own network."""
    fetch = await prober(ca_file, 1, allow_private=False).probe(HOST, address, timeout=LONG)

    assert fetch.failure is not None
    assert fetch.failure.trouble is Trouble.SKIPPED


async def test_private_addresses_are_left_alone_unless_told_otherwise(ca_file: str) -> None:
    """Whoever forgets to say so has it so."""
    one = HttpsPolicyProber(trust=TrustStore(ca_file), clock=ManualClock(), user_agent="x", port=1)
    fetch = await one.probe(HOST, HERE, timeout=LONG)

    assert fetch.failure is not None
    assert fetch.failure.trouble is Trouble.SKIPPED


async def test_no_more_than_so_many_are_under_way(authority: Authority, ca_file: str) -> None:
    """Who waits in vain for a turn has asked nobody."""
    has_come = asyncio.Event()

    async def hold(visit: Visit) -> None:
        has_come.set()
        await silent(visit)

    async with policy_host(authority.issue(HOST), hold) as host:
        one = prober(ca_file, host.port, max_probes=1)
        first = asyncio.create_task(one.probe(HOST, HERE, timeout=LONG))
        await has_come.wait()
        second = await one.probe(HOST, HERE, timeout=SHORT)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    assert second.failure is not None
    assert second.failure.trouble is Trouble.SKIPPED
    assert host.connections == 1
