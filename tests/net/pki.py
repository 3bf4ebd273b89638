"""A small CA for tests: certificates with exactly one defect each."""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

# OpenSSL compares with the real clock, so the certificates have to do so too.
_NOW = datetime.now(UTC).replace(microsecond=0)
_DAY = timedelta(days=1)


class Authority:
    """Issues server certificates into a folder."""

    def __init__(self, name: str, folder: Path, parent: "Authority | None" = None) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = parent or self
        self.certificate = (
            _builder(self._name, issuer._name, self._key.public_key(), -30 * _DAY, 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(issuer._key, hashes.SHA256())
        )
        self.ca_path = folder / f"ca-{self.certificate.serial_number:x}.pem"
        self.ca_path.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(
        self,
        *names: str,
        start: timedelta = -_DAY,
        end: timedelta = 7 * _DAY,
        common_name: str = "",
        addresses: Sequence[str] = (),
        issuer_url: str | None = None,
        is_self_signed: bool = False,
        with_issuer: bool = False,
    ) -> ssl.SSLContext:
        """Issue a certificate for DNS names and return a server's context with it."""
        path = self.issue_files(
            *names,
            start=start,
            end=end,
            common_name=common_name,
            addresses=addresses,
            issuer_url=issuer_url,
            is_self_signed=is_self_signed,
            with_issuer=with_issuer,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def issue_files(
        self,
        *names: str,
        start: timedelta = -_DAY,
        end: timedelta = 7 * _DAY,
        common_name: str = "",
        addresses: Sequence[str] = (),
        issuer_url: str | None = None,
        is_self_signed: bool = False,
        with_issuer: bool = False,
        key: "ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None" = None,
        usages: Sequence[x509.ObjectIdentifier] = (),
        key_usage: x509.KeyUsage | None = None,
    ) -> Path:
        """Issue likewise, and return the PEM file with key and chain."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
        subject = x509.Name(attributes)
        issuer = subject if is_self_signed else self._name
        builder = _builder(subject, issuer, key.public_key(), start, end)
        general: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        general += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if general:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(general), critical=not attributes
            )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if key_usage:
            builder = builder.add_extension(key_usage, critical=True)
        if issuer_url:
            access = x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuer_url)
            )
            builder = builder.add_extension(
                x509.AuthorityInformationAccess([access]), critical=False
            )
        certificate = builder.sign(key if is_self_signed else self._key, hashes.SHA256())
        path = self._folder / f"{certificate.serial_number:x}.pem"
        chain = [certificate, self.certificate] if with_issuer else [certificate]
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        )
        return path


def in_days(days: int) -> timedelta:
    """Give the time from now to some days later, or earlier."""
    return days * _DAY


def date_in_days(days: int) -> str:
    """Give the date that a certificate's end in so many days falls on."""
    return f"{_NOW + days * _DAY:%Y-%m-%d}"


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    start: timedelta,
    end: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW + start)
        .not_valid_after(_NOW + end)
    )
