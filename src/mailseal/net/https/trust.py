"""TLS settings of the policy fetch: whom to trust, and for which names (RFC 8461 §3.3, §7.2)."""

import re
import ssl
from pathlib import Path

from mailseal.net.tls.trust import TrustStoreError

__all__ = ["TrustStoreError", "build_context", "build_unverified_context", "count_authorities"]

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # openssl-rehash(1): a folder is read by these names


def build_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Build the context that verifies policy hosts; takes 30 ms, so build it once.

    ``ca_file`` is a PEM file that replaces the system's trust store.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # requires a certificate and its name
    _restrict(context)
    # Only DNS-IDs count (RFC 8461 §3.3); OpenSSL would take a common name for one. That a star
    # must be a whole label is Python's own setting.
    context.hostname_checks_common_name = False
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise TrustStoreError(
            f"CA file {ca_file}: {error.strerror or error}; no policy host could be verified"
        ) from error
    return context


def count_authorities(ca_file: str | None = None) -> tuple[str, int]:
    """Return where authorities are read from, and how many there are; for whoever asks why.

    Raises ``TrustStoreError``. A folder of the system's is counted by its entries.
    """
    paths = ssl.get_default_verify_paths()
    places = [ca_file] if ca_file else [one for one in (paths.cafile, paths.capath) if one]
    count = build_context(ca_file).cert_store_stats()["x509_ca"]
    if not count and not ca_file and paths.capath:
        try:
            count = sum(1 for one in Path(paths.capath).iterdir() if _HASHED.fullmatch(one.name))
        except OSError as error:
            raise TrustStoreError(f"{paths.capath}: {error.strerror or error}") from error
    return ", ".join(places) or "the system's trust store", count


def build_unverified_context() -> ssl.SSLContext:
    """Build a context that looks at any certificate; nothing that comes over it is believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _restrict(context)
    return context


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # Each host is visited about once a day: tickets would only be stored and dropped.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
