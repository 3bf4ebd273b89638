"""What the operator wrote for single domains, above all that DNS and policy hosts say.

MTA-STS and DANE are ruled separately, so that a broken policy can be passed over while DANE
stays, and the other way round. An override ends at its date, as if it had never been written.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain, NameSyntaxError

# A fixed policy lasts as long as its override does; replies never show this.
_FIXED_MAX_AGE = timedelta(days=1)


class StsOverride(enum.StrEnum):
    """What becomes of a domain's MTA-STS policy.

    ``off``: it is passed over. ``testing``: it is never enforced. ``enforce``: one in mode
    testing is enforced as well; where there is none, none is made up.
    """

    OFF = "off"
    TESTING = "testing"
    ENFORCE = "enforce"


class DaneOverride(enum.StrEnum):
    """What becomes of DANE.

    ``off``: it is not looked up. ``testing``: it is looked up and shown, and decides nothing.
    ``enforce``: mail goes only to hosts with usable TLSA records, whatever is published.
    """

    OFF = "off"
    TESTING = "testing"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Scope:
    """The domains that an override is for: one, or with a leading dot all that are below it.

    As in Postfix' own tables, ``.example.com`` is not ``example.com`` itself. Make one with
    ``Scope.parse``; the constructor trusts its argument.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> "Scope":
        """Read a domain, with or without one leading dot; raises ``NameSyntaxError``."""
        if text.startswith(".."):
            raise NameSyntaxError(f"{text[:70]!r} begins with two dots")
        dot = "." if text.startswith(".") else ""
        return cls(dot + Domain.parse(text.removeprefix(".")))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One exception. ``mx`` makes, with ``sts`` as its mode, a policy that replaces any other.

    ``expires`` is the first instant at which it no longer counts; None is never.
    """

    domains: tuple[Scope, ...]
    sts: StsOverride | None = None
    mx: tuple[MxPattern, ...] = ()
    dane: DaneOverride | None = None
    expires: datetime | None = None
    comment: str = ""

    @property
    def fixed_policy(self) -> Policy | None:
        """The policy that is in force whatever the domain publishes."""
        if not self.mx or self.sts not in {StsOverride.TESTING, StsOverride.ENFORCE}:
            return None
        mode = Mode.ENFORCE if self.sts is StsOverride.ENFORCE else Mode.TESTING
        return Policy(mode=mode, max_age=_FIXED_MAX_AGE, mx=self.mx)

    @property
    def settles_sts(self) -> bool:
        """Tell whether the domain's own policy makes no difference."""
        return self.sts is StsOverride.OFF or self.fixed_policy is not None

    def has_expired(self, now: datetime) -> bool:
        """Tell whether its date has come."""
        return self.expires is not None and now >= self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The override that counts for a domain, and by which of its scopes."""

    scope: Scope
    override: Override


class Overrides:
    """All overrides, found by domain: the nearest one alone counts, as a whole.

    The domain itself is nearer than ``.parent``, and that nearer than ``.grandparent``.
    """

    def __init__(self, overrides: Sequence[Override] = ()) -> None:
        self._by_scope: Mapping[str, Match] = {
            scope.text: Match(scope=scope, override=override)
            for override in overrides
            for scope in override.domains
        }

    def __len__(self) -> int:
        return len(self._by_scope)

    def find(self, domain: Domain, now: datetime) -> Match | None:
        """Return the nearest override that has not expired."""
        return next((one for one in self._near(domain) if not one.override.has_expired(now)), None)

    def expired(self, domain: Domain, now: datetime) -> tuple[Match, ...]:
        """Return the overrides that ``find`` passed over because their date has come."""
        found: list[Match] = []
        for one in self._near(domain):
            if not one.override.has_expired(now):
                break
            found.append(one)
        return tuple(found)

    def _near(self, domain: Domain) -> Iterator[Match]:
        if not self._by_scope:
            return
        text = str(domain)
        if text in self._by_scope:
            yield self._by_scope[text]
        while dot := text.find(".") + 1:
            text = text[dot:]
            if (match := self._by_scope.get("." + text)) is not None:
                yield match
