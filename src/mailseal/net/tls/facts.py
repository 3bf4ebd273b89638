"""What a finished handshake came to: version, cipher and the whole chain as it was sent."""

import ssl
from typing import Protocol, cast

from mailseal.checks.evidence import TlsFacts
from mailseal.net.tls.trust import TrustStore

# OpenSSL's own limit for what a server may send (SSL_MAX_CERT_LIST_DEFAULT); Python cannot
# change it, and here it is held on to whatever OpenSSL does.
MAX_CHAIN_BYTES = 102_400
MAX_CHAIN_LENGTH = 32  # ours; good chains have 2 to 4, OpenSSL follows 100


class _Certificate(Protocol):
    """``_ssl.Certificate``, which has no name outside of CPython."""

    def public_bytes(self, form: int, /) -> bytes: ...


_DER = 2  # _ssl.ENCODING_DER


def read_tls(tls: "ssl.SSLObject | ssl.SSLSocket", trust: TrustStore) -> TlsFacts:
    """Return what a finished handshake came to, with the verdict on its chain.

    For an asyncio transport ``tls`` is ``transport.get_extra_info("ssl_object")``. Costs 20 µs for
    a chain that was seen lately and 300 µs for a new one.
    """
    chain = read_chain(tls)
    cipher = tls.cipher()
    return TlsFacts(
        version=tls.version() or "",
        cipher=cipher[0] if cipher else "",
        chain=chain,
        distrust=trust.judge(chain),
    )


def read_chain(tls: "ssl.SSLObject | ssl.SSLSocket") -> tuple[bytes, ...]:
    """Return the chain as the server sent it, its own certificate first, as DER.

    What goes beyond the limits is cut off; the server's own certificate is always there if it
    sent any.
    """
    chain: list[bytes] = []
    size_bytes = 0
    for der in _every_certificate(tls)[:MAX_CHAIN_LENGTH]:
        size_bytes += len(der)
        if size_bytes > MAX_CHAIN_BYTES and chain:
            break
        chain.append(der)
    return tuple(chain)


def _every_certificate(tls: "ssl.SSLObject | ssl.SSLSocket") -> list[bytes]:
    if hasattr(tls, "get_unverified_chain"):  # public from Python 3.13 on
        return list(tls.get_unverified_chain() or ())
    # The same thing in 3.11 and 3.12, where only the object behind has it.
    inner = tls._sslobj  # type: ignore[union-attr] # noqa: SLF001
    found = cast("list[_Certificate] | None", inner.get_unverified_chain())
    return [one.public_bytes(_DER) for one in found or ()]
