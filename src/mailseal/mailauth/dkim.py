"""The TXT record at ``SELECTOR._domainkey.DOMAIN``, a public key (RFC 6376 §3.6.1, RFC 8463)."""

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

import mailseal
from mailseal.mailauth.taglist import TagSyntaxError, read_tags
from mailseal.quoting import quote

MIN_RSA_BITS = 1024  # RFC 8301 §3.2: verifiers must not take a shorter one
GOOD_RSA_BITS = 2048  # RFC 8301 §3.2: signers should have at least that
ED25519_BYTES = 32  # RFC 8463 §4

_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimKey:
    """A key that signatures are verified by.

    ``bits`` is 0 for a key that was revoked. ``is_testing`` asks verifiers to treat mail as if
    it were not signed. ``services`` are what the key is for, "*" for everything.
    """

    kind: str
    bits: int
    is_testing: bool = False
    services: tuple[str, ...] = ("*",)

    @property
    def is_revoked(self) -> bool:
        """Tell whether the owner has taken the key back."""
        return self.bits == 0

    @property
    def is_for_mail(self) -> bool:
        """Tell whether verifiers of ordinary mail may use the key."""
        return "*" in self.services or "email" in self.services


class DkimSyntaxError(mailseal.Error):
    """No signature can be verified by this record; half a sentence says why."""


def parse_key(text: bytes) -> DkimKey:
    """Read one key record or raise ``DkimSyntaxError``."""
    try:
        tags = read_tags(text)
    except TagSyntaxError as error:
        raise DkimSyntaxError(f"{error}") from error
    if "v" in tags and next(iter(tags.items())) != ("v", "DKIM1"):
        raise DkimSyntaxError('v is not "DKIM1", or does not come first')
    if "p" not in tags:
        raise DkimSyntaxError("it has no p, the key")
    hashes = _split(tags.get("h", "sha256"))
    if "sha256" not in hashes:
        raise DkimSyntaxError(f"h is {quote(tags['h'])}, and sha256 is not in it")
    kind = tags.get("k", "rsa").lower()
    return DkimKey(
        kind=kind,
        bits=_count_bits(kind, _BLANKS.sub("", tags["p"])),
        is_testing="y" in _split(tags.get("t", "")),
        services=_split(tags.get("s", "*")),
    )


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t").lower() for part in value.split(":"))


def _count_bits(kind: str, text: str) -> int:
    if kind not in {"rsa", "ed25519"}:
        raise DkimSyntaxError(f"k is {quote(kind)}, expected rsa or ed25519")
    if not text:
        return 0
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DkimSyntaxError("p is not base64, or a part of it is missing") from error
    if kind == "ed25519":
        if len(data) != ED25519_BYTES:
            raise DkimSyntaxError(f"p has {len(data)} bytes, expected {ED25519_BYTES} for ed25519")
        return ED25519_BYTES * 8
    try:
        key = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DkimSyntaxError("p is no public key; perhaps a part of it is missing") from error
    if not isinstance(key, RSAPublicKey):
        raise DkimSyntaxError("p is not the kind of key that k says")
    return key.key_size
