"""Names as mail servers use them: domains and next hops (RFC 5321 §4.1.2, RFC 8461 §3.4)."""

import enum
import ipaddress
import re
from dataclasses import dataclass

import mailseal

MAX_NAME_BYTES = 253  # RFC 1035 §2.3.4, in text form without the final dot
MAX_LABEL_BYTES = 63  # RFC 1035 §2.3.4

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)


class NameSyntaxError(mailseal.Error):
    """A text is not a domain name that could be looked up."""


class Domain(str):
    """A domain name in lower-case A-labels without a final dot.

    Make one with ``Domain.parse``; the constructor trusts its argument.
    Underscores are allowed, since names of MX hosts have them in the wild.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Domain":
        """Read a domain name; U-labels become A-labels, one final dot is dropped.

        Raises ``NameSyntaxError`` for empty, overlong or malformed names, and for
        addresses: a name whose last label is all digits can never be delegated.
        """
        name = text
        if not name.isascii():
            name = _to_a_labels(name)
        name = name.removesuffix(".").lower()
        if not name or len(name) > MAX_NAME_BYTES:
            raise NameSyntaxError(f"a domain name has 1 to {MAX_NAME_BYTES} bytes, got {len(name)}")
        labels = name.split(".")
        for label in labels:
            if not _LABEL.fullmatch(label):
                raise NameSyntaxError(f"label {label[:70]!r} is not a host name label")
        if labels[-1].isdigit():
            raise NameSyntaxError(f"{name!r} ends in digits, like an address")
        return cls(name)

    @property
    def has_dot(self) -> bool:
        """Tell whether the name has more than one label."""
        return "." in self


def _to_a_labels(text: str) -> str:
    # Loaded only for names that need it: its tables take 10 ms.
    import idna

    try:
        labels = idna.uts46_remap(text, std3_rules=False, transitional=False).split(".")
        # What is ASCII stays as it is, underscores and "xn--" that decodes to nothing included:
        # DNS has such names, and who asks has found one there.
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels
        )
    except (idna.IDNAError, UnicodeError) as error:
        raise NameSyntaxError(f"{text[:70]!r} has no A-label form: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHop:
    """Where an MTA is about to deliver: what it asks a policy for (RFC 8461 §3.4).

    ``port`` is a decimal number without leading zeros or a service name in lower case, None for
    SMTP's own. It becomes a label of TLSA names, where zeros would make another one (RFC 6698 §3).
    ``is_host`` is true for ``[host]``, where the MTA makes no MX look-up, so that ``domain``
    itself is the only MX host.
    """

    domain: Domain
    port: str | None = None
    is_host: bool = False

    def __str__(self) -> str:
        host = f"[{self.domain}]" if self.is_host else str(self.domain)
        return f"{host}:{self.port}" if self.port else host


class NoLookup(enum.Enum):
    """Why a key has no policy and nothing is to be looked up for it."""

    EMPTY = "the key is empty"
    PARENT = "a key with a leading dot asks for a parent domain, whose policy never applies"
    LITERAL = "an address has no policy"
    PATH = "a path is a local socket, not a domain"
    MALFORMED = "the key is not a domain name"


def parse_next_hop(key: str) -> NextHop | NoLookup:
    """Read a look-up key as Postfix writes it: ``domain``, ``[host]``, either with ``:port``.

    Whatever else comes in, of any length, is a ``NoLookup``; nothing is raised.
    """
    if not key:
        return NoLookup.EMPTY
    if key.startswith("."):
        return NoLookup.PARENT
    if key.startswith(("/", "unix:")):
        return NoLookup.PATH
    if len(key) > MAX_NAME_BYTES * 4:
        return NoLookup.MALFORMED
    is_host = key.startswith("[")
    if is_host:
        host, bracket, rest = key[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return NoLookup.MALFORMED
        port = rest[1:]
        if rest and not port:
            return NoLookup.MALFORMED
    else:
        host, colon, port = key.partition(":")
        if _is_address(key):
            return NoLookup.LITERAL
        if colon and not port:
            return NoLookup.MALFORMED
    if _is_address(host):
        return NoLookup.LITERAL
    port = port.lower()
    if port and not _is_port(port):
        return NoLookup.MALFORMED
    if port.isdigit():
        port = str(int(port))
    try:
        domain = Domain.parse(host)
    except NameSyntaxError:
        return NoLookup.MALFORMED
    return NextHop(domain=domain, port=port or None, is_host=is_host)


def _is_address(host: str) -> bool:
    if ":" not in host and not host[-1:].isdigit():
        return False  # nearly every key; the library takes 10 µs to say so
    # RFC 5321 §4.1.3's tag makes an address only of an address: "ipv6:ip" is a host and a port.
    try:
        ipaddress.ip_address(host[5:] if host[:5].lower() == "ipv6:" else host)
    except ValueError:
        return False
    return True


def _is_port(port: str) -> bool:
    if port.isascii() and port.isdigit():
        return len(port) <= 5 and 0 < int(port) < 65536
    return bool(_SERVICE.fullmatch(port))
