"""The operator's exceptions: ``[[overrides]]`` for single domains, ``[pins]`` for a signed list."""

# ruff: noqa: RUF009 -- key() stands for dataclasses.field(), which that rule knows by name only

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from mailseal.config.keys import key, required
from mailseal.config.kinds import (
    Kind,
    RefusedValueError,
    choice,
    duration,
    optional,
    several,
)
from mailseal.envelope import KeySyntaxError, PublicKey
from mailseal.mtasts.fields import MAX_MX_PATTERNS
from mailseal.mtasts.pattern import MxPattern, PatternSyntaxError
from mailseal.names import NameSyntaxError
from mailseal.overrides import DaneOverride, Override, Scope, StsOverride

MAX_OVERRIDES = 2_000  # ours: a file of 1 MiB holds no more that say something
MAX_SCOPES = 1_000  # of one override
MAX_COMMENT_CHARS = 200
MAX_KEYS = 8

_URL = re.compile(r"https://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?/[!-~]{0,1000}", re.ASCII)


def scope() -> Kind[Scope]:
    """Take a domain, or one with a dot in front for all that are below it."""

    def read(raw: object) -> Scope:
        try:
            return Scope.parse(raw if isinstance(raw, str) else "")
        except NameSyntaxError as error:
            raise RefusedValueError from error

    expected = '"example.com", or ".example.com" for all domains below it'
    return Kind(expected=expected, read=read, write=str)


def mx_pattern() -> Kind[MxPattern]:
    """Take an MX host's name, or ``*.`` and the name that hosts stand right below."""

    def read(raw: object) -> MxPattern:
        try:
            pattern = MxPattern.parse(raw if isinstance(raw, str) else "")
        except PatternSyntaxError as error:
            raise RefusedValueError from error
        if not pattern.is_usable:
            raise RefusedValueError
        return pattern

    return Kind(expected='"mx.example.com" or "*.example.com"', read=read, write=str)


def instant() -> Kind[datetime]:
    """Take a date, which is its first moment in UTC, or a date with time and offset."""

    def read(raw: object) -> datetime:
        value: Any = raw
        if isinstance(raw, str):
            try:
                value = datetime.fromisoformat(raw) if "T" in raw else date.fromisoformat(raw)
            except ValueError:
                raise RefusedValueError from None
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise RefusedValueError
            try:
                return value.astimezone(UTC)
            except OverflowError:
                raise RefusedValueError from None
        if isinstance(value, date):
            return datetime.combine(value, time(), UTC)
        raise RefusedValueError

    return Kind(
        expected='a date such as "2027-01-31", or an instant such as "2027-01-31T18:00:00Z"',
        read=read,
        write=lambda value: value.isoformat().replace("+00:00", "Z"),
    )


def remark() -> Kind[str]:
    """Take a text of one line."""

    def read(raw: object) -> str:
        if isinstance(raw, str) and len(raw) <= MAX_COMMENT_CHARS and raw.isprintable():
            return raw
        raise RefusedValueError

    return Kind(expected=f"a line of at most {MAX_COMMENT_CHARS} characters", read=read, write=str)


def public_key() -> Kind[PublicKey]:
    """Take a public key as ``mailseal pins keygen`` prints it."""

    def read(raw: object) -> PublicKey:
        try:
            return PublicKey.parse(raw if isinstance(raw, str) else "")
        except KeySyntaxError as error:
            raise RefusedValueError from error

    return Kind(expected='"ed25519:" and 32 bytes in base64', read=read, write=str)


def path_or_url() -> Kind[str]:
    """Take an absolute path or an https URL, as text."""

    def read(raw: object) -> str:
        if isinstance(raw, str) and "\0" not in raw and Path(raw).is_absolute():
            return raw
        if isinstance(raw, str) and _URL.fullmatch(raw):
            return raw
        raise RefusedValueError

    return Kind(expected='an absolute path or "https://HOST/PATH"', read=read, write=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideSettings:
    """An exception for some domains. It goes before all that DNS and policy hosts say.

    Of several that fit, the nearest name alone counts, as a whole.
    """

    domains: tuple[Scope, ...] = required(
        several(scope(), at_most=MAX_SCOPES),
        "The domains that mail is sent to: as they are, or with a leading dot all below one, as in "
        "Postfix' own tables.\n"
        "For both write both.",
        example=["example.com", ".example.com"],
    )
    sts: StsOverride | None = key(
        None,
        optional(choice(StsOverride), unset=""),
        "off passes the domain's MTA-STS policy over, and pins too, while DANE goes on.\n"
        "testing never enforces it.\n"
        "enforce enforces it in mode testing as well; where there is none, it makes none up.",
        example="off",
    )
    mx: tuple[MxPattern, ...] = key(
        (),
        several(mx_pattern(), at_most=MAX_MX_PATTERNS),
        "With sts = enforce or testing: a fixed policy of these MX hosts and that mode, in place "
        "of the domain's own.\n"
        "DANE still goes before it.",
        example=["mx1.example.com", "*.example.net"],
    )
    dane: DaneOverride | None = key(
        None,
        optional(choice(DaneOverride), unset=""),
        "off does without DANE, also where main.cf says dane.\n"
        "testing looks it up and shows it, and decides as with off.\n"
        "enforce sends mail only to hosts with usable TLSA records, whatever is published; mail "
        "to a domain without them waits.",
        example="off",
    )
    expires: datetime | None = key(
        None,
        optional(instant(), unset=""),
        "From this moment on the override counts no more, as if it had not been written; that is "
        "told in the log.\n"
        "A date is its first moment in UTC.",
        example="2027-01-31",
    )
    comment: str = key("", remark(), "Why, for whoever reads the log.", example="ticket 4711")

    @property
    def override(self) -> Override:
        """Return it as the rules want it."""
        return Override(
            domains=self.domains,
            sts=self.sts,
            mx=self.mx,
            dane=self.dane,
            expires=self.expires,
            comment=self.comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSettings:
    """A signed list of domains that are known to enforce, against attacks on the first mail."""

    source: str | None = key(
        None,
        optional(path_or_url(), unset=""),
        'The list, as "mailseal pins sign" makes it.\n'
        "The last good one stays in use, across restarts too, until it expires.",
        example="https://lists.example.com/pins.json",
    )
    keys: tuple[PublicKey, ...] = key(
        (),
        several(public_key(), at_most=MAX_KEYS),
        'The public keys that may sign the list, as "mailseal pins keygen" prints them.\n'
        "A signature by one of them is enough.",
        example=["ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    )
    check_interval: timedelta = key(
        timedelta(hours=1),
        duration("1m", "24h"),
        "How often the list is read anew.",
    )
