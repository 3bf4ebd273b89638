"""What a scan and its probing child say to each other: MessagePack, each message behind its length.

Times are seconds of the monotonic clock, which all processes of a machine have in common.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import cast

import msgspec

from mailseal.checks.evidence import PolicyFetch

# ours: a body of 64 KiB, a chain of 100 KiB, headers of 30 KB, and as much again
MAX_MESSAGE_BYTES = 512 * 1024
_LENGTH = struct.Struct("!I")


class Settings(msgspec.Struct, frozen=True, kw_only=True, tag="settings"):
    """How to look at policy hosts; the first message to the child."""

    ca_file: str | None
    user_agent: str
    allow_private: bool
    proxy: str | None
    max_probes: int


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """Look at one address of a policy host, and be done by ``until``."""

    number: int
    host: str
    address: str
    until: float
    path: str
    user_agent: str


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The child can begin."""


class Probed(msgspec.Struct, frozen=True, kw_only=True, tag="probed"):
    """What a look came to; None where the child could not look."""

    number: int
    fetch: PolicyFetch | None


FromParent = Settings | Ask
FromChild = Ready | Probed

_FROM_PARENT: msgspec.msgpack.Decoder[FromParent] = msgspec.msgpack.Decoder(FromParent)
_FROM_CHILD: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)
_ENCODER = msgspec.msgpack.Encoder()


def read_parent(message: bytes) -> FromParent:
    """Read what the parent has said; raise ``msgspec.DecodeError``."""
    return _FROM_PARENT.decode(message)


def read_child(message: bytes) -> FromChild:
    """Read what the child has said; raise ``msgspec.DecodeError``."""
    return _FROM_CHILD.decode(message)


class Link(asyncio.Protocol):
    """One end: gives whole messages to ``take``, and tells once that the other end is gone.

    Who sends what is too long, or what ``take`` raises ``ValueError`` for, counts as gone.
    """

    def __init__(self, take: Callable[[bytes], None], when_lost: Callable[[], None]) -> None:
        self._take = take
        self._when_lost = when_lost
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def send(self, message: FromParent | FromChild) -> None:
        """Send a message; it is lost where the other end is gone."""
        data = _ENCODER.encode(message)
        if self._transport is not None:
            self._transport.write(_LENGTH.pack(len(data)) + data)

    def abort(self) -> None:
        """Drop the link."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to send."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take the messages that are whole by now."""
        received = self._received
        received += data
        at = 0
        try:
            while len(received) - at >= _LENGTH.size:
                (size,) = _LENGTH.unpack_from(received, at)
                if size > MAX_MESSAGE_BYTES:
                    raise ValueError(f"a message of {size} bytes")
                end = at + _LENGTH.size + size
                if end > len(received):
                    break
                self._take(bytes(received[at + _LENGTH.size : end]))
                at = end
        except ValueError:
            received.clear()
            self.abort()
            return
        del received[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the other end is gone."""
        self._transport = None
        self._when_lost()
