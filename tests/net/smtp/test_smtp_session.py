"""One look at an MX host, from the greeting to the EHLO within TLS (RFC 5321, RFC 3207)."""

import asyncio
import ssl
from datetime import timedelta

import pytest

from mailseal.checks.evidence import Stage, Trouble
from mailseal.net.smtp import NetSmtpProber
from mailseal.net.tls.trust import TrustStore
from mailseal.testing import ManualClock
from tests.net.pki import Authority, in_days
from tests.net.smtp.conftest import HOST, Look, new_prober
from tests.net.smtp.mxhost import EHLO, Act, Close, Drip, Endless, MxHost, Silent

LONG = timedelta(seconds=20)  # never reached: a failing test ends all the same


@pytest.fixture(scope="session")
def good(authority: Authority) -> ssl.SSLContext:
    """A certificate as it should be."""
    return authority.issue(HOST, with_issuer=True)


async def test_one_connection_shows_everything(look: Look, good: ssl.SSLContext) -> None:
    """Banner, extensions before and within TLS, version, cipher, chain and trust."""
    mx = MxHost(tls=good)

    session = await look(mx)

    assert session.failure is None
    assert session.stage is Stage.EHLO_AGAIN
    assert session.banner == "220 mx1.example.com ESMTP"
    assert session.extensions == ("PIPELINING", "SIZE 10240000", "STARTTLS")
    assert session.offers_starttls is True
    assert session.starttls_reply == "220 2.0.0 Ready"
    assert session.extensions_in_tls == ("PIPELINING", "REQUIRETLS")
    assert session.tls is not None
    assert (session.tls.version, session.tls.distrust) == ("TLSv1.3", "")
    assert len(session.tls.chain) == 2
    assert mx.connections == 1
    ehlo = b"EHLO checker.example.net"
    assert mx.commands[:3] == [ehlo, b"STARTTLS", ehlo]


async def test_a_server_without_starttls_is_left_politely(look: Look) -> None:
    """That it offers none is an observation, and the end of the session no failure."""
    session = await look(MxHost(ehlo=b"250-mx1.example.com\r\n250 SIZE\r\n"))

    assert (session.offers_starttls, session.failure) == (False, None)
    assert (session.stage, session.extensions) == (Stage.EHLO, ("SIZE",))


async def test_a_server_that_knows_no_ehlo_offers_no_tls(look: Look) -> None:
    """A sender says HELO to it and delivers in clear."""
    mx = MxHost(ehlo=b"502 5.5.1 what\r\n", acts={b"HELO": b"250 mx1.example.com\r\n"})

    session = await look(mx)

    assert (session.offers_starttls, session.failure) == (False, None)
    assert mx.commands[1] == b"HELO checker.example.net"


async def test_replies_of_many_lines_and_loose_ends_are_read(
    look: Look, good: ssl.SSLContext
) -> None:
    """A greeting may have many lines, too; LF alone, lower case and a bare code are met with."""
    mx = MxHost(
        tls=good,
        greeting=b"220-mx1.example.com ESMTP\n220-be good\n220 \n",
        ehlo=b"250-mx1\n250-starttls\n250-\n250\n",
        starttls=b"220-go\r\n220 ahead\r\n",
        ehlo_in_tls=b"250-mx1\r\n250-A\r\n250 B\r\n",
    )

    session = await look(mx)

    assert session.failure is None
    assert session.banner == "220 mx1.example.com ESMTP be good"
    assert session.offers_starttls is True
    assert session.extensions_in_tls == ("A", "B")


async def test_odd_bytes_come_as_question_marks(look: Look) -> None:
    """Nothing that could act on a terminal or in a page is kept."""
    session = await look(MxHost(greeting=b"220 m\0x\x1b[31m \xff\xfe\r\n", ehlo=b"250 mx\r\n"))

    assert session.banner == "220 m?x?[31m ??"
    assert session.offers_starttls is False


STAGES = ("greeting", "ehlo", "starttls", "ehlo_in_tls")
COMPLETED = (Stage.CONNECTED, Stage.GREETED, Stage.EHLO, Stage.TLS)


@pytest.mark.parametrize(("field", "stage"), [*zip(STAGES, COMPLETED, strict=True)])
@pytest.mark.parametrize(
    ("act", "trouble", "code"),
    [
        (b"421 4.7.0 too many connections\r\n", Trouble.BUSY, 421),
        (Close(b"421-4.7.0 too many\r\n421 connections\r\n"), Trouble.BUSY, 421),
        (b"450 4.3.2 greylisted\r\n", Trouble.BUSY, 450),
        (b"454 4.7.0 TLS not available\r\n", Trouble.BUSY, 454),
        (b"554 5.7.1 go away\r\n", Trouble.REJECTED, 554),
        (b"333 what\r\n", Trouble.PROTOCOL, 333),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Trouble.PROTOCOL, None),
        (b"\0\0\0\0\n", Trouble.PROTOCOL, None),
        (b"2200 far out\r\n", Trouble.PROTOCOL, None),
        (b"220-" + b"x" * 2050 + b"\r\n", Trouble.PROTOCOL, None),  # a line over 2 KiB
        (Endless(b"220-more\r\n"), Trouble.PROTOCOL, None),  # over 100 lines
        (Endless(b"2" * 65_536), Trouble.PROTOCOL, None),  # a line of 64 KiB and more
        (Close(), Trouble.CLOSED, None),
        (Close(b"220-half a re"), Trouble.CLOSED, None),
        (Silent(), Trouble.TIMEOUT, None),
        (Silent(b"220-half a reply\r\n220"), Trouble.TIMEOUT, None),
    ],
)
async def test_what_a_server_does_in_place_of_its_answer_ends_the_session(
    look: Look,
    good: ssl.SSLContext,
    field: str,
    stage: Stage,
    act: Act,
    trouble: Trouble,
    code: int | None,
) -> None:
    """Every misbehaviour at every stage is told as what it is, and never as "no STARTTLS"."""
    mx = MxHost(tls=good)
    setattr(mx, field, act)

    session = await look(mx)

    assert session.failure is not None
    assert (session.stage, session.failure.trouble) == (stage, trouble)
    assert session.failure.code == code
    assert session.failure.reason.isprintable()
    assert session.offers_starttls is (None if field in ("greeting", "ehlo") else True)
    assert (session.tls is not None) is (field == "ehlo_in_tls")
    assert mx.connections == 1


@pytest.mark.parametrize("field", STAGES)
async def test_who_hangs_up_is_named_as_that(look: Look, good: ssl.SSLContext, field: str) -> None:
    """And what was waited for when it happened."""
    mx = MxHost(tls=good)
    setattr(mx, field, Close())

    session = await look(mx)

    assert session.failure is not None
    assert session.failure.reason.startswith("the connection was closed before the ")


@pytest.mark.parametrize("is_deep", [False, True])
async def test_who_misbehaves_is_left_and_not_asked_again(
    prober: NetSmtpProber, good: ssl.SSLContext, is_deep: bool
) -> None:
    """Even where more was wanted: no connection is left open, and no other one is made."""
    mx = MxHost(tls=good, ehlo_in_tls=b"SSH-2.0-OpenSSH_9.2\r\n")

    async with mx.running() as port:
        session = await prober.probe(HOST, "127.0.0.1", timeout=LONG, port=port, is_deep=is_deep)
        async with asyncio.timeout(LONG.total_seconds()):
            await mx.is_left()

    assert session.failure is not None
    assert mx.connections == 1


async def test_a_probe_that_is_called_off_ends_with_its_connection(
    prober: NetSmtpProber, good: ssl.SSLContext
) -> None:
    """Cancellation passes through, and the server is not left waiting."""
    has_come = asyncio.Event()
    good.sni_callback = lambda *_: has_come.set()
    mx = MxHost(tls=good, ehlo_in_tls=b"250-never ends\r\n")
    try:
        async with mx.running() as port:
            probing = asyncio.create_task(prober.probe(HOST, "127.0.0.1", timeout=LONG, port=port))
            await has_come.wait()
            probing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probing
            async with asyncio.timeout(LONG.total_seconds()):
                await mx.is_left()
    finally:
        good.sni_callback = None


async def test_nobody_waits_for_long_for_the_answer_to_quit(
    trust: TrustStore, good: ssl.SSLContext
) -> None:
    """All has been seen by then, and what was seen is no failure."""
    mx = MxHost(tls=good, acts={b"QUIT": Silent()})
    patient = new_prober(trust, step_timeout=LONG)

    async with asyncio.timeout(LONG.total_seconds() / 2), mx.running() as port:
        session = await patient.probe(HOST, "127.0.0.1", timeout=LONG, port=port)

    assert (session.stage, session.failure) == (Stage.EHLO_AGAIN, None)


async def test_a_slow_drip_ends(look: Look) -> None:
    """A byte now and then does not keep a session alive: the time is for the whole answer."""
    session = await look(MxHost(greeting=Drip(b"220-drip\r\n")))

    assert session.failure is not None
    assert session.failure.trouble is Trouble.TIMEOUT


async def test_the_caller_sets_the_end_of_everything(
    trust: TrustStore, good: ssl.SSLContext
) -> None:
    """Steps that each keep their time cannot add up to more than the caller waits."""
    patient = NetSmtpProber(
        trust=trust, clock=ManualClock(), ehlo_name="a.example", allow_private=True
    )
    mx = MxHost(tls=good, ehlo=Silent())

    async with mx.running() as port:
        session = await patient.probe(
            HOST, "127.0.0.1", timeout=timedelta(milliseconds=200), port=port
        )

    assert session.failure is not None
    assert session.failure.trouble is Trouble.TIMEOUT
    assert session.failure.reason.startswith("no answer to EHLO within 0.")


async def test_bytes_behind_the_220_never_pass_for_tls(look: Look, good: ssl.SSLContext) -> None:
    """Whoever is on the way could have put them there (CVE-2011-0411, the client's side)."""
    session = await look(MxHost(tls=good, starttls=b"220 go\r\n250-mx1\r\n250 INJECTED\r\n"))

    assert session.failure is not None
    assert (session.stage, session.failure.trouble) == (Stage.STARTTLS, Trouble.PROTOCOL)
    assert "in clear followed the 220" in session.failure.reason
    assert session.extensions_in_tls == ()


@pytest.mark.parametrize(
    ("act", "trouble"),
    [
        (b"\0garbage in place of a handshake", Trouble.TLS),
        (Endless(b"x" * 10_000), Trouble.TLS),
        (Endless(b"\x16\x03\x03\x40\x00" + b"\0" * 16_384), Trouble.PROTOCOL),  # without end
        (Close(), Trouble.CLOSED),
        (Silent(), Trouble.TIMEOUT),
    ],
)
async def test_a_handshake_that_is_none_ends_the_session(
    look: Look, act: Act, trouble: Trouble
) -> None:
    """The server offers STARTTLS all the same, and says so."""
    session = await look(MxHost(tls=act))

    assert session.failure is not None
    assert (session.stage, session.failure.trouble) == (Stage.STARTTLS, trouble)
    assert (session.offers_starttls, session.tls) == (True, None)


async def test_a_bad_certificate_is_seen_and_told(
    look: Look, authority: Authority, stranger: Authority
) -> None:
    """The session goes on: what the certificate is worth is for the checks to say."""
    middle = Authority("Middle", authority.ca_path.parent, parent=authority)
    cases = {
        "expired": authority.issue(HOST, end=in_days(-2), start=in_days(-9)),
        "not-yet-valid": authority.issue(HOST, start=in_days(2)),
        "self-signed": authority.issue(HOST, common_name=HOST, is_self_signed=True),
        "unknown-ca": stranger.issue(HOST),
        "incomplete-chain": middle.issue(HOST, issuer_url="http://ca.example/middle.crt"),
        "": authority.issue("other.example"),  # names are compared elsewhere
    }
    for word, context in cases.items():
        session = await look(MxHost(tls=context))
        assert session.stage is Stage.EHLO_AGAIN
        assert session.tls is not None
        assert session.tls.distrust == word


@pytest.mark.parametrize("label", ["{}.de", "mx{}.a-long-name-of-a-customer.example.com"])
async def test_a_certificate_with_ten_thousand_names_is_bounded(
    look: Look, authority: Authority, label: str
) -> None:
    """Up to 100 KiB it is read like any other; OpenSSL refuses what is longer."""
    context = authority.issue(*(label.format(number) for number in range(10_000)))

    session = await look(MxHost(tls=context))

    if session.failure is None:
        assert session.tls is not None
        assert sum(map(len, session.tls.chain)) <= 102_400
    else:
        assert session.failure.trouble is Trouble.TLS
        assert session.failure.reason == "excessive-message-size"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_a_server_of_long_ago_has_tls(look: Look, authority: Authority) -> None:
    """TLS 1.0 only: seen as old, and not as a server without TLS."""
    context = authority.issue(HOST)
    context.maximum_version = ssl.TLSVersion.TLSv1
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")

    session = await look(MxHost(tls=context))

    assert session.tls is not None
    assert (session.tls.version, session.stage) == ("TLSv1", Stage.EHLO_AGAIN)


async def test_the_host_is_named_in_the_handshake(look: Look, good: ssl.SSLContext) -> None:
    """SNI is the MX host's name (RFC 8461 §4.2, RFC 7672 §8.1)."""
    seen: list[str | None] = []
    good.sni_callback = lambda _, name, __: seen.append(name)
    try:
        await look(MxHost(tls=good))
    finally:
        good.sni_callback = None

    assert seen == [HOST]


def test_the_reply_of_the_example_has_starttls() -> None:
    """The tests' own host is as it should be, or they would show nothing."""
    assert EHLO.endswith(b"STARTTLS\r\n")
