"""Certificates for tests: chains of a root, an issuer and a leaf, as DER, quickly made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@cache
def _key(which: str) -> ec.EllipticCurvePrivateKey:
    del which  # it is what the cache tells keys apart by
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _authorities() -> tuple[_Authority, _Authority]:
    root = _sign("Test Root", "Test Root", _key("root"), _key("root"), is_authority=True)
    issuer = _sign("Test Issuer", "Test Root", _key("issuer"), _key("root"), is_authority=True)
    return _Authority(root, _key("root")), _Authority(issuer, _key("issuer"))


@cache
def make_chain(
    names: tuple[str, ...],
    *,
    not_before: datetime = EPOCH,
    not_after: datetime = EPOCH + timedelta(days=3650),
    key: str = "leaf",
    has_root: bool = False,
    is_self_signed: bool = False,
) -> tuple[bytes, ...]:
    """Return a chain, leaf first, for DNS names; ``key`` tells one key pair from another."""
    root, issuer = _authorities()
    signer = _key(key) if is_self_signed else issuer.key
    issuer_name = names[0] if is_self_signed and names else "Test Issuer"
    leaf = _sign(
        names[0] if names else "nameless",
        issuer_name,
        _key(key),
        signer,
        names=names,
        not_before=not_before,
        not_after=not_after,
    )
    above = (
        () if is_self_signed else (issuer.certificate, *([root.certificate] if has_root else []))
    )
    return tuple(one.public_bytes(Encoding.DER) for one in (leaf, *above))


def _sign(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    names: Sequence[str] = (),
    is_authority: bool = False,
    not_before: datetime = EPOCH - timedelta(days=3650),
    not_after: datetime = EPOCH + timedelta(days=7300),
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
