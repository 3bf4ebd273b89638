"""What more connections to one address show, one after another."""

import ssl
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mailseal.checks.evidence import DeepSmtp, Failure, Stage, Trouble
from mailseal.net.smtp.deep import DeepLook, Talk
from mailseal.net.smtp.dialogue import Notes
from mailseal.testing.evidence import session
from tests.net.pki import Authority
from tests.net.smtp.conftest import HOST, Look
from tests.net.smtp.mxhost import Act, Close, MxHost, Silent

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")


async def test_a_good_server_has_nothing_to_hide(look: Look, authority: Authority) -> None:
    """No old version, the same chain without SNI, one kind of key, nothing run from before TLS."""
    mx = MxHost(tls=authority.issue(HOST))

    seen = await look(mx, is_deep=True)

    assert seen.failure is None
    assert seen.tls is not None
    assert seen.deep == DeepSmtp(
        old_versions=(),
        chain_without_sni=seen.tls.chain,
        other_chain=None,  # the tests' server hangs up without a word
        runs_injected=False,
    )
    assert (mx.connections, mx.most_at_once) == (5, 1)


async def test_old_versions_are_found(look: Look, authority: Authority) -> None:
    """A server that speaks TLS 1.3 as well may still take TLS 1.0."""
    context = authority.issue(HOST)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")

    seen = await look(MxHost(tls=context), is_deep=True)

    assert seen.tls is not None
    assert seen.tls.version == "TLSv1.3"
    assert seen.deep is not None
    assert seen.deep.old_versions == ("TLSv1", "TLSv1.1")


async def test_a_command_from_before_tls_that_is_run_is_noticed(
    look: Look, authority: Authority
) -> None:
    """The server answers within TLS what was said in clear (RFC 3207 §6, CVE-2011-0411)."""
    mx = MxHost(tls=authority.issue(HOST), runs_injected=True)

    seen = await look(mx, is_deep=True)

    assert seen.deep is not None
    assert seen.deep.runs_injected is True


async def test_the_other_kind_of_key_has_a_chain_of_its_own(
    look: Look, authority: Authority, both_keys: ssl.SSLContext
) -> None:
    """DANE and the authorities are to hold for RSA and ECDSA alike."""
    seen = await look(MxHost(tls=both_keys), is_deep=True)

    assert seen.tls is not None
    assert seen.deep is not None
    assert seen.deep.other_chain
    assert seen.deep.other_chain[0] != seen.tls.chain[0]


async def test_a_server_with_tls_1_3_alone_leaves_the_other_key_open(
    look: Look, authority: Authority
) -> None:
    """The kind of key can be asked for in TLS 1.2 only; nothing learnt is no absence."""
    context = authority.issue(HOST)
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    seen = await look(MxHost(tls=context), is_deep=True)

    assert seen.deep is not None
    assert (seen.deep.old_versions, seen.deep.other_chain) == ((), None)


@pytest.mark.parametrize(
    ("worse", "trouble"),
    [
        (b"421 4.7.0 too many connections\r\n", Trouble.BUSY),
        (b"450 later\r\n", Trouble.BUSY),
        (b"554 no\r\n", Trouble.REJECTED),
        (Close(), Trouble.CLOSED),
        (Silent(), Trouble.TIMEOUT),
    ],
)
async def test_who_has_had_enough_is_not_asked_again(
    look: Look, authority: Authority, worse: Act, trouble: Trouble
) -> None:
    """The first session stands as it was; what was not found out is None, and why is told."""
    mx = MxHost(tls=authority.issue(HOST), worse=worse)

    seen = await look(mx, is_deep=True)

    assert mx.connections == 2
    assert seen.failure is None
    assert seen.deep is not None
    assert seen.deep.stopped_by is not None
    assert seen.deep.stopped_by.trouble is trouble
    assert replace(seen.deep, stopped_by=None) == DeepSmtp()


async def test_a_session_that_failed_is_not_gone_into(look: Look) -> None:
    """Who is busy at the first connection gets no second one."""
    mx = MxHost(greeting=b"421 busy\r\n")

    seen = await look(mx, is_deep=True)

    assert seen.failure is not None
    assert seen.failure.trouble is Trouble.BUSY
    assert (mx.connections, seen.deep) == (1, None)


@pytest.mark.parametrize(
    ("alert", "chain"),
    [
        ("sslv3-alert-handshake-failure", ()),  # no cipher with such a key: there is none
        ("tlsv1-alert-protocol-version", None),  # TLS 1.3 alone: nobody knows
        ("no-protocols-available", None),  # our own OpenSSL cannot ask
    ],
)
async def test_an_alert_says_whether_there_is_another_key(
    alert: str, chain: tuple[bytes, ...] | None
) -> None:
    """Only what means "no such key" is an absence."""

    async def hold(talk: Talk) -> Notes:
        failure = Failure(trouble=Trouble.TLS, reason=alert)
        return Notes(stage=Stage.STARTTLS, offers_starttls=True, failure=failure)

    completed = await DeepLook().complete(session(), hold)

    assert completed.deep is not None
    assert completed.deep.other_chain == chain
    assert completed.deep.old_versions == (None if alert == "no-protocols-available" else ())


@pytest.fixture
def both_keys(authority: Authority) -> ssl.SSLContext:
    """A server's context with an ECDSA and an RSA certificate."""
    context = authority.issue(HOST)
    other = authority.issue_files(HOST, key=rsa.generate_private_key(65537, 2048))
    context.load_cert_chain(other)
    return context
