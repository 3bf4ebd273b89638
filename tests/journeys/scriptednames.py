"""A resolver on loopback that knows a million domains by rule: a fake Internet for scans.

``dN.example`` has an MX host, one of forty, and every tenth an ``_mta-sts`` record; nothing else
exists. It answers in a thread of its own and counts how often each name was asked for.
"""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

MX, TXT, A = 15, 16, 1
HOSTS = 40
_SOA = (
    b"\x07example\x00\x00\x06\x00\x01\x00\x00\x01\x2c\x00\x1e\x02ns\x00\x04host\x00"
    + struct.pack("!5I", 1, 3600, 600, 86400, 300)
)


def _name(text: str) -> bytes:
    labels = text.split(".")
    return b"".join(bytes([len(one)]) + one.encode() for one in labels) + b"\0"


def _record(rdtype: int, data: bytes) -> bytes:
    # The owner is the name of the question, at offset 12.
    return struct.pack("!HHHIH", 0xC00C, rdtype, 1, 300, len(data)) + data


class ScriptedNames:
    """What the resolver knows; ``asked`` counts look-ups by name.

    It says nothing of the name ``unanswered``, so that whoever asks for it cannot be done soon.
    """

    def __init__(self) -> None:
        self.asked = Counter[str]()
        self.unanswered: str | None = None  # "" is the root, by which resolvers are tested
        self.port = 0

    def reply(self, query: bytes) -> bytes | None:
        """Answer one query."""
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += length + 1
        rdtype = struct.unpack("!H", query[at + 1 : at + 3])[0]
        question = query[12 : at + 5]
        name = ".".join(labels).lower()
        self.asked[name] += 1
        if name == self.unanswered:
            return None
        answer = self._answer(name, rdtype)
        known = answer is not None or name.startswith(("d", "mx"))
        flags = 0x81A0 if known else 0x81A3  # validated; NXDOMAIN where nothing is
        authority = b"" if answer else _SOA
        head = query[:2] + struct.pack("!5H", flags, 1, bool(answer), bool(authority), 0)
        return head + question + (answer or authority)

    def _answer(self, name: str, rdtype: int) -> bytes | None:
        first, _, rest = name.partition(".")
        if rdtype == MX and first[:1] == "d" and first[1:].isdigit():
            host = f"mx{int(first[1:]) % HOSTS}.hosts.example"
            return _record(MX, struct.pack("!H", 10) + _name(host))
        if rdtype == A and rest == "hosts.example":
            return _record(A, bytes([192, 0, 2, int(first[2:]) + 1]))
        if rdtype == TXT and first == "_mta-sts" and rest.split(".")[0][1:].endswith("0"):
            text = b"v=STSv1; id=1;"
            return _record(TXT, bytes([len(text)]) + text)
        return None


class _Server(asyncio.DatagramProtocol):
    def __init__(self, names: ScriptedNames) -> None:
        self._names = names
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        if (reply := self._names.reply(data)) is not None:
            self._transport.sendto(reply, addr)


@contextmanager
def scripted_names() -> Iterator[ScriptedNames]:
    """Run the resolver while the block runs."""
    names = ScriptedNames()
    loop = asyncio.new_event_loop()
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setblocking(False)
    door.bind(("127.0.0.1", 0))
    names.port = door.getsockname()[1]
    transport, _ = loop.run_until_complete(
        loop.create_datagram_endpoint(lambda: _Server(names), sock=door)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield names
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))  # a transport closes a turn later
        loop.close()
