"""One piece of news about a watched domain, the same for every channel that it goes out by."""

import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

import mailseal
from mailseal.checks.finding import Finding


class NoticeSyntaxError(mailseal.Error):
    """What was stored is no notice."""


class Channel(enum.StrEnum):
    """How a notice reaches somebody."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What somebody is to be told of one look.

    ``verdict_before`` is empty at the first look. ``still_there`` counts the findings that were
    told before and are there still. ``is_test`` marks one that is about nothing.
    """

    domain: str
    at: datetime
    verdict: str
    sentence: str
    verdict_before: str = ""
    added: tuple[Finding, ...] = ()
    worse: tuple[Finding, ...] = ()
    resolved: tuple[Finding, ...] = ()
    still_there: int = 0
    is_test: bool = False

    @property
    def id(self) -> str:
        """Return what tells this notice from every other, the same on every attempt."""
        text = f"{self.domain} {self.at.isoformat()} {self.is_test}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def headline(self) -> str:
        """Return one line that says it all."""
        if self.is_test:
            return f"{self.domain}: this is a test, nothing has happened"
        # Loaded only here: each resolver knows notices, and few have something to tell.
        from mailseal.checks.verdict import say_verdict

        return f"{self.domain}: {say_verdict(self.verdict)} ({count_news((self,))})"


def count_news(notices: Sequence[Notice]) -> str:
    """Return how many findings are new, worse and resolved, all notices together."""
    counts = (
        (sum(len(one.added) for one in notices), "new"),
        (sum(len(one.worse) for one in notices), "worse"),
        (sum(len(one.resolved) for one in notices), "resolved"),
    )
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def id_of(notices: Sequence[Notice]) -> str:
    """Return what tells these notices together from every other bundle."""
    text = " ".join(sorted(one.id for one in notices))
    return notices[0].id if len(notices) == 1 else hashlib.sha256(text.encode()).hexdigest()[:32]


def write_notice(notice: Notice) -> bytes:
    """Return a notice as JSON."""
    return msgspec.json.encode(notice, enc_hook=_plain)


def read_notice(text: bytes) -> Notice:
    """Read what ``write_notice`` wrote; raise ``NoticeSyntaxError`` for anything else."""
    try:
        return msgspec.json.decode(text, type=Notice)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NoticeSyntaxError(str(error)) from error


def _plain(value: object) -> str:
    """Write a ``Domain`` as the text that it is."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"a notice holds a {type(value).__name__}")
