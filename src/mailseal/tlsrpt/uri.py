"""One address that reports go to, as a record names it (RFC 8460 §3, RFC 3986, RFC 6068)."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

import mailseal
from mailseal.names import Domain, NameSyntaxError
from mailseal.quoting import quote

MAX_URI_CHARS = 2_000  # ours: what HTTP software takes; the longest in the wild have some 200
MAX_LOCAL_PART_BYTES = 64  # RFC 5321 §4.5.3.1.1
MAX_PORT = 65_535

# RFC 3986 §2, less the three that RFC 8460 §3 has percent-encoded: "," "!" ";".
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@$&'()*+=]|%[0-9A-Fa-f]{2})+", re.ASCII)
_BAD_CHAR = re.compile(r"[^A-Za-z0-9\-._~:/?#\[\]@$&'()*+=%]", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"')
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]+)(?::(?P<port>.*))?")
_SIZE = re.compile(r"![0-9]+[kmgt]?$", re.IGNORECASE)
_BARE_ADDRESS = re.compile(r"[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+")


class UriSyntaxError(mailseal.Error):
    """A text is no address that a report could be sent to; half a sentence says why."""


class UnknownSchemeError(UriSyntaxError):
    """A URI of another scheme than the two of RFC 8460 §3; senders pass it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUri:
    """Where reports are wanted.

    ``text`` is the URI as it stands in the record. ``domain`` is that of the mail address, or
    the host of the URL; an IP address in a URL stands there as it is. ``address`` is the mail
    address with its percent-encoding removed, "" for a URL.
    """

    scheme: Literal["mailto", "https"]
    text: str
    domain: str
    address: str = ""

    def __str__(self) -> str:
        return self.text


def parse_uri(text: str) -> ReportUri:
    """Read one URI of a record; raise ``UriSyntaxError`` for what no report could be sent to."""
    if not text:
        raise UriSyntaxError("two commas follow each other, or one stands at an end")
    if len(text) > MAX_URI_CHARS:
        raise UriSyntaxError(f"{quote(text)} has {len(text)} characters")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if not _URI.fullmatch(text):
        raise UriSyntaxError(_explain_characters(text))
    if found is None or scheme not in {"mailto", "https"}:
        raise _explain_scheme(text, scheme)
    rest = text[found.end() :]
    return _read_mailto(text, rest) if scheme == "mailto" else _read_https(text, rest)


def _read_mailto(text: str, rest: str) -> ReportUri:
    if rest.startswith("//"):
        raise UriSyntaxError(
            f"{quote(text)} has slashes, and a mail address follows mailto: directly. "
            f"Write {quote('mailto:' + rest[2:])}"
        )
    path = rest.partition("#")[0].partition("?")[0]  # header fields are of no use here
    try:
        address = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UriSyntaxError(f"{quote(text)} does not decode to UTF-8") from error
    local, at, name = address.rpartition("@")
    if not at:
        raise UriSyntaxError(f"{quote(text)} has no mail address behind mailto:")
    if "@" in local and not _QUOTED.fullmatch(local):
        raise UriSyntaxError(
            f"{quote(text)} names more than one mail address. Write mailto: before each"
        )
    is_local = _DOT_ATOM.fullmatch(local) or _QUOTED.fullmatch(local)
    if not is_local or len(local) > MAX_LOCAL_PART_BYTES:
        raise UriSyntaxError(f"{quote(local)} in {quote(text)} is no mailbox name")
    try:
        domain = Domain.parse(name)
    except NameSyntaxError as error:
        raise UriSyntaxError(f"{quote(name)} in {quote(text)} is no domain") from error
    return ReportUri(scheme="mailto", text=text, domain=domain, address=f"{local}@{domain}")


def _read_https(text: str, rest: str) -> ReportUri:
    if not rest.startswith("//"):
        raise UriSyntaxError(f'{quote(text)} lacks the two slashes of "https://"')
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0]
    if "@" in authority:
        raise UriSyntaxError(f"{quote(text)} holds a user name, which no sender will use")
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise UriSyntaxError(f"{quote(authority)} in {quote(text)} is no host")
    host, port = found["host"], found["port"]
    if port is not None and not (port.isdigit() and 0 < int(port[:6]) <= MAX_PORT):
        raise UriSyntaxError(f"{quote(port)} in {quote(text)} is no port")
    return ReportUri(scheme="https", text=text, domain=_read_host(text, host))


def _read_host(text: str, host: str) -> str:
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1]))
        if host.replace(".", "").isdigit():
            return str(ipaddress.IPv4Address(host))
        return Domain.parse(unquote_to_bytes(host).decode("utf-8"))
    except (ValueError, NameSyntaxError) as error:
        raise UriSyntaxError(f"{quote(host)} in {quote(text)} is no host") from error


# -- what is wrong, in words ----------------------------------------------------------------


def _explain_characters(text: str) -> str:
    if _SIZE.search(text):
        right = quote(_SIZE.sub("", text))
        return (
            f"{quote(text)} ends in a size, which DMARC has and TLS reporting has not. "
            f"Write {right}"
        )
    if not text.isascii():
        return f"{quote(text)} is not ASCII. Write domains as A-labels (xn--...)"
    bad = _BAD_CHAR.search(text)
    if bad is None:
        return f'{quote(text)} has a percent sign that encodes nothing. Write "%25"'
    if bad[0].isspace():
        return f"{quote(text)} has a blank in it. Separate addresses by commas"
    return f"{quote(text)} has {quote(bad[0])} in it, which is written %{ord(bad[0]):02X}"


def _explain_scheme(text: str, scheme: str) -> UriSyntaxError:
    if scheme == "http":
        return UnknownSchemeError(f"{quote(text)} is not https, and senders pass it over")
    if scheme and not _BARE_ADDRESS.fullmatch(text):
        return UnknownSchemeError(
            f"{quote(text)} is neither mailto: nor https:, and senders pass it over"
        )
    if _BARE_ADDRESS.fullmatch(text):
        return UriSyntaxError(f"{quote(text)} lacks its scheme. Write {quote('mailto:' + text)}")
    return UriSyntaxError(f"{quote(text)} is no address: it begins with neither mailto: nor https:")
