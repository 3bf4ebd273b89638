"""Signed documents: what is believed, and what is not."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.envelope import (
    EnvelopeError,
    KeySyntaxError,
    PrivateKey,
    PublicKey,
    new_private_key,
    seal,
    unseal,
)

TYPE = "application/vnd.example+json"
KEY = PrivateKey(new_private_key())
OTHER = PrivateKey(new_private_key())


def changed(envelope: bytes, **fields: Any) -> bytes:
    """Return an envelope with fields of it replaced."""
    return json.dumps(json.loads(envelope) | fields).encode()


@given(st.binary(max_size=200))
def test_what_was_signed_comes_out(payload: bytes) -> None:
    """Whatever the bytes are, they come back as they were."""
    assert unseal(seal(payload, TYPE, [KEY]), TYPE, [KEY.public]) == payload


def test_one_good_signature_is_enough() -> None:
    """So keys can be changed over: sign with both, then trust the new one."""
    envelope = seal(b"x", TYPE, [OTHER, KEY])
    assert unseal(envelope, TYPE, [KEY.public]) == b"x"
    assert unseal(envelope, TYPE, [OTHER.public]) == b"x"


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        (seal(b"x", TYPE, [OTHER]), "no signature is good"),
        (changed(seal(b"x", TYPE, [KEY]), payload="eQ=="), "no signature is good"),
        (seal(b"x", "application/other", [KEY]), "payloadType is not"),
        # A signature for one type is none for another.
        (changed(seal(b"x", "application/other", [KEY]), payloadType=TYPE), "no signature is good"),
        (changed(seal(b"x", TYPE, [KEY]), signatures=[]), "signatures is not a list"),
        (changed(seal(b"x", TYPE, [KEY]), signatures=[{}] * 17), "signatures is not a list"),
        (changed(seal(b"x", TYPE, [KEY]), signatures=[3]), "a signature is not an object"),
        (changed(seal(b"x", TYPE, [KEY]), signatures=[{"sig": "!"}]), "sig is not base64"),
        (changed(seal(b"x", TYPE, [KEY]), signatures=[{"sig": "eA=="}]), "no signature is good"),
        (changed(seal(b"x", TYPE, [KEY]), payload=3), "payload is not text"),
        (changed(seal(b"x", TYPE, [KEY]), payload="é"), "payload is not base64"),
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_what_is_not_signed_is_refused(envelope: bytes, message: str) -> None:
    """Nothing of it is parsed before a signature was found good."""
    with pytest.raises(EnvelopeError, match=message):
        unseal(envelope, TYPE, [KEY.public])


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_our_own_words(envelope: bytes) -> None:
    """No other error gets out."""
    with pytest.raises(EnvelopeError):
        unseal(envelope, TYPE, [KEY.public])


def test_the_signed_bytes_are_those_of_dsse() -> None:
    """Another tool for such envelopes can make and check ours."""
    document = json.loads(seal(b"hello", TYPE, [KEY]))
    signature = base64.b64decode(document["signatures"][0]["sig"])
    assert KEY.public.has_signed(b"DSSEv1 28 application/vnd.example+json 5 hello", signature)


def test_a_public_key_is_written_as_it_is_read() -> None:
    """The form of the configuration."""
    text = str(KEY.public)
    assert text.startswith("ed25519:")
    assert PublicKey.parse(text) == KEY.public


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:eA==", "ed25519:!", "rsa:eA==", "é"])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    """32 bytes in base64 behind the name of the algorithm."""
    with pytest.raises(KeySyntaxError):
        PublicKey.parse(text)


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----", b"\xff"])
def test_what_is_no_private_key_is_refused(pem: bytes) -> None:
    """And nothing of it is shown."""
    with pytest.raises(KeySyntaxError, match="expected an Ed25519 private key"):
        PrivateKey(pem)
