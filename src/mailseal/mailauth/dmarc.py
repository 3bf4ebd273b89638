"""The TXT record at ``_dmarc.DOMAIN`` (RFC 7489 §6.3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import mailseal
from mailseal.mailauth.taglist import TagSyntaxError, read_tags
from mailseal.quoting import quote

_START = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_POLICIES = ("none", "quarantine", "reject")
_ALLOWED = {  # RFC 7489 §6.4; values have no case there
    "sp": _POLICIES,
    "np": _POLICIES,
    "adkim": ("r", "s"),
    "aspf": ("r", "s"),
    "t": ("y", "n"),
}
_NUMBERS = {"pct": 100, "ri": 4_294_967_295}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s,!;]+(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRecord:
    """What receivers are asked to do with mail that nobody vouches for.

    ``policy`` and ``subdomain_policy`` are none, quarantine or reject; the latter is the former
    where the record does not say.
    """

    policy: str
    subdomain_policy: str
    rua: tuple[str, ...] = ()


class DmarcSyntaxError(mailseal.Error):
    """The record has no effect, or not the one that was meant; half a sentence says why."""


def select_records(records: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
    """Return the records that are of DMARC, each as one text (RFC 7489 §6.6.3)."""
    texts = (b"".join(strings) for strings in records)
    return tuple(text for text in texts if _START.match(text))


def parse_record(text: bytes) -> DmarcRecord:
    """Read one record of DMARC or raise ``DmarcSyntaxError``."""
    try:
        tags = read_tags(text)
    except TagSyntaxError as error:
        raise DmarcSyntaxError(f"{error}") from error
    if next(iter(tags.items())) != ("v", "DMARC1"):
        raise DmarcSyntaxError('it does not begin with "v=DMARC1"')
    policy = tags.get("p", "").lower()
    if "p" not in tags:
        raise DmarcSyntaxError("it has no p, the policy")
    if policy not in _POLICIES:
        raise DmarcSyntaxError(f"p is {quote(tags['p'])}, expected none, quarantine or reject")
    _check_values(tags)
    return DmarcRecord(
        policy=policy,
        subdomain_policy=tags.get("sp", policy).lower(),
        rua=_read_uris("rua", tags.get("rua", "")),
    )


def _check_values(tags: dict[str, str]) -> None:
    for name, allowed in _ALLOWED.items():
        if name in tags and tags[name].lower() not in allowed:
            expected = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
            raise DmarcSyntaxError(f"{name} is {quote(tags[name])}, expected {expected}")
    for name, most in _NUMBERS.items():
        value = tags.get(name, "0")
        if not (value.isdigit() and len(value) <= 10 and int(value) <= most):
            raise DmarcSyntaxError(f"{name} is {quote(value)}, expected 0 to {most}")
    _read_uris("ruf", tags.get("ruf", ""))


def _read_uris(name: str, value: str) -> tuple[str, ...]:
    uris = tuple(uri.strip(" \t") for uri in value.split(",")) if value else ()
    for uri in uris:
        if not _URI.fullmatch(uri):
            raise DmarcSyntaxError(
                f"{name} has {quote(uri)}, expected an address such as mailto:dmarc@example.com"
            )
    return uris
