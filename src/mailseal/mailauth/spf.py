"""The TXT record that begins with ``v=spf1`` (RFC 7208 §3, §4.6, §5, §6, §7)."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

import mailseal
from mailseal.quoting import quote

MAX_LOOKUPS = 10  # RFC 7208 §4.6.4

_START = re.compile(rb"v=spf1(?: |$)", re.IGNORECASE)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.ASCII)
_DUAL_CIDR = re.compile(r"(?:/(?P<v4>0|[1-9][0-9]?))?(?://(?P<v6>0|[1-9][0-9]{0,2}))?", re.ASCII)
# RFC 7208 §7.1: "%{...}", "%%", "%_", "%-", and whatever else is printable.
_MACRO = r"(?:%\{[slodiphcrtvSLODIPHCRTV][0-9]{0,3}[rR]?[.+,/_=-]*\}|%%|%_|%-|[\x21-\x24\x26-\x7e])"
_EXP_MACRO = re.compile(r"%\{[crt]", re.IGNORECASE)  # RFC 7208 §7.2: only in explanations
_MACRO_STRING = re.compile(f"{_MACRO}*", re.ASCII)
# RFC 7208 §7.1, toplabel: not of digits alone, a hyphen inside only.
_DOMAIN_END = re.compile(
    r"\.(?![0-9]+\.?$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?$|%\{[^}]*\}$", re.ASCII
)
_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_ASK = frozenset({"include", "a", "mx", "ptr", "exists"})  # RFC 7208 §4.6.4, with redirect


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfRecord:
    """Who may send: ``default`` is the word for everybody else.

    ``default`` is pass, fail, softfail or neutral, or "" where the record leads on to another
    one. ``lookups`` counts the terms of this record alone that make receivers ask DNS.
    """

    default: str
    lookups: int
    redirect: str = ""
    uses_ptr: bool = False


class SpfSyntaxError(mailseal.Error):
    """Receivers treat the record as an error; half a sentence says why."""


_QUALIFIERS = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


def select_records(records: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
    """Return the records that are of SPF, each as one text (RFC 7208 §4.5)."""
    texts = (b"".join(strings) for strings in records)
    return tuple(text for text in texts if _START.match(text))


def parse_record(text: bytes) -> SpfRecord:
    """Read one record of SPF or raise ``SpfSyntaxError``."""
    if not text.isascii():
        raise SpfSyntaxError("it is not ASCII")
    default, redirect, lookups, uses_ptr = "", "", 0, False
    modifiers: set[str] = set()
    for term in text.decode("ascii")[len("v=spf1") :].split(" "):
        if not term:
            continue
        modifier = _MODIFIER.fullmatch(term)
        if modifier:
            name = modifier[1].lower()
            _check_modifier(term, name, modifier[2], modifiers)
            if name == "redirect":
                redirect = modifier[2]
            continue
        qualifier, name = _check_mechanism(term)
        lookups += name in _ASK
        uses_ptr = uses_ptr or name == "ptr"
        if name == "all" and not default:
            default = _QUALIFIERS[qualifier]
    if default:
        redirect = ""  # RFC 7208 §6.1: "all" makes it void
    return SpfRecord(
        default=default or ("" if redirect else "neutral"),
        lookups=lookups + bool(redirect),
        redirect=redirect,
        uses_ptr=uses_ptr,
    )


def _check_modifier(term: str, name: str, value: str, seen: set[str]) -> None:
    if name in {"redirect", "exp"}:
        if name in seen:
            raise SpfSyntaxError(f"{name} is there twice")
        seen.add(name)
        _check_domain(term, value)
    elif not _MACRO_STRING.fullmatch(value):
        raise SpfSyntaxError(f"{quote(term)} has a macro that does not exist")


def _check_mechanism(term: str) -> tuple[str, str]:
    """Return the qualifier and the name of a mechanism, in lower case."""
    qualifier = term[0] if term[0] in "+-?~" else ""
    body = term[len(qualifier) :]
    found = re.match(r"[A-Za-z0-9]*", body, re.ASCII)
    name = found[0].lower() if found else ""
    rest = body[len(name) :]
    match name:
        case "all" if not rest:
            pass
        case "include" | "exists" if rest.startswith(":"):
            _check_domain(term, rest[1:])
        case "ptr" if not rest or rest.startswith(":"):
            if rest:
                _check_domain(term, rest[1:])
        case "a" | "mx" if not rest or rest[0] in ":/":
            _check_host(term, rest)
        case "ip4" | "ip6" if rest.startswith(":"):
            _check_network(term, name, rest[1:])
        case "all" | "include" | "exists" | "ptr" | "a" | "mx" | "ip4" | "ip6":
            raise SpfSyntaxError(_explain_argument(term, name))
        case _:
            raise SpfSyntaxError(_explain_unknown(term, name))
    return qualifier, name


def _check_host(term: str, rest: str) -> None:
    """Check ``[:domain][/cidr][//cidr]``."""
    cut = re.search(r"(?:/[0-9]*)?(?://[0-9]*)?$", rest, re.ASCII)
    length = cut[0] if cut else ""
    domain = rest[: len(rest) - len(length)]
    found = _DUAL_CIDR.fullmatch(length)
    if found is None or int(found["v4"] or 0) > 32 or int(found["v6"] or 0) > 128:
        raise SpfSyntaxError(f"{quote(length)} in {quote(term)} is no prefix length")
    if domain:
        _check_domain(term, domain.removeprefix(":"))


def _check_network(term: str, name: str, value: str) -> None:
    parse = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
    address, slash, length = value.partition("/")
    is_length = not slash or bool(_LENGTH.fullmatch(length))
    try:
        if "%" in address or not is_length:  # a zone of IPv6; a netmask
            raise ValueError(value)
        parse(value, strict=False)
    except ValueError as error:
        raise SpfSyntaxError(f"{quote(value)} in {quote(term)} is no {name} network") from error


def _check_domain(term: str, value: str) -> None:
    if not _MACRO_STRING.fullmatch(value) or _EXP_MACRO.search(value):
        raise SpfSyntaxError(f"{quote(term)} has a macro that does not exist there")
    if not _DOMAIN_END.search(value) or ".." in value or value.startswith("."):
        raise SpfSyntaxError(f"{quote(value)} in {quote(term)} is no domain")


def _explain_argument(term: str, name: str) -> str:
    if name in {"ip4", "ip6", "include", "exists"}:
        return f'{quote(term)} lacks its colon and what follows it. Write "{name}:..."'
    return f"{quote(term)} has something behind {name} that does not belong there"


def _explain_unknown(term: str, name: str) -> str:
    if name in {"ipv4", "ip"}:
        return f'{quote(term)} is unknown. Write "ip4:..."'
    if name == "ipv6":
        return f'{quote(term)} is unknown. Write "ip6:..."'
    try:
        ipaddress.ip_network(term.lstrip("+-?~"), strict=False)
    except ValueError:
        return f"{quote(term)} is no mechanism of SPF"
    return f'{quote(term)} is a bare address. Write "ip4:..." or "ip6:..." in front of it'
