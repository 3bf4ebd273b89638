"""Whether a chain leads from a server's certificate to a trust anchor of DNS (RFC 7672 §3.1.2).

OpenSSL gives the verdict, as it does within every MTA: signatures, CA flags, path lengths and
dates. No store of public authorities plays any role.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from mailseal.certs import (
    CertificateSyntaxError,
    covers_name,
    quietly,
    read_certificate,
    reading_errors,
)
from mailseal.dane.effort import Effort
from mailseal.quoting import name_some

if TYPE_CHECKING:
    from cryptography import x509
    from OpenSSL import crypto

E = TypeVar("E", bound="x509.ExtensionType")

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which pyOpenSSL does not name


@quietly()
def explain_refusal(
    leaf: bytes,
    anchor: bytes,
    untrusted: Sequence[bytes],
    names: Sequence[str],
    now: datetime,
    *,
    is_anchor_dated: bool = False,
) -> str:
    """Return half a sentence why a client refuses the chain, or nothing where it does not.

    All certificates are DER. ``untrusted`` may help to come from the leaf to the anchor.
    One of ``names``, the reference identifiers, must be in the leaf (RFC 7672 §3.2).
    ``is_anchor_dated`` says that the anchor's own dates count, whoever issued it.
    """
    # Loaded only here: it takes 40 ms, and only usage 2 needs it.
    from OpenSSL import crypto

    try:
        certificate = crypto.load_certificate(crypto.FILETYPE_ASN1, leaf)
        trusted = crypto.load_certificate(crypto.FILETYPE_ASN1, anchor)
    except crypto.Error:
        return "a certificate of the chain cannot be read"
    store = crypto.X509Store()
    store.add_cert(trusted)
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN | _NO_CHECK_TIME)
    context = crypto.X509StoreContext(store, certificate, _load(untrusted))
    try:
        chain = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        return f"{_name(error.errors[1])} is refused: {error}"
    try:
        certificates = [each.to_cryptography() for each in chain]
        return (
            _explain_dates(certificates, now, is_anchor_dated=is_anchor_dated)
            or _explain_purpose(certificates)
            or _explain_names(leaf, names)
        )
    except reading_errors():  # what OpenSSL takes, but nobody else reads
        return "a certificate of the chain cannot be read"


@quietly()
def is_signed_by(der: bytes, spki: bytes, effort: Effort) -> bool | None:
    """Tell whether a bare public key made a certificate's signature (RFC 7671 §5.2.3).

    A signature of another kind or size than the key makes is not checked. None where checking it
    takes more than ``effort`` has left.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if effort.is_spent:
        return None
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = load_der_public_key(spki)
        how = certificate.signature_algorithm_parameters
        signature, signed = certificate.signature, certificate.tbs_certificate_bytes
        digest = certificate.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and isinstance(how, AsymmetricPadding) and digest:
            if len(signature) != (key.key_size + 7) // 8:
                return False
            if not effort.spend(1):
                return None
            key.verify(signature, signed, how, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
            if not effort.spend(1):
                return None
            key.verify(signature, signed, how)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and digest is None:
            if not effort.spend(1):
                return None
            key.verify(signature, signed)
        else:
            return False
    except reading_errors(InvalidSignature):
        return False
    return True


def _load(certificates: Sequence[bytes]) -> "list[crypto.X509]":
    from OpenSSL import crypto

    loaded = []
    for der in certificates:
        try:
            loaded.append(crypto.load_certificate(crypto.FILETYPE_ASN1, der))
        except crypto.Error:
            continue  # it can help nobody; a chain that needs it is refused
    return loaded


def _name(depth: int) -> str:
    return "the server's certificate" if depth == 0 else f"certificate {depth} above the server's"


def _explain_dates(
    chain: "Sequence[x509.Certificate]", now: datetime, *, is_anchor_dated: bool
) -> str:
    # spec: 7672 §3.1.2 does not say whether the dates of the trust anchor itself count. For
    # OpenSSL, and so for MTAs, they do where it is its own issuer, else only what is below it.
    top = chain[-1]
    if not is_anchor_dated and top.issuer != top.subject:
        chain = chain[:-1]
    for depth, certificate in enumerate(chain):
        if now > certificate.not_valid_after_utc:
            return f"{_name(depth)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        if now < certificate.not_valid_before_utc:
            return f"{_name(depth)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    return ""


def _explain_purpose(chain: "Sequence[x509.Certificate]") -> str:
    """Say whose extensions forbid TLS servers, which pyOpenSSL cannot ask OpenSSL about."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for depth, certificate in enumerate(chain):
        usages = _extension(certificate, x509.ExtendedKeyUsage)
        if usages is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usages:
            return f"{_name(depth)} may not be used for TLS servers (extended key usage)"
    usage = _extension(chain[0], x509.KeyUsage)
    if usage and not (usage.digital_signature or usage.key_encipherment or usage.key_agreement):
        return "the server's certificate may not be used for TLS (key usage)"
    return ""


def _extension(certificate: "x509.Certificate", kind: type[E]) -> E | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _explain_names(leaf: bytes, names: Sequence[str]) -> str:
    try:
        found = read_certificate(leaf).names or _common_names(leaf)
    except CertificateSyntaxError as error:
        return str(error)
    if any(covers_name(found, name) for name in names):
        return ""
    shown = name_some(found, 5) or "nothing"
    return f"the server's certificate is for {shown}, not for {' or '.join(names)}"


def _common_names(leaf: bytes) -> tuple[str, ...]:
    """Return the common names, which count where there is no DNS-ID (RFC 7672 §3.2.3)."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.load_der_x509_certificate(leaf).subject
    found = (each.value for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return tuple(name.lower() for name in found if isinstance(name, str) and name.isascii())
