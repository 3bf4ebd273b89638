"""What the resolver's process and its checking child say to each other: lines of JSON."""

import msgspec

from mailseal.faces.http.checks.desk import Step

MAX_LINE_BYTES = 8 * 1024 * 1024  # ours; a longer one is taken for nonsense, and ends the child
# Ours: 32 hosts with 16 addresses each, all of them broken, have 1 MB; 32 clients may wait for it.
MAX_ANSWER_BYTES = 2 * 1024 * 1024


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """Check a domain."""

    number: int
    domain: str


class Stepped(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """A check goes on."""

    number: int
    step: Step


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    """A check is done; ``answer`` is its object."""

    number: int
    answer: msgspec.Raw


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """A check could not be made, or, without a number, none can be."""

    reason: str
    number: int | None = None


FromChild = Stepped | Answered | Failed

_FROM_CHILD: msgspec.json.Decoder[FromChild] = msgspec.json.Decoder(FromChild)
_FROM_PARENT = msgspec.json.Decoder(Ask)


def encode(message: Ask | FromChild) -> bytes:
    """Return the line, its end included."""
    return msgspec.json.encode(message) + b"\n"


def read_child(line: bytes) -> FromChild:
    """Read what the child has said; raise ``msgspec.DecodeError``."""
    return _FROM_CHILD.decode(line)


def read_parent(line: bytes) -> Ask:
    """Read what the parent has said; raise ``msgspec.DecodeError``."""
    return _FROM_PARENT.decode(line)
