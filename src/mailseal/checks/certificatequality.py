"""Keys, signatures and extensions of MX hosts' certificates, and the order of the chain.

A sender may refuse what is found here, or will before long; OpenSSL's own level of security
decides, which differs between systems (RFC 5280 §4, RFC 9325 §4.5).
"""

import functools
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from mailseal.certs import quietly, reading_errors
from mailseal.checks.context import each_session, judge_bad_certificate
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.reading import Reading

if TYPE_CHECKING:
    from cryptography import x509

MIN_RSA_BITS = 2048  # RFC 9325 §4.5
MIN_EC_BITS = 224  # RFC 9325 §4.5
MAX_REMEMBERED = 256  # ours, chains: thousands of domains share a server
MAX_REMEMBERED_BYTES = 16_384  # ours: a server that invents large ones fills no memory

WEAK_KEY = Entry(
    code="certificate-weak-key",
    title="a certificate of an MX host has a weak key or signature",
    about="RSA keys below 2048 bits and signatures over MD5 or SHA-1 are refused by the TLS "
    "libraries of current systems.",
    clause="RFC 9325 §4.5",
)
WRONG_PURPOSE = Entry(
    code="certificate-wrong-purpose",
    title="the certificate of an MX host is for another purpose",
    about="Its extensions allow clients, persons or authorities, not TLS servers.",
    clause="RFC 5280 §4.2.1.3, §4.2.1.12",
)
DISORDERLY = Entry(
    code="certificate-chain-disorderly",
    title="an MX host sends its chain in a strange order",
    about="Each certificate should vouch for the one before it. Most senders sort them out, some "
    "do not; what does not belong there only costs time.",
    clause="RFC 8446 §4.4.2",
)

ENTRIES = (WEAK_KEY, WRONG_PURPOSE, DISORDERLY)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the chain of every address."""
    yield from each_session(reading, _judge)


def _judge(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    if one.session.tls is None or not one.session.tls.chain:
        return
    shown = one.session.tls.chain
    is_small = sum(map(len, shown)) <= MAX_REMEMBERED_BYTES
    weakness, purpose, disorder = (_find_flaws_again if is_small else _find_flaws)(shown)
    if weakness:
        yield WEAK_KEY.found(
            Severity.WARNING,
            host.name,
            seen=f"The chain of {host.name} has {weakness}.",
            follows="Senders on current systems may refuse it.",
            remedy="Get a new certificate with an ECDSA P-256 key or an RSA key of 2048 bits.",
            ready=(
                Ready(
                    kind=Kind.COMMAND,
                    place="on the mail server",
                    text="openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                ),
            ),
        )
    if purpose:
        is_ignored = judge_bad_certificate(reading, host) is Severity.INFO  # by DANE-EE
        yield WRONG_PURPOSE.found(
            Severity.INFO if is_ignored else Severity.WARNING,
            host.name,
            seen=f"The certificate of {host.name} {purpose}.",
            follows="Senders that look at it do not deliver there.",
            remedy="Get a certificate for TLS servers.",
        )
    if disorder:
        yield DISORDERLY.found(
            Severity.INFO,
            host.name,
            seen=f"{host.name} {disorder}.",
            follows="A sender that does not sort the chain refuses it.",
            remedy="Send the server's certificate first, then the one that vouches for it, and "
            "so on; the root need not be sent.",
        )


def _find_flaws(ders: tuple[bytes, ...]) -> tuple[str, str, str]:
    """Say in half sentences what is weak, of a wrong purpose and out of order; "" for nothing."""
    chain = _load(ders)
    if not chain:
        return "", "", ""
    weakness = next((weak for each in chain if (weak := _find_weakness(each))), "")
    return weakness, _find_wrong_purpose(chain[0]), _find_disorder(chain)


_find_flaws_again = functools.lru_cache(MAX_REMEMBERED)(_find_flaws)


@quietly()
def _load(chain: tuple[bytes, ...]) -> "tuple[x509.Certificate, ...]":
    """Read a chain up to the first certificate that cannot be read."""
    from cryptography import x509

    loaded = []
    for der in chain:
        try:
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.subject, certificate.issuer  # read only when asked for
            loaded.append(certificate)
        except reading_errors():
            break
    return tuple(loaded)


@quietly()
def _find_weakness(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = certificate.public_key()
        digest = certificate.signature_hash_algorithm
    except reading_errors():
        return ""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        return f"an RSA key of only {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < MIN_EC_BITS:
        return f"an ECDSA key of only {key.key_size} bits"
    # The signature of a root is looked at by nobody.
    if certificate.issuer != certificate.subject and isinstance(digest, hashes.MD5 | hashes.SHA1):
        return f"a signature over {digest.name.upper()}"
    return ""


@quietly()
def _find_wrong_purpose(leaf: "x509.Certificate") -> str:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    server = ExtendedKeyUsageOID.SERVER_AUTH  # "any" is not enough for OpenSSL
    try:
        extensions = list(leaf.extensions)
    except reading_errors():
        return "has extensions that cannot be read"
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and server not in value:
            return "may not be used for TLS servers (extended key usage)"
        if isinstance(value, x509.KeyUsage) and not (
            value.digital_signature or value.key_encipherment or value.key_agreement
        ):
            return "may not be used for TLS (key usage)"
        is_authority = isinstance(value, x509.BasicConstraints) and value.ca
        if is_authority and leaf.issuer != leaf.subject:
            return "is that of an authority (basic constraints)"
    return ""


@quietly()
def _find_disorder(chain: "tuple[x509.Certificate, ...]") -> str:
    for number, (below, above) in enumerate(pairwise(chain), 2):
        if below.issuer != above.subject:
            return f"sends in place {number} a certificate that does not vouch for the one before"
    return ""
