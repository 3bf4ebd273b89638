"""Whether a bare key has signed a certificate, for every kind of key, and what asking costs."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from mailseal.dane.effort import Effort
from mailseal.dane.trust import explain_refusal, is_signed_by
from tests.danegrid import END, NOW, START, keys

Signer = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
) | ed448.Ed448PrivateKey

MAKERS: dict[str, Callable[[], Signer]] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-odd": lambda: rsa.generate_private_key(65537, 2052),  # no whole octets
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
}


@cache
def signer(kind: str) -> Signer:
    """Make a key of a kind, once."""
    return MAKERS[kind]()


def spki(kind: str) -> bytes:
    """Return the public key as a record holds it."""
    return signer(kind).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@cache
def signed_by(kind: str, *, is_pss: bool = False) -> bytes:
    """Return a certificate that the key of a kind has signed."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signed")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(keys()["leaf"].private.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(END)
    )
    digest = None if kind.startswith("ed") else hashes.SHA256()
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32) if is_pss else None
    certificate = builder.sign(signer(kind), digest, rsa_padding=pss)
    return certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_key_of_any_kind_is_known_by_its_signature(kind: str) -> None:
    """For one signature's worth of work; not one octet of it may be another."""
    effort = Effort(2)
    damaged = signed_by(kind)[:-9] + bytes([signed_by(kind)[-9] ^ 1]) + signed_by(kind)[-8:]

    assert is_signed_by(signed_by(kind), spki(kind), effort) is True
    assert effort.spent == 1
    assert is_signed_by(damaged, spki(kind), effort) is False


def test_both_ways_of_rsa_to_sign_are_known() -> None:
    """PSS is rare in certificates, and as good."""
    assert is_signed_by(signed_by("rsa", is_pss=True), spki("rsa"), Effort(1)) is True


# These have signatures of one form: only the work of checking tells them apart.
ALIKE = ({"p256", "p384"}, {"ed25519", "ed448"})


@pytest.mark.parametrize(
    ("kind", "made_by"),
    [
        (kind, made_by)
        for kind in MAKERS
        for made_by in MAKERS
        if kind != made_by and {kind, made_by} not in ALIKE
    ],
)
def test_a_signature_that_the_key_cannot_have_made_costs_nothing(kind: str, made_by: str) -> None:
    """Of another kind or size; a record may hold any key, and there may be a hundred of them."""
    effort = Effort(1)

    assert is_signed_by(signed_by(made_by), spki(kind), effort) is False
    assert effort.spent == 0


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_beyond_the_effort_is_not_known(kind: str) -> None:
    """It is not taken for a signature of somebody else."""
    assert is_signed_by(signed_by(kind), spki(kind), Effort(0)) is None


@pytest.mark.parametrize("part", ["leaf", "anchor"])
def test_what_cannot_be_read_is_refused(part: str) -> None:
    """The reason says so; no library's error comes through."""
    parts = {"leaf": keys()["leaf"].der, "anchor": keys()["issuer"].der, part: b"\x30\x00"}

    refusal = explain_refusal(parts["leaf"], parts["anchor"], (), ("mx.cases.test",), NOW)

    assert refusal == "a certificate of the chain cannot be read"


def test_what_openssl_alone_can_read_is_refused() -> None:
    """Nobody here could tell whom the certificate is for, or until when it is good."""
    issuer = keys()["issuer"]
    tls_feature = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24")
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.cases.test")]))
        .issuer_name(issuer.certificate.subject)
        .public_key(keys()["leaf"].private.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.UnrecognizedExtension(tls_feature, b"\x04\x00"), critical=False)
        .sign(issuer.private, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )

    refusal = explain_refusal(leaf, issuer.der, (), ("mx.cases.test",), NOW)

    assert refusal == "a certificate of the chain cannot be read"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (START, ""),
        (START.replace(year=2019), "the server's certificate is not valid before 2020-01-01"),
        (END, ""),  # RFC 5280 §4.1.2.5: both ends belong to it
        (datetime(2090, 1, 1, 0, 0, 1, tzinfo=UTC), "the server's certificate expired on 2090-"),
    ],
)
def test_a_certificate_is_valid_from_its_first_instant_to_its_last(
    now: datetime, words: str
) -> None:
    """The reason has the day."""
    leaf, issuer = keys()["leaf"].der, keys()["issuer"].der

    refusal = explain_refusal(leaf, issuer, (), ("mx.cases.test",), now)

    assert refusal.startswith(words)
    assert bool(refusal) is bool(words)
