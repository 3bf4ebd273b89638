"""What is wrong with a policy host's certificate or TLS, in words for people (RFC 8461 §6).

OpenSSL refuses a certificate without showing it. A second handshake, which believes nothing,
fetches it, so that the operator reads "expired on that day" and not "verification failed".
"""

import asyncio
import ssl
from typing import cast

from mailseal.certs import CertificateSyntaxError, names_its_issuer, read_certificate
from mailseal.net.https.exchange import quoted
from mailseal.net.https.proxy import ProxyError

MAX_CERTIFICATE_BYTES = 16_384  # ours, of one that is kept; with 100 names they have 5 000


def peer_certificate(transport: asyncio.BaseTransport) -> bytes | None:
    """Return the certificate of a TLS connection's other side as DER; None for a huge one."""
    tls = cast("ssl.SSLObject | None", transport.get_extra_info("ssl_object"))
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    return der if der is not None and len(der) <= MAX_CERTIFICATE_BYTES else None


def explain_certificate(error: ssl.SSLCertVerificationError, der: bytes | None) -> str:
    """Say why a certificate was refused, in one word for programs as well as people."""
    match error.verify_code:  # OpenSSL's x509_vfy.h; Python has no names for them
        case 10:
            return _explain_expired(der)
        case 9:
            return "not-yet-valid"
        case 62:
            return "wrong-name"
        case 18:
            return "self-signed"
        case 20 | 21:
            # Most often the host was set up without its intermediate certificate. A public CA
            # always writes down where to get that, a private one hardly ever does.
            is_public = der is not None and names_its_issuer(der)
            return "incomplete-chain" if is_public else "unknown-ca"
        case 19:
            return "unknown-ca"
        case _:
            return "certificate-" + _slug(error.verify_message)


def explain_connection(error: OSError) -> str:
    """Say why there was no TLS connection, though no certificate was refused."""
    match error:
        case ProxyError():
            return str(error)
        case ssl.SSLError():
            return "tls-" + _slug(error.reason or "handshake-failed")
        case ConnectionRefusedError():
            return "connection-refused"
        case TimeoutError():
            return "connect-timeout"
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            # A host that does not want the connection refuses it; this one went silent later.
            return "tls-connection-closed"
        case _:
            return "connect-" + _slug(error.strerror or "failed")


def _explain_expired(der: bytes | None) -> str:
    try:
        return f"expired-{read_certificate(der or b'').not_after:%Y-%m-%d}"
    except CertificateSyntaxError:
        return "expired"


def _slug(text: str) -> str:
    return quoted(text).lower().replace("_", "-").replace(" ", "-")
