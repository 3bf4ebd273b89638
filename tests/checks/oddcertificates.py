"""Chains that are odd in one way each, for tests."""

from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailseal.testing.certificates import EPOCH, make_chain
from mailseal.testing.evidence import NOW

_SHA256_WITH_RSA = bytes.fromhex("2a864886f70d01010b")  # RFC 8017 appendix A.2.4
_SHA1_WITH_RSA = bytes.fromhex("2a864886f70d010105")

_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


@cache
def odd_chain(kind: str, host: str) -> tuple[bytes, ...]:
    """Return a chain for a host, as DER; what is odd about it is its ``kind``."""
    good = make_chain((host,))
    issuer = _name("Test Issuer")
    if kind == "disorderly":
        return (good[0], make_chain((host,), has_root=True)[2], good[1])
    if kind == "issuer-ends-soon":
        soon = _certify(_name("Test Issuer"), _name("Test Root"), ends=NOW + timedelta(days=3))
        return (good[0], soon)
    if kind in ("rsa-1024", "rsa-2048"):  # too weak, and just strong enough
        key = rsa_public_key(int(kind.removeprefix("rsa-")))
        return (_certify(_name(host), issuer, host, key=key), good[1])
    if kind == "sha1":
        # cryptography does not sign with SHA-1 any more, but it reads what says that it is.
        signer = rsa.generate_private_key(65537, 1024)
        der = _certify(_name(host), issuer, host, signer=signer)
        return (der.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA), good[1])
    extensions: dict[str, x509.ExtensionType] = {
        "client-only": x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
        "signs-only-lists": x509.KeyUsage(**{name: name == "crl_sign" for name in _USAGES}),
        "authority": x509.BasicConstraints(ca=True, path_length=None),
    }
    return (_certify(_name(host), issuer, host, extension=extensions[kind]), good[1])


def rsa_public_key(bits: int) -> rsa.RSAPublicKey:
    """Return a key that nobody can sign with: to find one that can takes up to a second."""
    return rsa.RSAPublicNumbers(65537, 2**bits - 1).public_key()


def _certify(
    subject: x509.Name,
    issuer: x509.Name,
    *names: str,
    ends: datetime = EPOCH + timedelta(days=3650),
    key: rsa.RSAPublicKey | None = None,
    extension: x509.ExtensionType | None = None,
    signer: rsa.RSAPrivateKey | None = None,
) -> bytes:
    # Nobody verifies these signatures: any key will do.
    any_key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key or any_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(EPOCH)
        .not_valid_after(ends)
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer or any_key, hashes.SHA256()).public_bytes(Encoding.DER)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
