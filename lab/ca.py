"""The lab's certificate authority, and certificates that are wrong in one way each.

Keys are EC P-256 and live in memory for one run. A root signs an issuing CA
and that one the leaves, as on the real web; servers send leaf and issuer.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)
MANY = 10_000  # names of one certificate

# Where to get the issuer's certificate, as public authorities have it in theirs; nobody is there.
ISSUER_PLACE = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier("http://ca.test/issuing-ca.crt"),
        )
    ]
)


class Flaw(Enum):
    """What is wrong with a certificate; each flaw comes alone."""

    NONE = auto()
    WRONG_NAME = auto()
    EXPIRED = auto()
    SELF_SIGNED = auto()
    UNKNOWN_CA = auto()
    RSA = auto()  # no flaw: a key of another kind
    NOT_YET_VALID = auto()
    ENDS_SOON = auto()  # in five days
    NO_INTERMEDIATE = auto()  # the issuer's certificate is not sent
    COMMON_NAME_ONLY = auto()  # no alternative name at all
    WEAK_KEY = auto()  # RSA, 1024 bits
    FOR_CLIENTS = auto()  # not for servers, says its extended key usage
    DISORDERLY = auto()  # the root comes before the issuer
    MANY_NAMES = auto()  # 10 000 of them, the right one last


@dataclass(frozen=True, slots=True)
class Credential:
    """A private key and the chain that a server sends, leaf first."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...]

    def pem(self) -> str:
        """Render key and chain as one PEM text, in the order Postfix and nginx want."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return b"".join([key, *(each.public_bytes(Encoding.PEM) for each in self.chain)]).decode()

    def tlsa(self, usage: int, selector: int, matching_type: int) -> str:
        """Render the TLSA record data that matches it (RFC 6698 §2.1).

        Usages 0 and 2 match the issuing CA, 1 and 3 the leaf; a self-signed
        certificate is its own issuer.
        """
        certificate = self.chain[-1] if usage in (0, 2) else self.chain[0]
        if selector == 0:
            content = certificate.public_bytes(Encoding.DER)
        else:
            content = certificate.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
        digests = {0: content, 1: hashlib.sha256(content).digest()}
        data = digests.get(matching_type) or hashlib.sha512(content).digest()
        return f"{usage} {selector} {matching_type} {data.hex()}"


class CertificateAuthority:
    """A root that the lab's programs trust, and a stranger that nobody knows."""

    def __init__(self) -> None:
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self._now = now
        self._root, self._issuer = _authority("Lab Root", "Lab Issuing CA", now)
        self._stranger_root, self._stranger = _authority("Stranger Root", "Stranger CA", now)

    def write_bundle(self, path: Path) -> None:
        """Write the trusted root as a CA bundle."""
        path.write_bytes(self._root.public_bytes(Encoding.PEM))

    def issue(self, names: Sequence[str], flaw: Flaw = Flaw.NONE) -> Credential:
        """Issue a certificate for DNS names, the first of which is its subject.

        With ``WRONG_NAME`` it is for another name; expired ones ended
        yesterday.
        """
        key = _new_key(flaw)
        subjects = _subjects(names, flaw)
        # X.520 allows a common name of 64 characters; the alternative names count anyway.
        subject = _name(subjects[0][:64])
        starts, ends = self._validity(flaw)
        purpose = (
            ExtendedKeyUsageOID.CLIENT_AUTH
            if flaw is Flaw.FOR_CLIENTS
            else ExtendedKeyUsageOID.SERVER_AUTH
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(starts)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if flaw is not Flaw.COMMON_NAME_ONLY:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in subjects])
            builder = builder.add_extension(alternatives, critical=False)
        if flaw is Flaw.SELF_SIGNED:
            certificate = builder.issuer_name(subject).sign(key, hashes.SHA256())
            return Credential(key, (certificate,))
        issuer = self._stranger if flaw is Flaw.UNKNOWN_CA else self._issuer
        builder = builder.add_extension(_issued_by(issuer.key.public_key()), critical=False)
        if issuer is self._issuer:
            builder = builder.add_extension(ISSUER_PLACE, critical=False)
        certificate = builder.issuer_name(issuer.chain[0].subject).sign(issuer.key, hashes.SHA256())
        match flaw:
            case Flaw.NO_INTERMEDIATE:
                return Credential(key, (certificate,))
            case Flaw.DISORDERLY:
                return Credential(key, (certificate, self._root, *issuer.chain))
            case _:
                return Credential(key, (certificate, *issuer.chain))

    def _validity(self, flaw: Flaw) -> tuple[dt.datetime, dt.datetime]:
        """Return from when to when a certificate is valid."""
        starts, ends = self._now - 30 * DAY, self._now + 90 * DAY
        match flaw:
            case Flaw.EXPIRED:
                return starts, self._now - DAY
            case Flaw.NOT_YET_VALID:
                return self._now + DAY, ends
            case Flaw.ENDS_SOON:
                return starts, self._now + 5 * DAY
            case _:
                return starts, ends


def _subjects(names: Sequence[str], flaw: Flaw) -> tuple[str, ...]:
    """Return the names that a certificate is for."""
    match flaw:
        case Flaw.WRONG_NAME:
            return ("wrong-name.invalid",)
        case Flaw.MANY_NAMES:
            return (*(f"host{number}.invalid" for number in range(MANY - len(names))), *names)
        case _:
            return tuple(names)


def _new_key(flaw: Flaw) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    match flaw:
        case Flaw.WEAK_KEY:
            return rsa.generate_private_key(65_537, 1024)
        case Flaw.RSA:
            return rsa.generate_private_key(65_537, 2048)
        case _:
            return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _issued_by(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> x509.AuthorityKeyIdentifier:
    # Python 3.13 verifies strictly, and that asks for this extension.
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _authority(
    root_name: str, issuer_name: str, now: dt.datetime
) -> tuple[x509.Certificate, Credential]:
    """Make a root and an issuing CA signed by it."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = ec.generate_private_key(ec.SECP256R1())

    def certify(
        subject: str, public_key: ec.EllipticCurvePublicKey, path_length: int
    ) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(root_name))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 365 * DAY)
            .not_valid_after(now + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(_issued_by(root_key.public_key()), critical=False)
            .sign(root_key, hashes.SHA256())
        )

    root = certify(root_name, root_key.public_key(), 1)
    return root, Credential(issuer_key, (certify(issuer_name, issuer_key.public_key(), 0),))
