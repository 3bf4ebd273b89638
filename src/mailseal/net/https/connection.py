"""A TLS connection to one address, direct or through the proxy (RFC 8461 §7.1).

The address was chosen before and is pinned: the name serves for SNI and for the certificate.
"""

import asyncio
import ssl

from mailseal.net.https.proxy import Proxy, open_tunnel


async def open_tls(
    protocol: asyncio.Protocol,
    address: str,
    port: int,
    host: str,
    context: ssl.SSLContext,
    proxy: Proxy | None,
) -> asyncio.WriteTransport:
    """Connect, do the handshake for ``host`` and hand over to ``protocol``.

    Raises ``OSError``; the caller sets the deadline.
    """
    loop = asyncio.get_running_loop()
    if proxy is None:
        # One call for both steps: apart they would cost a tenth more.
        transport, _ = await loop.create_connection(
            lambda: protocol, address, port, ssl=context, server_hostname=host
        )
        return transport
    tunnel = await open_tunnel(proxy, address, port)
    try:
        tunnel.set_protocol(protocol)
        upgraded = await loop.start_tls(tunnel, protocol, context, server_hostname=host)
        if upgraded is None:
            raise ConnectionResetError("closed before the handshake")
    except BaseException:
        tunnel.abort()
        raise
    protocol.connection_made(upgraded)
    return upgraded
