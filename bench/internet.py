"""A small Internet for the cold figures: one DNS resolver and one policy host for every domain.

``internet.py CA_FOLDER`` serves DNS on 127.0.0.53 and HTTPS on 127.0.80.1, on the ports of the
real ones, so it runs in a network namespace. Every domain has a record, a policy in mode enforce
and one MX host; no zone is signed. Each policy host has a certificate of its own, of a
leaf and an issuer as on the real web, made when it is first asked for.

On standard input it takes ``hold`` (policies are not answered any more), ``release`` (they are,
those asked for meanwhile too) and ``count DOMAIN``; to each it answers one line, a number: how
often that domain's policy was asked for, or how many requests are held.
"""

import asyncio
import ssl
import struct
import sys
import tempfile
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import cast

import uvloop

from bench.questions import policy
from lab.ca import CertificateAuthority

RESOLVER = "127.0.0.53"
POLICY_HOST = "127.0.80.1"
MX_HOST = "127.0.25.1"
TTL_SECONDS = 3600  # what was asked once stays fresh for a whole run
PREFIX = "mta-sts."
MAX_CERTIFICATES = 4096

_A, _SOA, _MX, _TXT = 1, 6, 15, 16
_HEADER = struct.Struct("!6H")
_FLAGS = 0x8180  # a reply; recursion desired and available; NOERROR
_AUTHENTIC = 0x0020  # AD, for the root alone: a resolver that validates, and no signed domain


class Nameserver(asyncio.DatagramProtocol):
    """Answers TXT, A and MX; nothing else exists."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self.sendto = cast("asyncio.DatagramTransport", transport).sendto

    def datagram_received(self, data: bytes, addr: "tuple[str, int]") -> None:
        """Answer one question with a name that is not compressed."""
        end = data.index(b"\0", 12) + 5
        first = data[13 : 13 + data[12]]  # empty for the root
        data_of = _records(
            first, data[12 : end - 4], int.from_bytes(data[end - 4 : end - 2], "big")
        )
        query_id = int.from_bytes(data[:2], "big")
        answers = 0 if data_of is None else 1
        rdtype = _SOA if data_of is None else int.from_bytes(data[end - 4 : end - 2], "big")
        rdata = (
            b"\0\0" + struct.pack("!5I", 1, 1, 1, 1, TTL_SECONDS) if data_of is None else data_of
        )
        self.sendto(
            _HEADER.pack(
                query_id, _FLAGS | (0 if data[12] else _AUTHENTIC), 1, answers, 1 - answers, 0
            )
            + data[12:end]
            + struct.pack("!HHHIH", 0xC00C, rdtype, 1, TTL_SECONDS, len(rdata))
            + rdata,
            addr,
        )


def _records(first: bytes, name: bytes, rdtype: int) -> bytes | None:
    """Return the data of the one record at a name whose first label is ``first``."""
    if rdtype == _TXT and first == b"_mta-sts":
        text = b"v=STSv1; id=20261101T000000;"
        return bytes((len(text),)) + text
    if rdtype == _MX:
        return struct.pack("!H", 10) + b"\3mx1" + name
    if rdtype == _A:
        address = POLICY_HOST if first == b"mta-sts" else MX_HOST
        return bytes(map(int, address.split(".")))
    return None


class Policies:
    """What all connections to the policy host share: counts, and whether answers are held."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.is_holding = False
        self.held: list[tuple[asyncio.Transport, bytes]] = []

    def obey(self, line: str) -> int:
        """Do what standard input says."""
        word, _, domain = line.strip().partition(" ")
        if word == "count":
            return self.asked[domain]
        held = self.held
        self.is_holding, self.held = word == "hold", []
        for transport, answer in held:
            transport.write(answer)
        return len(held)


class PolicyHost(asyncio.Protocol):
    """Answers one GET; whoever asked closes."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer when the head is complete."""
        self._request += data
        if not self._request.endswith(b"\r\n\r\n"):
            return
        host = self._request.lower().partition(b"host:")[2].partition(b"\r\n")[0].strip()
        domain = host.decode().removeprefix(PREFIX)
        body = policy(domain)
        answer = (
            b"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sun, 01 Nov 2026 00:00:00 GMT\r\n"
            b"Content-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
        ) % (len(body), body)
        self._policies.asked[domain] += 1
        if self._policies.is_holding:
            self._policies.held.append((self._transport, answer))
        else:
            self._transport.write(answer)


def server_context(authority: CertificateAuthority) -> ssl.SSLContext:
    """Make the TLS settings: a certificate for whatever name is asked for."""

    @lru_cache(maxsize=MAX_CERTIFICATES)
    def for_name(name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(authority.issue([name]).pem())
            file.flush()
            context.load_cert_chain(file.name)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def choose(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        tls.context = for_name(name or "nobody.example.com")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    context.sni_callback = choose
    return context


async def serve(ca_folder: Path) -> None:
    loop = asyncio.get_running_loop()
    authority, policies = CertificateAuthority(), Policies()
    await loop.create_datagram_endpoint(Nameserver, local_addr=(RESOLVER, 53))
    await loop.create_server(
        lambda: PolicyHost(policies),
        POLICY_HOST,
        443,
        ssl=server_context(authority),
        backlog=4096,
    )
    authority.write_bundle(ca_folder / "ca.pem")
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    while line := await reader.readline():
        print(policies.obey(line.decode()), flush=True)


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
