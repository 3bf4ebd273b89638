"""The domains that are asked for, and what is answered about them: names and replies as usual."""

from mailseal.wire import netstring

ZONE = "postfix"


def domain(number: int) -> str:
    """Return a domain of twenty letters or so; the numbers are all different names."""
    return f"customer{number:06}.example.com"


def reply(next_hop: str) -> bytes:
    """Return a reply payload of the usual length, about 80 bytes."""
    return f"OK secure match=mx1.{next_hop}:.mx.example.net servername=hostname".encode()


def framed_request(number: int) -> bytes:
    """Return the bytes that an MTA sends."""
    return netstring.encode(f"{ZONE} {domain(number)}".encode())


def framed_reply(number: int) -> bytes:
    """Return the bytes that it gets."""
    return netstring.encode(reply(domain(number)))
