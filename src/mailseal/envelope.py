"""Signed documents: DSSE envelopes (Dead Simple Signing Envelope, version 1) with Ed25519.

The signature covers the very bytes of the document and its type, so that nothing has to be
parsed before it is believed, and a signature for one type of document is none for another.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mailseal

MAX_SIGNATURES = 16  # ours: as many keys as one may change over at a time
KEY_PREFIX = "ed25519:"
_KEY_BYTES = 32  # RFC 8032 §5.1.5


class EnvelopeError(mailseal.Error):
    """A text is no envelope, or is not signed by anybody who is believed."""


class KeySyntaxError(mailseal.Error):
    """A text is no key."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key; ``str`` gives the form that a configuration holds."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Read ``ed25519:`` and 32 bytes in base64; raises ``KeySyntaxError``."""
        try:
            raw = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
        except (binascii.Error, ValueError) as error:
            raise KeySyntaxError("a key is not base64") from error
        if not text.startswith(KEY_PREFIX) or len(raw) != _KEY_BYTES:
            raise KeySyntaxError(f'expected "{KEY_PREFIX}" and {_KEY_BYTES} bytes in base64')
        return cls(raw)

    def __str__(self) -> str:
        return KEY_PREFIX + base64.b64encode(self.raw).decode()

    @property
    def id(self) -> str:
        """A short name for the key; it proves nothing."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is this key's for these bytes."""
        # Loaded only when it is needed: it takes 20 ms.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class PrivateKey:
    """An Ed25519 private key, kept as PEM (PKCS #8, as ``openssl genpkey`` writes it)."""

    def __init__(self, pem: bytes) -> None:
        """Read a key; raises ``KeySyntaxError``, which never shows any of it."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeySyntaxError("expected an Ed25519 private key as PEM, unencrypted") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeySyntaxError("expected an Ed25519 key, got one of another kind")
        self._key = key

    @property
    def public(self) -> PublicKey:
        """The key that checks what this one signs."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature for these bytes."""
        return self._key.sign(message)


def new_private_key() -> bytes:
    """Make a key; return it as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def seal(payload: bytes, payload_type: str, keys: Sequence[PrivateKey]) -> bytes:
    """Sign a document with every key; return the envelope as JSON with a final newline."""
    message = _message(payload, payload_type)
    signatures = [
        {"keyid": key.public.id, "sig": base64.b64encode(key.sign(message)).decode()}
        for key in keys
    ]
    document = {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": signatures,
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def unseal(envelope: bytes, payload_type: str, keys: Sequence[PublicKey]) -> bytes:
    """Return the document that one of ``keys`` has signed; raises ``EnvelopeError``.

    The caller bounds the size of ``envelope``.
    """
    document = _read(envelope)
    if document.get("payloadType") != payload_type:
        raise EnvelopeError(f"payloadType is not {payload_type}")
    payload = _base64(document.get("payload"), "payload")
    signatures = document.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= MAX_SIGNATURES:
        raise EnvelopeError(f"signatures is not a list of 1 to {MAX_SIGNATURES}")
    message = _message(payload, payload_type)
    seen: list[str] = []
    for entry in signatures:
        if not isinstance(entry, dict):
            raise EnvelopeError("a signature is not an object")
        signature = _base64(entry.get("sig"), "sig")
        # The keyid is a hint of whoever wrote the envelope, so every key is tried.
        if any(key.has_signed(message, signature) for key in keys):
            return payload
        seen.append("".join(c if "!" <= c <= "~" else "?" for c in str(entry.get("keyid"))[:16]))
    raise EnvelopeError(f"no signature is good for a configured key; signed by {', '.join(seen)}")


def _message(payload: bytes, payload_type: str) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _read(envelope: bytes) -> dict[str, Any]:
    try:
        document = json.loads(envelope)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError("it is not JSON") from error
    if not isinstance(document, dict):
        raise EnvelopeError("it is not a JSON object")
    return document


def _base64(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise EnvelopeError(f"{name} is not text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError(f"{name} is not base64") from error
