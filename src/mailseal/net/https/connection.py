"""A connection to one address, direct or through the proxy, and TLS upon it (RFC 8461 §7.1).

The address was chosen before and is pinned: the name serves for SNI and for the certificate.
"""

import asyncio
import socket
import ssl

from mailseal.net.https.proxy import Proxy, open_tunnel

Connection = socket.socket | asyncio.Transport


async def connect(address: str, port: int, proxy: Proxy | None) -> Connection:
    """Connect to an IP address; raise ``OSError`` when that fails. The caller sets the deadline."""
    if proxy is not None:
        return await open_tunnel(proxy, address, port)
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


async def start_tls(
    connection: Connection, protocol: asyncio.Protocol, context: ssl.SSLContext, host: str
) -> asyncio.Transport:
    """Do the handshake for ``host`` and hand over to ``protocol``; raise ``OSError`` on failure.

    The connection is taken over: it is closed when the handshake fails.
    """
    loop = asyncio.get_running_loop()
    try:
        if isinstance(connection, socket.socket):
            transport, _ = await loop.create_connection(
                lambda: protocol, sock=connection, ssl=context, server_hostname=host
            )
            return transport
        connection.set_protocol(protocol)
        upgraded = await loop.start_tls(connection, protocol, context, server_hostname=host)
        if upgraded is None:
            raise ConnectionAbortedError("closed before the handshake")
        protocol.connection_made(upgraded)
        return upgraded
    except BaseException:
        if isinstance(connection, socket.socket):
            connection.close()
        else:
            connection.abort()
        raise
