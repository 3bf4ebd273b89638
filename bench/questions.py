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


def policy(name: str) -> bytes:
    """Return the policy of a domain, whose reply is as above."""
    return (
        f"version: STSv1\r\nmode: enforce\r\nmx: mx1.{name}\r\nmx: *.mx.example.net\r\n"
        "max_age: 1209600\r\n"
    ).encode()
