"""What is wrong with a policy host's certificate or TLS, in words for people (RFC 8461 §6).

OpenSSL refuses a certificate without showing it. A second handshake, which believes nothing,
fetches it, so that the operator reads "expired on that day" and not "verification failed".
"""

import asyncio
import ssl
from typing import cast

from mailseal.certs import CertificateSyntaxError, read_certificate
from mailseal.net.https.proxy import ProxyError
from mailseal.net.tls.words import distrust_word, slug

MAX_CERTIFICATE_BYTES = 16_384  # ours, of one that is kept; with 100 names they have 5 000
_WORDS = frozenset({"not-yet-valid", "wrong-name", "self-signed", "incomplete-chain", "unknown-ca"})


def peer_certificate(transport: asyncio.BaseTransport) -> bytes | None:
    """Return the certificate of a TLS connection's other side as DER; None for a huge one."""
    tls = cast("ssl.SSLObject | None", transport.get_extra_info("ssl_object"))
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    return der if der is not None and len(der) <= MAX_CERTIFICATE_BYTES else None


def explain_certificate(error: ssl.SSLCertVerificationError, der: bytes | None) -> str:
    """Say why a certificate was refused, in one word for programs as well as people."""
    match distrust_word(error.verify_code, error.verify_message, der):
        case "expired":
            return _explain_expired(der)
        case word if word in _WORDS:
            return word
        case other:
            return f"certificate-{other}"


def explain_connection(error: OSError) -> str:
    """Say why there was no TLS connection, though no certificate was refused."""
    match error:
        case ProxyError():
            return str(error)
        case ssl.SSLError():
            return "tls-" + slug(error.reason or "handshake-failed")
        case ConnectionRefusedError():
            return "connection-refused"
        case TimeoutError():
            return "connect-timeout"
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            # A host that does not want the connection refuses it; this one went silent later.
            return "tls-connection-closed"
        case _:
            return "connect-" + slug(error.strerror or "failed")


def _explain_expired(der: bytes | None) -> str:
    try:
        return f"expired-{read_certificate(der or b'').not_after:%Y-%m-%d}"
    except CertificateSyntaxError:
        return "expired"
