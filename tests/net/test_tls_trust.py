"""What a chain is worth to senders, judged after the handshake (RFC 8461 §6)."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import KeyUsage, ObjectIdentifier, load_pem_x509_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailseal.net.tls.context import build_observing_context
from mailseal.net.tls.facts import read_chain, read_tls
from mailseal.net.tls.trust import TrustStore, TrustStoreError
from mailseal.testing.certificates import make_chain
from tests.net.pki import Authority, in_days

HOST = "mx1.example.com"
KEY_USES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
AIA = "http://ca.example/issuer.crt"


@pytest.fixture
def root(tmp_path: Path) -> Authority:
    """Return an authority that is trusted."""
    return Authority("Root", tmp_path)


@pytest.fixture
def store(root: Authority) -> TrustStore:
    """Return a store with that authority alone."""
    return TrustStore(str(root.ca_path))


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Do a handshake in memory and return the client's side."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=HOST)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    is_done = {ours: False, theirs: False}
    while not all(is_done.values()):
        for side in is_done:
            try:
                side.do_handshake()
                is_done[side] = True
            except ssl.SSLWantReadError:
                pass
    return ours


def chain_of(server: ssl.SSLContext) -> tuple[bytes, ...]:
    """Return the chain that a server with this context shows."""
    context = build_observing_context()
    tls = shake_hands(server, context)
    return read_chain(tls)


def as_der(path: Path) -> bytes:
    """Return the first certificate of a PEM file as DER."""
    return load_pem_x509_certificates(path.read_bytes())[0].public_bytes(Encoding.DER)


def test_a_handshake_tells_version_cipher_chain_and_verdict(
    root: Authority, store: TrustStore
) -> None:
    """All that the evidence keeps of a handshake is read from the finished connection."""
    tls = shake_hands(root.issue(HOST, with_issuer=True), build_observing_context())

    facts = read_tls(tls, store)

    assert facts.version == "TLSv1.3"
    assert facts.cipher.startswith("TLS_")
    assert facts.chain[1] == as_der(root.ca_path)
    assert len(facts.chain) == 2
    assert facts.distrust == ""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_old_server_is_seen_as_old(
    root: Authority, store: TrustStore, version: ssl.TLSVersion
) -> None:
    """A server without TLS 1.2 has TLS; what senders think of it is for the checks to say."""
    server = root.issue(HOST)
    server.minimum_version = server.maximum_version = version
    server.set_ciphers("DEFAULT:@SECLEVEL=0")

    facts = read_tls(shake_hands(server, build_observing_context()), store)

    assert facts.version == {769: "TLSv1", 770: "TLSv1.1"}[version]


def test_a_good_chain_is_trusted_whatever_its_names(root: Authority, store: TrustStore) -> None:
    """Names are compared elsewhere: a chain for another host is as good as any."""
    assert store.judge(chain_of(root.issue("other.example"))) == ""


def test_every_defect_has_its_word(root: Authority, store: TrustStore, tmp_path: Path) -> None:
    """One defect each: the word says what the owner has to mend."""
    stranger = Authority("Stranger", tmp_path)
    middle = Authority("Middle", tmp_path, parent=root)
    foreign_middle = Authority("Foreign Middle", tmp_path, parent=stranger)
    cases = {
        "expired": root.issue(HOST, start=in_days(-9), end=in_days(-2)),
        "not-yet-valid": root.issue(HOST, start=in_days(2)),
        "self-signed": root.issue(HOST, common_name=HOST, is_self_signed=True),
        "incomplete-chain": middle.issue(HOST, issuer_url=AIA),
        "unknown-ca": stranger.issue(HOST),
    }

    assert {word: store.judge(chain_of(server)) for word, server in cases.items()} == {
        word: word for word in cases
    }
    assert store.judge(chain_of(middle.issue(HOST, issuer_url=AIA, with_issuer=True))) == ""
    complete = foreign_middle.issue(HOST, issuer_url=AIA, with_issuer=True)
    assert store.judge(chain_of(complete)) == "unknown-ca"  # nothing is missing but trust


def test_what_is_no_chain_has_a_word_too(store: TrustStore) -> None:
    """No certificate and an unreadable one are told from an untrusted one."""
    assert store.judge(()) == "no-certificate"
    assert store.judge((b"\x30\x03abc",)) == "unreadable"
    assert store.judge((make_chain((HOST,))[0], b"")) == "unreadable"


@pytest.mark.parametrize(
    ("usages", "verdict"),
    [
        ([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], ""),
        # OpenSSL takes "any" for none: the grid of TLSA records and chains holds us to that.
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], "unsuitable-certificate-purpose"),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], "unsuitable-certificate-purpose"),
    ],
)
def test_a_certificate_must_be_for_servers(
    root: Authority, store: TrustStore, usages: list[ObjectIdentifier], verdict: str
) -> None:
    """Senders refuse one that names its uses without this one (RFC 5280 §4.2.1.12)."""
    assert store.judge((as_der(root.issue_files(HOST, usages=usages)),)) == verdict


@pytest.mark.parametrize(
    ("use", "verdict"),
    [
        ("digital_signature", ""),
        ("key_encipherment", ""),
        ("key_agreement", ""),
        ("crl_sign", "unsuitable-certificate-purpose"),
    ],
)
def test_a_key_must_be_for_tls(root: Authority, store: TrustStore, use: str, verdict: str) -> None:
    """A key that may only sign lists proves nothing in a handshake (RFC 5280 §4.2.1.3).

    A client that verifies within the handshake is of the same mind.
    """
    path = root.issue_files(HOST, key_usage=KeyUsage(**{name: name == use for name in KEY_USES}))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)

    assert store.judge((as_der(path),)) == verdict
    client = ssl.create_default_context(cafile=str(root.ca_path))
    if use == "digital_signature":
        shake_hands(server, client)
    if verdict:
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate purpose"):
            shake_hands(server, client)


def test_a_verdict_is_remembered_and_renewed_within_the_hour(root: Authority) -> None:
    """Hosts that share a certificate cost one verification; a new authority counts in an hour."""
    now = [0.0]
    store = TrustStore(str(root.ca_path), monotonic=lambda: now[0])
    chain = chain_of(root.issue(HOST))
    stranger = Authority("Stranger", root.ca_path.parent)
    assert store.judge(chain) == ""

    root.ca_path.write_bytes(stranger.ca_path.read_bytes())
    now[0] = timedelta(minutes=59).total_seconds()
    assert store.judge(chain) == ""
    now[0] = timedelta(minutes=61).total_seconds()
    assert store.judge(chain) == "unknown-ca"


def test_authorities_that_are_being_replaced_count_on(root: Authority) -> None:
    """A file that is gone at the hour does not make all the world untrusted."""
    now = [0.0]
    store = TrustStore(str(root.ca_path), monotonic=lambda: now[0])
    chain = chain_of(root.issue(HOST))

    root.ca_path.unlink()
    now[0] = 4000.0

    assert store.judge(chain) == ""


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_a_file_without_authorities_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Without authorities every server would be told to be broken."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(TrustStoreError, match=r"ca\.pem"):
        TrustStore(str(path))
