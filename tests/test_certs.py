"""What is read from a certificate, and that nothing but our own error comes out of bad ones."""

import hashlib
import ipaddress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from mailseal.certs import (
    MAX_CERTIFICATE_BYTES,
    CertificateSyntaxError,
    names_its_issuer,
    read_certificate,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
KEY = ec.derive_private_key(2026, ec.SECP256R1())


def certificate(*extensions: x509.ExtensionType, common_name: str = "mx.example") -> bytes:
    """Make a certificate with given extensions, as DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(END)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def names(*values: x509.GeneralName) -> x509.SubjectAlternativeName:
    """Make the extension that holds a certificate's names."""
    return x509.SubjectAlternativeName(values)


def test_facts_are_read() -> None:
    """Names in order and lower case, dates in UTC, issuer and key digest."""
    facts = read_certificate(
        certificate(names(x509.DNSName("MX.Example"), x509.DNSName("*.example.net")))
    )
    key = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert facts.names == ("mx.example", "*.example.net")
    assert (facts.not_before, facts.not_after) == (START, END)
    assert facts.issuer == "CN=mx.example"
    assert facts.spki_sha256 == hashlib.sha256(key).hexdigest()


@pytest.mark.parametrize(
    "der",
    [
        certificate(),  # a common name alone is no DNS-ID
        certificate(names(x509.IPAddress(ipaddress.ip_address("192.0.2.1")))),
        certificate(names(x509.UniformResourceIdentifier("https://mx.example"))),
    ],
)
def test_only_dns_ids_are_names(der: bytes) -> None:
    """RFC 8461 §3.3: nothing else can match a host."""
    assert read_certificate(der).names == ()


def test_an_issuer_is_told_in_printable_ascii() -> None:
    """A CA may call itself anything; a log line stays one line."""
    assert read_certificate(certificate(common_name="Bücher\nCA")).issuer == "CN=B?cher?CA"


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"0",
        certificate()[:-1],  # cut short
        certificate() + b"\0",  # something behind it
        bytes(MAX_CERTIFICATE_BYTES + 1),
        certificate(names(x509.DNSName("a"))).replace(b"\x82\x01a", b"\x82\x01\xff"),  # not ASCII
    ],
)
def test_what_is_no_certificate_raises_our_error(der: bytes) -> None:
    """The library's own exceptions stay inside."""
    with pytest.raises(CertificateSyntaxError):
        read_certificate(der)


def test_what_rfc_5280_forbids_is_read_without_a_word() -> None:
    """The library warns of a serial number below 1; whoever looks at a server need not hear it."""
    good = certificate(names(x509.DNSName("mx.example")))
    start = good.index(bytes.fromhex("a003020102") + b"\x02") + 6  # version 3, then INTEGER
    negative = good[: start + 1] + b"\x80" + good[start + 2 :]

    assert read_certificate(negative).names == ("mx.example",)


@given(st.binary(max_size=400), st.integers(0, 300))
def test_any_bytes_are_facts_or_our_error(noise: bytes, at: int) -> None:
    """Noise alone, and noise in the middle of a good certificate."""
    good = certificate(names(x509.DNSName("mx.example")))
    for der in (noise, good[:at] + noise[:4] + good[at + 4 :]):
        names_its_issuer(der)
        try:
            read_certificate(der)
        except CertificateSyntaxError:
            pass


@pytest.mark.parametrize(
    ("method", "expected"),
    [(AuthorityInformationAccessOID.CA_ISSUERS, True), (AuthorityInformationAccessOID.OCSP, False)],
)
def test_a_certificate_may_name_its_issuer(method: x509.ObjectIdentifier, expected: bool) -> None:
    """Public CAs say where their own certificate is found; that tells a forgotten one."""
    access = x509.AccessDescription(method, x509.UniformResourceIdentifier("http://ca.example/"))
    assert names_its_issuer(certificate(x509.AuthorityInformationAccess([access]))) is expected
    assert not names_its_issuer(certificate())
