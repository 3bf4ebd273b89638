"""Facts read from one X.509 certificate: names, validity, issuer, key digest (RFC 5280 §4.1).

Nothing here judges a certificate: OpenSSL does that, and these facts tell people what it saw.
"""

import functools
import hashlib
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import mailseal
from mailseal.quoting import ascii_only

if TYPE_CHECKING:
    from cryptography import x509

MAX_CERTIFICATE_BYTES = 100_000  # OpenSSL's own limit for a whole chain (SSL_MAX_CERT_LIST_DEFAULT)
MAX_NAMES = 1000  # ours; public CAs issue 100 to 250
MAX_ISSUER_CHARS = 200  # ours, for one line of a page
MAX_REMEMBERED = 512  # ours: some 2 MB; most have 1 to 2 KB
MAX_REMEMBERED_BYTES = 8192  # ours: a server that invents large ones fills no memory


class CertificateSyntaxError(mailseal.Error):
    """Bytes are not a certificate whose facts can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What people and reports want to know about a server's certificate.

    ``names`` are its DNS-IDs, lower case, in its own order, wildcards as they stand; neither
    the common name nor an address is among them (RFC 8461 §3.3 matches DNS-IDs only).
    ``not_before`` and ``not_after`` are aware UTC. ``issuer`` is the RFC 4514 form of the
    issuer's name in printable ASCII. ``spki_sha256`` is the lower-case hex digest of the
    public key, as in a ``3 1 1`` TLSA record.
    """

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    issuer: str
    spki_sha256: str


@contextmanager
def quietly() -> Iterator[None]:
    """Read certificates without the library's warnings, as a block or around a function.

    It warns of what RFC 5280 forbids and a later version will refuse, such as a serial number
    below 1; that is the business of whoever issued the certificate, not of whoever looks at it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what cryptography's own are derived from
        yield


def read_certificate(der: bytes) -> CertificateFacts:
    """Read a DER certificate; raise ``CertificateSyntaxError`` for anything else (about 60 µs).

    Those read last are remembered: several checks look at one, and many domains share a server.
    """
    return _read_again(der) if len(der) <= MAX_REMEMBERED_BYTES else _read(der)


@quietly()
def _read(der: bytes) -> CertificateFacts:
    # Loaded only here: it takes 40 ms, and most commands never see a certificate.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if len(der) > MAX_CERTIFICATE_BYTES:
        raise CertificateSyntaxError(
            f"the certificate has {len(der)} bytes, at most {MAX_CERTIFICATE_BYTES} are read"
        )
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return CertificateFacts(
            names=_dns_ids(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            issuer=ascii_only(certificate.issuer.rfc4514_string())[:MAX_ISSUER_CHARS],
            spki_sha256=hashlib.sha256(key).hexdigest(),
        )
    except reading_errors() as error:
        raise CertificateSyntaxError(f"the certificate is unreadable: {error}") from error


_read_again = functools.lru_cache(MAX_REMEMBERED)(_read)


def reading_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return all that the library raises for what it cannot read, and ``others``."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    return (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        x509.InvalidVersion,
        *others,
    )


def covers_name(names: Iterable[str], host: str) -> bool:
    """Tell whether one of a certificate's DNS-IDs covers a host (RFC 6125 §6.4.3, RFC 9525 §6.3).

    ``host`` is lower case without a final dot. A star stands for one whole left-most label, and
    only where at least two labels follow it.
    """
    _, _, parent = host.partition(".")
    is_deep = "." in parent
    return any(
        name == host or (is_deep and name == f"*.{parent}")
        for name in (name.removesuffix(".") for name in names)
    )


@quietly()
def names_its_issuer(der: bytes) -> bool:
    """Tell whether a certificate says where its issuer's own one is found (RFC 5280 §4.2.2.1).

    False for what cannot be read.
    """
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    if len(der) > MAX_CERTIFICATE_BYTES:
        return False
    try:
        extension = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
            x509.AuthorityInformationAccess
        )
    except reading_errors(x509.ExtensionNotFound):
        return False
    return any(
        access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        for access in extension.value
    )


def _dns_ids(certificate: "x509.Certificate") -> tuple[str, ...]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    names = extension.value.get_values_for_type(x509.DNSName)[:MAX_NAMES]
    return tuple(ascii_only(name).lower() for name in names)
