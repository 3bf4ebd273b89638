"""TLSA records against chains, cell by cell: what our own matching, OpenSSL and Postfix say alike.

Certificates are for ``*.cases.test``, valid for decades unless a chain's name says otherwise, so
that programs that read the real clock may judge them, too.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailseal.dane.match import DaneOutcome
from mailseal.dane.tlsa import TlsaRecord

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)

YES, NO = DaneOutcome.AUTHENTICATED, DaneOutcome.REFUSED
UNVERIFIED = DaneOutcome.UNAUTHENTICATED
ZONE = "cases.test"


@dataclass(frozen=True, slots=True)
class Key:
    """A certificate with its key."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate as it is sent."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def spki(self) -> bytes:
        """The public key as a record's selector 1 means it."""
        return self.private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Some records at a host and the chain that it presents; ``outcome`` is the right verdict."""

    name: str
    records: tuple[TlsaRecord, ...]
    chain: str
    outcome: DaneOutcome


def _certify(
    subject: str,
    issuer: Key | None = None,
    *,
    names: Sequence[str] = (),
    is_authority: bool = False,
    ends: datetime = END,
    usage: x509.ObjectIdentifier | None = None,
    path_length: int | None = None,
) -> Key:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer.certificate.subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    signer = issuer.private if issuer else key
    return Key(builder.sign(signer, hashes.SHA256()), key)


@cache
def keys() -> dict[str, Key]:
    """Make every certificate of the grid, once."""
    star = (f"*.{ZONE}",)
    root = _certify("Grid Root", is_authority=True)
    issuer = _certify("Grid Issuer", root, is_authority=True)
    old = _certify("Grid Old Issuer", root, is_authority=True, ends=LONG_AGO)
    old_root = _certify("Grid Old Root", is_authority=True, ends=LONG_AGO)
    person = _certify("Grid Person", issuer, names=("person.invalid",))
    short = _certify("Grid Short", root, is_authority=True, path_length=0)
    below = _certify("Grid Below", short, is_authority=True)
    client = ExtendedKeyUsageOID.CLIENT_AUTH
    anything = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
    return {
        "root": root,
        "issuer": issuer,
        "old": old,
        "old-root": old_root,
        "person": person,
        "short": short,
        "below": below,
        "leaf": _certify("leaf", issuer, names=star),
        "other": _certify("other", issuer, names=star),
        "expired": _certify("expired", issuer, names=star, ends=LONG_AGO),
        "wrong": _certify("wrong", issuer, names=("wrong.invalid",)),
        "domain": _certify("domain", issuer, names=(f"shop.{ZONE}",)),
        "self": _certify("self", names=star),
        "common": _certify(f"*.{ZONE}", issuer),
        "client": _certify("client", issuer, names=star, usage=client),
        "anything": _certify("anything", issuer, names=star, usage=anything),
        "of-old": _certify("of-old", old, names=star),
        "of-old-root": _certify("of-old-root", old_root, names=star),
        "of-person": _certify("of-person", person, names=star),
        "of-below": _certify("of-below", below, names=star),
    }


CHAINS: dict[str, tuple[str, ...]] = {
    "usual": ("leaf", "issuer"),
    "whole": ("leaf", "issuer", "root"),
    "shuffled": ("leaf", "root", "issuer"),
    "leaf-only": ("leaf",),
    "expired": ("expired", "issuer"),
    "wrong-name": ("wrong", "issuer"),
    "for-the-domain": ("domain", "issuer"),
    "self-signed": ("self",),
    "common-name": ("common", "issuer"),
    "for-clients": ("client", "issuer"),
    "for-anything": ("anything", "issuer"),
    "old-issuer": ("of-old", "old"),
    "old-root": ("of-old-root", "old-root"),
    "by-a-person": ("of-person", "person", "issuer"),
    "too-long": ("of-below", "below", "short"),
}


def chain_of(name: str) -> tuple[bytes, ...]:
    """Return a chain as DER, the server's own certificate first."""
    return tuple(keys()[each].der for each in CHAINS[name])


def pem_of(name: str) -> str:
    """Return the key and the chain as a server reads them."""
    own = keys()[CHAINS[name][0]].private
    texts = [own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
    texts += [keys()[each].certificate.public_bytes(Encoding.PEM) for each in CHAINS[name]]
    return b"".join(texts).decode()


def tlsa(form: str, which: str) -> TlsaRecord:
    """Make the record of a form, such as ``311``, that names one of ``keys``."""
    usage, selector, matching_type = map(int, form)
    content = keys()[which].der if selector == 0 else keys()[which].spki
    if matching_type:
        content = (hashlib.sha256 if matching_type == 1 else hashlib.sha512)(content).digest()
    return TlsaRecord(usage=usage, selector=selector, matching_type=matching_type, data=content)


def raw(form: str, data: bytes) -> TlsaRecord:
    """Make a record of any data."""
    usage, selector, matching_type = map(int, form)
    return TlsaRecord(usage=usage, selector=selector, matching_type=matching_type, data=data)


@cache
def cells() -> tuple[Cell, ...]:
    """Return the whole grid."""
    found = []

    def cell(name: str, chain: str, outcome: DaneOutcome, *records: TlsaRecord) -> None:
        found.append(Cell(name=name, records=records, chain=chain, outcome=outcome))

    for form in ("300", "301", "302", "310", "311", "312"):
        cell(f"{form}-leaf", "usual", YES, tlsa(form, "leaf"))
        cell(f"{form}-other-key", "usual", NO, tlsa(form, "other"))
    for form in ("200", "201", "202", "210", "211", "212"):
        cell(f"{form}-issuer", "usual", YES, tlsa(form, "issuer"))
        cell(f"{form}-root-sent", "whole", YES, tlsa(form, "root"))
        # Only what stands in the record as a whole need not be sent (RFC 7671 §5.2.2).
        cell(f"{form}-root-not-sent", "usual", YES if form[2] == "0" else NO, tlsa(form, "root"))
        cell(f"{form}-issuer-not-sent", "leaf-only", YES if form[2] == "0" else NO,
             tlsa(form, "issuer"))  # fmt: skip
    # Usage 3 looks at nothing but the certificate, or its key.
    for chain in ("expired", "wrong-name", "self-signed", "leaf-only", "common-name", "for-clients",
                  "old-issuer", "by-a-person"):  # fmt: skip
        cell(f"311-{chain}", chain, YES, tlsa("311", CHAINS[chain][0]))
    cell("311-issuer", "usual", NO, tlsa("311", "issuer"))  # not the server's own key
    # Usage 2 looks at the whole chain.
    cell("211-expired", "expired", NO, tlsa("211", "issuer"))
    cell("211-wrong-name", "wrong-name", NO, tlsa("211", "issuer"))
    cell("211-for-the-domain", "for-the-domain", NO, tlsa("211", "issuer"))
    cell("211-common-name", "common-name", YES, tlsa("211", "issuer"))
    cell("211-for-clients", "for-clients", NO, tlsa("211", "issuer"))
    # The dates of an anchor that is not its own issuer do not count.
    cell("201-old-issuer", "old-issuer", YES, tlsa("201", "old"))
    cell("200-old-issuer", "old-issuer", YES, tlsa("200", "old"))
    cell("210-old-issuer", "old-issuer", YES, tlsa("210", "old"))
    cell("210-root-of-old-issuer", "old-issuer", NO, tlsa("210", "root"))
    cell("200-root-of-old-issuer", "old-issuer", NO, tlsa("200", "root"))
    for form in ("200", "201", "210", "211"):
        cell(f"{form}-old-root", "old-root", NO, tlsa(form, "old-root"))
    cell("211-by-a-person", "by-a-person", NO, tlsa("211", "issuer"))  # who is no CA
    cell("211-the-person", "by-a-person", NO, tlsa("211", "person"))
    cell("211-for-anything", "for-anything", NO, tlsa("211", "issuer"))  # as OpenSSL sees it
    cell("201-too-long", "too-long", NO, tlsa("201", "short"))  # path length 0
    cell("211-shuffled", "shuffled", YES, tlsa("211", "root"))
    cell("200-root-no-issuer", "leaf-only", NO, tlsa("200", "root"))
    # Only what a record of usage 2 holds stands in for what a server should have sent.
    cell("200-root-300-issuer", "leaf-only", NO, tlsa("200", "root"), tlsa("300", "issuer"))
    cell("200-both", "leaf-only", YES, tlsa("200", "root"), tlsa("200", "issuer"))
    for form in ("200", "201", "210", "211"):
        # A server's own certificate is no trust anchor; only its bare key passes in OpenSSL.
        cell(f"{form}-leaf", "usual", NO, tlsa(form, "leaf"))
        cell(f"{form}-self-signed", "self-signed", YES if form == "210" else NO,
             tlsa(form, "self"))  # fmt: skip
    # What cannot be used counts as if it were not there, but TLS is due all the same.
    right = tlsa("311", "leaf")
    cell("short-digest", "usual", UNVERIFIED, raw("311", right.data[:31]))
    cell("short-digest-beside", "usual", YES, raw("311", right.data[:31]), right)
    cell("short-digest-beside-other", "usual", NO, raw("311", bytes(31)), tlsa("311", "other"))
    cell("sha256-as-sha512", "usual", UNVERIFIED, raw("312", right.data))
    cell("unknown-selector", "usual", UNVERIFIED, raw("321", right.data))
    cell("unknown-type", "usual", UNVERIFIED, raw("313", right.data))
    cell("unknown-usage", "usual", UNVERIFIED, raw("411", right.data))
    cell("garbage-certificate", "usual", UNVERIFIED, raw("300", b"\x30" * 40))
    cell("garbage-key", "usual", UNVERIFIED, raw("310", b"\x30" * 40))
    cell("garbage-issuer", "usual", UNVERIFIED, raw("200", b"\x30" * 40))
    cell("cut-certificate", "usual", UNVERIFIED, raw("300", tlsa("300", "leaf").data[:-1]))
    # Several records: one is enough, but a stronger digest silences a weaker one.
    other = tlsa("311", "other")
    cell("next-key", "usual", YES, other, right)
    cell("two-others", "usual", NO, other, tlsa("311", "self"))
    cell("issuer-and-other", "usual", YES, other, tlsa("211", "issuer"))
    cell("key-and-other-issuer", "usual", YES, right, tlsa("211", "old"))
    cell("stronger-stale", "usual", NO, right, tlsa("312", "other"))
    cell("weaker-stale", "usual", YES, tlsa("312", "leaf"), other)
    cell("whole-beside-stronger", "usual", YES, tlsa("310", "leaf"), tlsa("312", "other"))
    # What cannot be used silences nothing.
    cell("stronger-unusable", "usual", YES, right, raw("312", right.data))
    cell("unknown-type-beside", "usual", YES, right, raw("313", right.data))
    cell("stronger-issuer-unusable", "usual", YES, tlsa("211", "issuer"), raw("212", bytes(63)))
    cell("stronger-of-another-selector", "usual", YES, right, tlsa("302", "other"))
    cell("stronger-issuer-stale", "usual", NO, tlsa("211", "issuer"), tlsa("212", "old"))
    return tuple(found)
