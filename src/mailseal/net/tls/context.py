"""A TLS client that sees every server as it is, old and badly set up ones too."""

import ssl

_LEGACY_SERVERS = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT; Python names it from 3.12 on


def build_observing_context(*, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Build a context that agrees to anything OpenSSL can do; nothing it brings is believed.

    It takes part in TLS 1.0 as well and shows what was negotiated: a server without TLS 1.2 must
    be told from one without TLS. The best is offered first, so a good server is seen as good.
    One context serves any number of connections, one after another or at once.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # TLSv1 by its name would warn of what is meant to be.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    # Level 0: TLS 1.0 and 1.1 sign with SHA-1, and old servers have keys of 1024 bits.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    # Nobody comes back: tickets would only be stored and dropped.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | _LEGACY_SERVERS
    context.options |= ssl.OP_NO_RENEGOTIATION  # a server could ask for it again and again
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
