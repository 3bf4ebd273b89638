"""The servers that a scan meets: one resolver, one policy host for all, forty mail servers.

``scanworld.py ROLE FOLDER`` runs ``dns``, ``https`` or ``smtp``, on the ports of the real ones, so
in a network namespace. It says ``ready``; a line on standard input is how many milliseconds each
answer is kept back from then on, and of how many domains one publishes MTA-STS; it is answered with
``ok``.

Those have a record and a policy in mode enforce; all have one MX host, TLSRPT, SPF and DMARC. No
zone is signed. Fifty domains after one another share a mail server.
"""

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import uvloop

from lab.ca import CertificateAuthority

RESOLVER = "127.0.0.53"
POLICY_HOST = "127.0.80.1"
HOSTS = 40
DOMAINS = 2000  # with a policy host that has a certificate for them
PER_HOST = DOMAINS // HOSTS
TTL_SECONDS = 3600
MAX_LINE_BYTES = 4096
_SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>; Python has no name for it
RECEIVE_BUFFER_BYTES = 4_000_000  # of the resolver: a scanner asks thousands of questions at once

_A, _NS, _SOA, _MX, _TXT = 1, 2, 6, 15, 16
_HEADER = struct.Struct("!6H")
_REPLY = 0x8180  # recursion desired and available; NOERROR
_AUTHENTIC = 0x0020  # AD, for the root alone: a resolver that validates, and no signed domain
_TEXTS = {
    b"_mta-sts": b"v=STSv1; id=20261101T000000;",
    b"_smtp": b"v=TLSRPTv1; rua=https://reports.example.net/v1/tls",
    b"_dmarc": b"v=DMARC1; p=reject",
}
_SPF = b"v=spf1 ip4:192.0.2.0/24 -all"
_SOA_DATA = b"\0\0" + struct.pack("!5I", 1, 3600, 600, 86400, TTL_SECONDS)


def domain(number: int) -> str:
    """Return the name of a domain of the corpus."""
    return f"customer{number:07}.com"


def host(number: int) -> str:
    """Return the name of a mail server; each is of another provider."""
    return f"mx.provider{number:02}.net"


def host_of(number: int) -> int:
    """Return which mail server a domain has."""
    return number // PER_HOST % HOSTS


def address(number: int) -> str:
    """Return the address of a mail server; each is in another network."""
    return f"127.0.{100 + number}.25"


class Nameserver(asyncio.DatagramProtocol):
    """A resolver that knows everything at once."""

    def __init__(self, setting: "Setting") -> None:
        self._setting = setting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._sendto = cast("asyncio.DatagramTransport", transport).sendto
        self._call_later = asyncio.get_running_loop().call_later

    def datagram_received(self, data: bytes, addr: "tuple[str, int]") -> None:
        """Answer one question with a name that is not compressed."""
        answer = reply(data, self._setting.every)
        if self._setting.seconds:
            self._call_later(self._setting.seconds, self._sendto, answer, addr)
        else:
            self._sendto(answer, addr)


def reply(data: bytes, every: int = 1) -> bytes:
    """Return the reply to a query; one of ``every`` domains publishes MTA-STS."""
    labels = []
    place = 12
    while size := data[place]:
        labels.append(data[place + 1 : place + 1 + size].lower())
        place += 1 + size
    question = data[12 : place + 5]
    rdtype = int.from_bytes(data[place + 1 : place + 3], "big")
    is_sts = bool(labels) and labels[0] in (b"_mta-sts", b"mta-sts")
    is_there = not is_sts or int(labels[1].removeprefix(b"customer")) % every == 0
    found = _record(labels, rdtype) if is_there else None
    flags = _REPLY if labels else _REPLY | _AUTHENTIC
    query_id = int.from_bytes(data[:2], "big")
    section = (0, 1) if found is None else (1, 0)
    shown = _SOA_DATA if found is None else found
    return (
        _HEADER.pack(query_id, flags, 1, *section, 0)
        + question
        + struct.pack(
            "!HHHIH", 0xC00C, _SOA if found is None else rdtype, 1, TTL_SECONDS, len(shown)
        )
        + shown
    )


def _record(labels: list[bytes], rdtype: int) -> bytes | None:
    match labels:
        case [b"mx", provider, b"net"] if rdtype == _A:
            return socket.inet_aton(address(int(provider.removeprefix(b"provider"))))
        case [customer, b"com"] if rdtype == _MX:
            provider = b"provider%02d" % host_of(int(customer.removeprefix(b"customer")))
            return b"\0\x0a" + _name(b"mx", provider, b"net")
        case [_, b"com"] if rdtype == _TXT:
            return bytes((len(_SPF),)) + _SPF
        case [_, b"com"] if rdtype == _NS:
            return _name(b"ns", b"provider00", b"net")
        case [_, b"com"] if rdtype == _SOA:
            return _SOA_DATA
        case [b"mta-sts", _, b"com"] if rdtype == _A:
            return socket.inet_aton(POLICY_HOST)
        case [first, *_, b"com"] if rdtype == _TXT and first in _TEXTS:
            return bytes((len(_TEXTS[first]),)) + _TEXTS[first]
        case _:
            return None


def _name(*labels: bytes) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


class PolicyHost(asyncio.Protocol):
    """Answers one GET; whoever asked closes."""

    def __init__(self) -> None:
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer when the head is complete."""
        self._request += data
        if not self._request.endswith(b"\r\n\r\n"):
            return
        named = self._request.lower().partition(b"host:")[2].partition(b"\r\n")[0].strip()
        number = int(named.removeprefix(b"mta-sts.customer").removesuffix(b".com"))
        mx = host(host_of(number))
        body = f"version: STSv1\r\nmode: enforce\r\nmx: {mx}\r\nmax_age: 1209600\r\n".encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b" % (len(body), body)
        )


def certify(folder: Path, say: Callable[[str], None]) -> None:
    """Make the authority and all certificates, once for every run."""
    authority = CertificateAuthority()
    authority.write_bundle(folder / "ca.pem")
    say(f"making certificates for {DOMAINS} policy hosts and {HOSTS} mail servers")
    names = [f"mta-sts.{domain(number)}" for number in range(DOMAINS)]
    for name in (*names, *(host(number) for number in range(HOSTS))):
        (folder / f"{name}.pem").write_text(authority.issue([name]).pem())


def _tls(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.set_alpn_protocols(["http/1.1"])
    context.num_tickets = 0  # nobody comes back
    return context


class Setting:
    """For how long answers are kept back, and of how many domains one publishes MTA-STS."""

    seconds = 0.0
    every = 1


async def serve_dns(folder: Path, setting: Setting) -> None:  # noqa: ARG001 -- as the others
    """Run the resolver."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        door.bind((RESOLVER, 53))
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: Nameserver(setting), sock=door)
        await _obey(setting)


async def serve_https(folder: Path, setting: Setting) -> None:
    """Run the policy host, which answers at once."""
    names = [f"mta-sts.{domain(number)}" for number in range(DOMAINS)]
    contexts = {name: _tls(folder / f"{name}.pem") for name in names}

    def choose(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        tls.context = contexts[name or ""]

    default = _tls(folder / f"mta-sts.{domain(0)}.pem")
    default.sni_callback = choose
    loop = asyncio.get_running_loop()
    await loop.create_server(PolicyHost, POLICY_HOST, 443, ssl=default, backlog=1024)
    await _obey(setting)


async def serve_smtp(folder: Path, setting: Setting) -> None:
    """Run the mail servers."""
    for number in range(HOSTS):
        serve = _mail_server(_tls(folder / f"{host(number)}.pem"), setting)
        await asyncio.start_server(serve, address(number), 25, limit=MAX_LINE_BYTES)
    await _obey(setting)


def _mail_server(
    tls: ssl.SSLContext, setting: Setting
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_in_tls = False

        async def say(text: bytes) -> None:
            await asyncio.sleep(setting.seconds)
            writer.write(text)
            await writer.drain()

        try:
            await say(b"220 bench ESMTP\r\n")
            while line := await reader.readline():
                word = line[:4].upper()
                if word == b"EHLO":
                    last = b"250 8BITMIME\r\n" if is_in_tls else b"250 STARTTLS\r\n"
                    await say(b"250-bench\r\n250-PIPELINING\r\n" + last)
                elif word == b"STAR":
                    await say(b"220 Go on\r\n")
                    await writer.start_tls(tls)
                    is_in_tls = True
                elif word == b"QUIT":
                    await say(b"221 Bye\r\n")
                    return
                else:
                    await say(b"250 Ok\r\n")
        except OSError:
            pass  # the client has left
        finally:
            writer.close()

    return serve


async def _obey(setting: Setting) -> None:
    """Do what standard input says, until it ends."""
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        milliseconds, every = line.split()
        setting.seconds, setting.every = int(milliseconds) / 1000, int(every)
        print("ok", flush=True)


ROLES = {"dns": serve_dns, "https": serve_https, "smtp": serve_smtp}


def main() -> None:
    """Play one role."""
    role, folder = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ROLES[role](Path(folder), Setting()))


if __name__ == "__main__":
    main()
