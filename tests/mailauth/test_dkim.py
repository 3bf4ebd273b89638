"""DKIM key records: whether a signature could be verified by them (RFC 6376 §3.6.1)."""

import base64
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mailseal.mailauth.dkim import DkimKey, DkimSyntaxError, parse_key


@cache
def rsa_key(form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    """Make an RSA key of 2048 bits, in base64."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, form)).decode()


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
def test_an_rsa_key_tells_its_length(form: PublicFormat) -> None:
    """Both encodings are in use; k is rsa unless told."""
    assert parse_key(b"v=DKIM1; p=" + rsa_key(form).encode()) == DkimKey(kind="rsa", bits=2048)


def test_blanks_in_the_key_do_not_count() -> None:
    """Control panels cut long keys, and leave blanks where they did."""
    half = len(rsa_key()) // 2
    text = f"k=rsa; p={rsa_key()[:half]} \t{rsa_key()[half:]}; t=y:s; s=email:tlsrpt"
    key = parse_key(text.encode())
    assert (key.bits, key.is_testing, key.services) == (2048, True, ("email", "tlsrpt"))


def test_an_ed25519_key_is_32_bytes() -> None:
    """RFC 8463 §4: the bare key in base64."""
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert parse_key(b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)).bits == 256


def test_an_empty_key_is_revoked() -> None:
    """RFC 6376 §3.6.1: the owner has taken it back."""
    assert parse_key(b"v=DKIM1; p=").is_revoked


def test_a_key_for_reports_alone_is_not_for_mail() -> None:
    """RFC 8460 §3 has a service type of its own, which verifiers of mail pass over."""
    assert not parse_key(f"v=DKIM1; s=tlsrpt; p={rsa_key()}".encode()).is_for_mail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "two semicolons"),
        ("v=DKIM1; k=rsa", "no p"),
        ("p={key}; v=DKIM1", "does not come first"),
        ("v=DKIM2; p={key}", 'not "DKIM1"'),
        ("v=DKIM1; k=dsa; p={key}", "expected rsa or ed25519"),
        ("v=DKIM1; h=sha1; p={key}", "sha256 is not in it"),
        ("v=DKIM1; k=ed25519; p={key}", "expected 32"),
        ("v=DKIM1; p={cut}", "a part of it is missing"),
        ("v=DKIM1; p=AAAA", "no public key"),
        ("v=DKIM1; p={other}", "not the kind of key"),
        ('"v=DKIM1; p={key}"', "no name of a tag"),
    ],
)
def test_the_mistake_is_named_in_words(text: str, words: str) -> None:
    """The message says why no signature can be verified."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    filled = text.format(key=rsa_key(), cut=rsa_key()[:-5], other=base64.b64encode(form).decode())
    with pytest.raises(DkimSyntaxError, match=words):
        parse_key(filled.encode())


@given(
    st.binary(max_size=40) | st.binary(max_size=60).map(lambda data: b"p=" + base64.b64encode(data))
)
def test_any_bytes_are_a_key_or_our_own_error(text: bytes) -> None:
    """Nothing but DkimSyntaxError is raised."""
    try:
        parse_key(b"v=DKIM1; " + text)
    except DkimSyntaxError:
        return
