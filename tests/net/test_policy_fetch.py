"""What a policy fetch makes of the things a policy host may say (RFC 8461 §3.2, §3.3)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from mailseal.certs import read_certificate
from mailseal.names import Domain
from mailseal.net.https import HttpsPolicyFetcher
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.results import ResultType
from mailseal.testing import FakeDns
from tests.net.pki import Authority
from tests.net.policyhost import BODY, HEAD, Handler, Visit, policy_host, response

DOMAIN = Domain("example.com")
HOST = "mta-sts.example.com"
LONG = timedelta(seconds=20)  # never reached: a failing test ends all the same
SHORT = timedelta(milliseconds=150)

Fetch = Callable[..., Awaitable[PolicyFetched | PolicyFetchFailed]]


@pytest.fixture
def fetch(authority: Authority, ca_file: str) -> Fetch:
    """Fetch the policy of example.com from a host that answers with given bytes."""

    async def fetch_from(
        answer: bytes | Handler, *, timeout: timedelta = LONG, require_text_plain: bool = True
    ) -> PolicyFetched | PolicyFetchFailed:
        dns = FakeDns()
        dns.a(HOST, "127.0.0.1")
        async with policy_host(authority.issue(HOST), answer) as host:
            fetcher = HttpsPolicyFetcher(
                dns,
                ca_file=ca_file,
                allow_private=True,
                port=host.port,
                require_text_plain=require_text_plain,
            )
            return await fetcher.fetch(DOMAIN, timeout=timeout)

    return fetch_from


def failed(result: ResultType, reason: str) -> tuple[ResultType, str]:
    return result, reason


async def test_a_policy_is_fetched_with_its_certificate(fetch: Fetch) -> None:
    """The body is handed over as served, with who served it (RFC 8461 §3.3)."""
    outcome = await fetch(response())
    assert isinstance(outcome, PolicyFetched)
    assert outcome.body == BODY
    assert outcome.content_type == "text/plain"
    assert outcome.address == "127.0.0.1"
    assert outcome.certificate is not None
    assert read_certificate(outcome.certificate).names == (HOST,)


async def test_the_request_is_the_plain_one(authority: Authority, ca_file: str) -> None:
    """Path, Host and SNI are fixed; no cookie, condition, credential or Referer is sent."""
    dns = FakeDns()
    dns.a("mta-sts.xn--bcher-kva.example", "127.0.0.1")
    context = authority.issue("mta-sts.xn--bcher-kva.example")
    async with policy_host(context, response()) as host:
        fetcher = HttpsPolicyFetcher(dns, ca_file=ca_file, allow_private=True, port=host.port)
        outcome = await fetcher.fetch(Domain.parse("bücher.example"), timeout=LONG)
    assert isinstance(outcome, PolicyFetched)
    lines = host.requests[0].decode().lower().split("\r\n")
    assert lines[0] == "get /.well-known/mta-sts.txt http/1.1"
    assert {line.partition(":")[0] for line in lines[1:] if line} == {
        "host", "user-agent", "accept", "accept-encoding", "connection",
    }  # fmt: skip
    assert "host: mta-sts.xn--bcher-kva.example" in lines
    assert "accept-encoding: identity" in lines
    assert host.server_names == ["mta-sts.xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "answer",
    [
        response(),
        HEAD + b"\r\n" + BODY,  # no length: the body ends with TLS
        HEAD.replace(b"1.1", b"1.0") + b"\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nversi\r\n%x;ext=1\r\n" % (len(BODY) - 5)
        + BODY[5:] + b"\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(),
        response() + b"HTTP/1.1 500 what was not asked for\r\n\r\n",
        response(head=HEAD + b"Alt-Svc: h3=\":443\"\r\nCache-Control: max-age=86400\r\n"),
        response(head=HEAD + b"Content-Encoding: identity\r\n"),
    ],
    ids=["length", "eof", "http-1.0", "chunked", "early-hints", "pipelined", "alt-svc", "identity"],
)  # fmt: skip
async def test_every_framing_of_http_is_read(fetch: Fetch, answer: bytes) -> None:
    """A body has a length, chunks, or TLS's own end; all give the same bytes."""
    outcome = await fetch(answer)
    assert isinstance(outcome, PolicyFetched), outcome
    assert outcome.body == BODY


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 400, 404, 410, 418, 500, 503])
async def test_only_200_gives_a_policy(fetch: Fetch, status: int) -> None:
    """Any other status is a failed fetch, however good the body (RFC 8461 §3.3)."""
    outcome = await fetch(response(head=HEAD.replace(b"200 OK", b"%d X" % status)))
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_POLICY_FETCH_ERROR
    assert outcome.reason == f"http-{status}"
    assert outcome.certificate is not None


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_redirects_are_named_and_never_followed(fetch: Fetch, status: int) -> None:
    """RFC 8461 §3.3: HTTP 3xx redirects MUST NOT be followed."""
    head = HEAD.replace(b"200 OK", b"%d X" % status) + b"Location: https://b.example/\x80p\r\n"
    outcome = await fetch(response(head=head))
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_POLICY_FETCH_ERROR
    assert outcome.reason == f"http-redirect-{status}: https://b.example/?p"


@pytest.mark.parametrize("framing", ["length", "chunked", "eof"])
@pytest.mark.parametrize(("size", "is_fetched"), [(65_536, True), (65_537, False)])
async def test_a_body_has_64_kib_at_most(
    fetch: Fetch, framing: str, size: int, is_fetched: bool
) -> None:
    """The limit counts bytes of the body, whatever the framing says (RFC 8461 §3.3)."""
    body = b"x" * size
    match framing:
        case "length":
            answer = response(body)
        case "chunked":
            answer = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size + body
            answer += b"\r\n0\r\n\r\n"
        case _:
            answer = HEAD + b"\r\n" + body
    outcome = await fetch(answer)
    if is_fetched:
        assert isinstance(outcome, PolicyFetched), outcome
        assert outcome.body == body
    else:
        assert isinstance(outcome, PolicyFetchFailed)
        assert outcome.reason == "body-too-large"


@pytest.mark.parametrize(
    ("content_type", "is_accepted"),
    [
        (b"Content-Type: text/plain; charset=UTF-8; foo=bar\r\n", True),
        (b'content-type: TEXT/PLAIN;charset="us-ascii"\r\n', True),
        (b"Content-Type: text/plain ; charset=utf-16\r\n", True),  # parameters mean nothing
        (b"Content-Type: text/html\r\n", False),  # a page, perhaps somebody's upload
        (b"Content-Type: application/octet-stream\r\n", False),
        (b"Content-Type: text/plainer\r\n", False),
        (b"Content-Type: text/plain, text/html\r\n", False),  # two of them
        (b"Content-Type: text/plain\r\nContent-Type: text/html\r\n", False),  # likewise
        (b"Content-Type:\r\n", False),
        (b"", False),
    ],
)
async def test_the_media_type_is_text_plain(
    fetch: Fetch, content_type: bytes, is_accepted: bool
) -> None:
    """Anything else is no policy, unless the operator switches that off (RFC 8461 §3.2)."""
    answer = response(head=b"HTTP/1.1 200 OK\r\n" + content_type)
    outcome = await fetch(answer)
    if is_accepted:
        assert isinstance(outcome, PolicyFetched), outcome
    else:
        assert isinstance(outcome, PolicyFetchFailed)
        assert outcome.result is ResultType.STS_POLICY_INVALID
        assert outcome.reason.startswith("content-type: ")
    assert isinstance(await fetch(answer, require_text_plain=False), PolicyFetched)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (response(head=HEAD + b"Content-Encoding: gzip\r\n"), "content-encoding: gzip"),
        (response(head=HEAD + b"Content-Encoding: identity\r\nContent-Encoding: br\r\n"),
         "content-encoding: identity, br"),
        (HEAD + b"Content-Length: 9999999\r\n\r\n" + BODY, "body-too-large"),
        (HEAD + b"Content-Length: 500\r\n\r\n" + BODY, "connection-closed-early"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nversi\r\n", "connection-closed-early"),
        (HEAD, "connection-closed-early"),
        (b"HTT", "connection-closed-early"),
        (b"", "connection-closed-early"),
        (HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n" + BODY, "http-head-too-large"),
        (HEAD + b"X: y\r\n" * 10_000 + b"\r\n" + BODY, "http-head-too-large"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + response(), "http-100"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5000, "too-many-chunks"),
    ],
    ids=["gzip", "two-encodings", "declared-too-large", "short", "cut-chunks", "only-head",
         "begun", "nothing", "long-header", "many-headers", "endless-100", "tiny-chunks"],
)  # fmt: skip
async def test_bad_answers_have_their_own_reasons(fetch: Fetch, answer: bytes, reason: str) -> None:
    """An operator reads from the reason what to tell the policy host's owner."""
    outcome = await fetch(answer)
    assert isinstance(outcome, PolicyFetchFailed)
    assert (outcome.result, outcome.reason) == (ResultType.STS_POLICY_FETCH_ERROR, reason)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",  # and the end: no half of a response
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",  # we asked for none
        HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + BODY,  # smuggling
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + BODY,
        HEAD + b"Bad Header: x\r\n\r\n" + BODY,
    ],
)
async def test_what_is_not_http_is_malformed(fetch: Fetch, answer: bytes) -> None:
    """Bytes that are no HTTP/1 end the fetch."""
    outcome = await fetch(answer)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.result is ResultType.STS_POLICY_FETCH_ERROR
    assert outcome.reason == "http-malformed"


async def test_a_cut_body_without_a_length_is_no_policy(fetch: Fetch) -> None:
    """Whoever can end a TCP connection could else cut the last lines off a policy."""

    async def cut(visit: Visit) -> None:
        await visit.say(HEAD + b"\r\n" + BODY[:40])
        visit.cut()
        await visit.reader.read()

    outcome = await fetch(cut)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "connection-closed-early"


async def test_a_complete_body_needs_no_polite_end(fetch: Fetch) -> None:
    """With a length, what comes after the last byte does not matter."""

    async def stay_open(visit: Visit) -> None:
        await visit.say(response())
        await visit.reader.read()

    assert isinstance(await fetch(stay_open), PolicyFetched)


async def test_a_slow_drip_is_cut_at_the_total_deadline(fetch: Fetch) -> None:
    """The time limit is on the whole fetch, not on each read (RFC 8461 §3.3)."""

    async def drip(visit: Visit) -> None:
        await visit.say(HEAD + b"\r\n")
        while True:
            await visit.say(b"x")
            await asyncio.sleep(0.005)

    outcome = await fetch(drip, timeout=SHORT)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "timeout-http"


async def test_a_silent_host_is_given_up_at_the_deadline(fetch: Fetch) -> None:
    """A host that takes the request and says nothing costs its time and no more."""

    async def wait(visit: Visit) -> None:
        await visit.reader.read()

    outcome = await fetch(wait, timeout=SHORT)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason == "timeout-http"


async def test_a_flood_is_not_read_to_its_end(fetch: Fetch) -> None:
    """A body without end is dropped behind the limit."""

    async def flood(visit: Visit) -> None:
        await visit.say(HEAD + b"\r\n")
        while True:
            await visit.say(b"x" * 65_536)

    outcome = await fetch(flood)
    assert isinstance(outcome, PolicyFetchFailed)
    assert outcome.reason in {"body-too-large", "response-too-large"}
