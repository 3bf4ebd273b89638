"""A scripted resolver on loopback: it says over UDP and TCP what the test wants said."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from mailseal.net.dns import ResolverAddress

Query = dns.message.QueryMessage
Script = Callable[["Asked"], bytes | Sequence[bytes] | None]


class Asked:
    """One query as it came in."""

    def __init__(self, query: Query, port: int, *, is_tcp: bool) -> None:
        self.query = query
        self.port = port
        self.is_tcp = is_tcp
        self.name = query.question[0].name.to_text(omit_final_dot=True)
        self.rdtype = query.question[0].rdtype

    @property
    def is_checking_disabled(self) -> bool:
        """Tell whether the query asks for data that did not validate."""
        return bool(self.query.flags & dns.flags.CD)

    def answer(
        self,
        *records: str,
        rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
        authority: Sequence[str] = (),
        flags: int = dns.flags.RA,
        ede: int | None = None,
    ) -> bytes:
        """Render an answer; a record is ``name ttl type data``, several lines one set."""
        response = dns.message.make_response(self.query)
        response.flags |= flags
        response.set_rcode(rcode)
        response.answer = [_rrset(record) for record in records]
        response.authority = [_rrset(record) for record in authority]
        if ede is not None:
            response.use_edns(
                0, options=[dns.edns.EDEOption(dns.edns.EDECode.make(ede), "because")]
            )
        return response.to_wire(max_size=65_535)


class NameServer(asyncio.DatagramProtocol):
    """The server and what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.transport: asyncio.DatagramTransport

    @property
    def address(self) -> ResolverAddress:
        """Give the address for a ``Resolver``."""
        host, port = self.transport.get_extra_info("sockname")[:2]
        return ResolverAddress(host=host, port=port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for reply in self._reply(data, addr[1], is_tcp=False):
            self.transport.sendto(reply, addr)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one query over TCP."""
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            data = await reader.readexactly(length)
            port = writer.get_extra_info("peername")[1]
            for reply in self._reply(data, port, is_tcp=True):
                writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    def _reply(self, data: bytes, port: int, *, is_tcp: bool) -> Sequence[bytes]:
        query = dns.message.from_wire(data)
        assert isinstance(query, Query)
        asked = Asked(query, port, is_tcp=is_tcp)
        self.asked.append(asked)
        replies = self.script(asked)
        if replies is None:
            return ()
        return (replies,) if isinstance(replies, bytes) else replies


@asynccontextmanager
async def name_server(script: Script, address: str = "127.0.0.1") -> AsyncIterator[NameServer]:
    """Run a scripted resolver over UDP and TCP on one port."""
    loop = asyncio.get_running_loop()
    protocol = NameServer(script)
    tcp, udp = _bind_both(address)
    server = await asyncio.start_server(protocol.serve, sock=tcp)
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol, sock=udp)
    try:
        yield protocol
    finally:
        transport.close()
        server.close()
        await server.wait_closed()


def _bind_both(address: str) -> tuple[socket.socket, socket.socket]:
    """Bind a TCP port of the kernel's choice and the UDP port of the same number.

    That one may be taken by anybody on the machine; then another pair is tried.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    taken: list[socket.socket] = []
    try:
        while len(taken) < 20:
            tcp = socket.socket(family, socket.SOCK_STREAM)
            tcp.bind((address, 0))
            udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                udp.bind((address, tcp.getsockname()[1]))
            except OSError:
                udp.close()
                taken.append(tcp)  # held, so that the next one is another
            else:
                return tcp, udp
    finally:
        for sock in taken:
            sock.close()
    raise AssertionError("no port is free for both TCP and UDP")


def _rrset(text: str) -> dns.rrset.RRset:
    lines = [line.split(maxsplit=3) for line in text.splitlines()]
    name, ttl, rdtype, _ = lines[0]
    return dns.rrset.from_text(
        name.rstrip(".") + ".", int(ttl), "IN", rdtype, *[line[3] for line in lines]
    )
