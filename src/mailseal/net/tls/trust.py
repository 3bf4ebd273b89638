"""Whether a chain leads to an authority that this system trusts, judged after the handshake.

OpenSSL judges, through pyOpenSSL: Python's own module refuses a bad chain in the handshake
without showing it, or does not tell what it thought of it. Names are not compared here
(``certs.covers_name`` does), and revocation is not looked at, as senders of mail do not.
"""

import functools
import hashlib
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import mailseal
from mailseal.certs import quietly, reading_errors
from mailseal.net.tls.words import distrust_word

if TYPE_CHECKING:
    from OpenSSL import crypto

MAX_VERDICTS = 10_000  # ours, 200 bytes each: more certificates than a scan meets in an hour
MAX_ISSUERS = 256  # ours: a few dozen have issued nearly all there is
MAX_ISSUER_BYTES = 8192  # ours, most have 1 to 2 KB: who invents large ones fills no memory
RENEW_AFTER_S = 3600.0  # ours: certificates expire and the system's authorities change meanwhile


class TrustStoreError(mailseal.Error):
    """The trusted authorities cannot be read."""


class TrustStore:
    """Judges chains by the system's authorities, or those of ``ca_file`` (PEM) in their place.

    Many hosts share a certificate, so verdicts are remembered by the digest of the chain; once
    an hour all are forgotten and the authorities read anew. ``monotonic`` is for tests.
    """

    def __init__(
        self, ca_file: str | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the authorities (5 to 60 ms); raise ``TrustStoreError`` where there are none."""
        self._ca_file = ca_file
        self._monotonic = monotonic
        self._verdicts: OrderedDict[bytes, str] = OrderedDict()
        self._store = _load(ca_file)
        self._renew_at = monotonic() + RENEW_AFTER_S

    def judge(self, chain: tuple[bytes, ...]) -> str:
        """Return why a chain (DER, leaf first) is not to be trusted in one word, "" if it is.

        The words are those of ``TlsFacts.distrust``.
        """
        self._renew()
        key = _digest(chain)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = _judge(self._store, chain)
            if len(self._verdicts) >= MAX_VERDICTS:
                self._verdicts.popitem(last=False)
            self._verdicts[key] = verdict
        else:
            self._verdicts.move_to_end(key)
        return verdict

    def _renew(self) -> None:
        now = self._monotonic()
        if now < self._renew_at:
            return
        self._renew_at = now + RENEW_AFTER_S
        self._verdicts.clear()
        try:
            self._store = _load(self._ca_file)
        except TrustStoreError:
            pass  # somebody is replacing the file: the authorities of an hour ago still do


def _digest(chain: tuple[bytes, ...]) -> bytes:
    # Each by itself, so that no two chains come to the same bytes.
    return hashlib.sha256(b"".join(hashlib.sha256(der).digest() for der in chain)).digest()


def _load(ca_file: str | None) -> "crypto.X509Store":
    # Loaded only here: it takes 50 ms, and most commands never see a certificate.
    from OpenSSL import crypto

    # Python's idea of where they are, not that of the OpenSSL which pyOpenSSL brings along.
    paths = ssl.get_default_verify_paths()
    file, folder = (ca_file, None) if ca_file else (paths.cafile, paths.capath)
    if file is None and folder is None:
        raise TrustStoreError(
            "this system has no certificate authorities where OpenSSL looks for them "
            f"({paths.openssl_cafile}, {paths.openssl_capath}); install ca-certificates or set "
            "https.ca_file"
        )
    store = crypto.X509Store()
    try:
        store.load_locations(file, folder)
    except crypto.Error as error:
        raise TrustStoreError(
            f"CA file {file}: no certificate authority could be read from it"
        ) from error
    return store


def _judge(store: "crypto.X509Store", chain: tuple[bytes, ...]) -> str:
    from OpenSSL import crypto

    if not chain:
        return "no-certificate"
    try:
        leaf = _load_certificate(chain[0])
        above = [
            _load_again(der) if len(der) <= MAX_ISSUER_BYTES else _load_certificate(der)
            for der in chain[1:]
        ]
        crypto.X509StoreContext(store, leaf, above).verify_certificate()
    except crypto.X509StoreContextError as error:
        code, depth, message = error.errors
        return distrust_word(code, message, chain[0], depth)
    except crypto.Error:
        return "unreadable"
    return "" if _is_for_servers(chain[0]) else "unsuitable-certificate-purpose"


def _load_certificate(der: bytes) -> "crypto.X509":
    from OpenSSL import crypto

    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)


_load_again = functools.lru_cache(MAX_ISSUERS)(_load_certificate)


@quietly()
def _is_for_servers(der: bytes) -> bool:
    """Tell whether a certificate may be shown by a TLS server (RFC 5280 §4.2.1.3, §4.2.1.12).

    pyOpenSSL cannot ask OpenSSL for that part of the verification.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        extensions = [one.value for one in x509.load_der_x509_certificate(der).extensions]
    except reading_errors():
        return False
    for value in extensions:  # without a list it may be used for anything
        # "Any" alone is not enough for OpenSSL, and so for MTAs.
        if (
            isinstance(value, x509.ExtendedKeyUsage)
            and ExtendedKeyUsageOID.SERVER_AUTH not in value
        ):
            return False
        if isinstance(value, x509.KeyUsage) and not (
            value.digital_signature or value.key_encipherment or value.key_agreement
        ):
            return False
    return True
