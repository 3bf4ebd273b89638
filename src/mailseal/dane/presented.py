"""What a server's certificate shows to TLSA records: all of it, and its key (RFC 6698 §2.1.2)."""

import hashlib
from dataclasses import dataclass

_SEQUENCE = 0x30
_VERSION = 0xA0  # [0] EXPLICIT, absent in version 1
_FIELDS_BEFORE_KEY = 5  # serialNumber, signature, issuer, validity, subject (RFC 5280 §4.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A certificate as it was sent; ``spki`` is empty where no key can be found in it."""

    der: bytes
    spki: bytes

    @classmethod
    def read(cls, der: bytes) -> "Presented":
        """Take a certificate apart; anything at all may be in ``der``."""
        return cls(der=der, spki=_find_spki(der))

    def select(self, selector: int) -> bytes:
        """Return what a selector is about: the certificate or its SubjectPublicKeyInfo."""
        return self.der if selector == 0 else self.spki

    def digest(self, selector: int, matching_type: int) -> bytes:
        """Return the association data of a record that matches; empty without a key.

        Matching types other than 0, 1 and 2 are not known here.
        """
        content = self.select(selector)
        if not content or matching_type == 0:
            return content
        return (hashlib.sha256 if matching_type == 1 else hashlib.sha512)(content).digest()


def _find_spki(der: bytes) -> bytes:
    # The octets themselves, never a key decoded and encoded anew: the digest is about what was
    # sent, and a library need not know the key's algorithm.
    try:
        certificate, _ = _open(der, 0)
        start, end = _open(der, certificate)
        if der[start] == _VERSION:
            start = _open(der, start)[1]
        for _ in range(_FIELDS_BEFORE_KEY):
            start = _open(der, start)[1]
        if der[start] != _SEQUENCE:
            return b""
        stop = _open(der, start)[1]
    except (IndexError, ValueError):
        return b""
    return der[start:stop] if stop <= end else b""


def _open(der: bytes, start: int) -> tuple[int, int]:
    """Return where the value of the DER element at ``start`` begins and ends."""
    size, begin = der[start + 1], start + 2
    if size >= 0x80:
        octets = size & 0x7F
        if not 1 <= octets <= 4:
            raise ValueError("a length that DER does not have, or nobody needs")
        size, begin = int.from_bytes(der[begin : begin + octets]), begin + octets
    if begin + size > len(der):
        raise ValueError("an element longer than what holds it")
    return begin, begin + size
