"""How one's own domains are watched, and who is told: ``[monitor]``."""

# ruff: noqa: RUF009 -- key() stands for dataclasses.field(), which that rule knows by name only

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mailseal.config.addresses import SecretUrl
from mailseal.config.keys import key
from mailseal.config.kinds import (
    Kind,
    RefusedValueError,
    choice,
    count,
    dns_name,
    duration,
    flag,
    fraction,
    optional,
    path,
    render_duration,
    several,
    word,
)
from mailseal.deviations import Severity
from mailseal.watch.mailsecurity import MailSecurity
from mailseal.watch.webhookplace import WebhookPlace, WebhookSyntaxError, parse_webhook

_MAIL_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+", re.ASCII
)


@dataclass(frozen=True, slots=True)
class WebhookUrl(SecretUrl):
    """A URL whose path is often a secret of its own: shown without it."""

    def __str__(self) -> str:
        try:
            place = self.place
        except WebhookSyntaxError:
            return "***"
        return f"{'https' if place.is_secure else 'http'}://{place.authority}/***"

    def __repr__(self) -> str:
        return f"WebhookUrl({str(self)!r})"

    @property
    def place(self) -> WebhookPlace:
        """Return where it points to; raises ``WebhookSyntaxError`` for what ``read`` refuses."""
        return parse_webhook(self.reveal())


def mail_address() -> Kind[str]:
    """Take one mail address, without a name beside it."""

    def read(raw: object) -> str:
        if isinstance(raw, str) and _MAIL_ADDRESS.fullmatch(raw):
            return raw
        raise RefusedValueError

    return Kind(expected='a mail address in ASCII, "NAME@DOMAIN"', read=read, write=str)


def webhook_url() -> Kind[WebhookUrl]:
    """Take a URL of https, or of http on this machine."""

    def read(raw: object) -> WebhookUrl:
        if isinstance(raw, str):
            with contextlib.suppress(WebhookSyntaxError):
                parse_webhook(raw)
                return WebhookUrl(raw)
        raise RefusedValueError

    return Kind(
        expected='"https://HOST/PATH", or "http://127.0.0.1:PORT/PATH" on this machine',
        read=read,
        write=lambda url: url.reveal(),
        is_secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """Watched domains: how often they are looked at, and who is told what has changed.

    Which domains are watched is no setting: `mailseal monitor add` puts them into the store.
    How they are looked at is `[check]`.
    """

    enabled: bool = key(
        True,
        flag(),
        "Look at watched domains while the service runs.\nOn one node of a fleet it is enough.",
    )
    interval: timedelta = key(
        timedelta(hours=6),
        duration("1m", "30d"),
        "How often a domain is looked at.\n"
        "Mail servers count connections: hours are enough, since certificates end by the day.",
    )
    jitter: float = key(
        0.1,
        fraction(0, 0.5),
        "The share of interval by which a look may come earlier, at random, so that domains "
        "that were added together part.",
    )
    confirm_after: timedelta = key(
        timedelta(minutes=15),
        duration("1s", "24h"),
        "How soon a domain is looked at again when something was found, or gone, for the first "
        "time, or when a look could not tell.",
    )
    at_once: int = key(
        2, count(1, 50), "The most domains that are looked at at a time by one node."
    )
    deep: bool = key(
        False,
        flag(),
        "Make a few more connections to each server, as `mailseal check --deep` does: the servers "
        "of the zone and the ends of DNSSEC signatures are seen only so.",
    )
    max_domains: int = key(
        1000,
        count(1, 100_000),
        "The most domains that are watched; each has a dozen series in Prometheus.",
    )
    keep_history: timedelta = key(
        timedelta(days=400),
        duration("1d", "3650d"),
        "How long looks, findings that are over and messages that were sent are kept.\n"
        "Evidence is kept of looks at which something had changed, and of the last one.",
    )
    alert_severity: Severity = key(
        Severity.WARNING,
        choice(Severity),
        "The least severity that somebody is told of, in the order error, warning, unknown, info.",
    )
    mail_to: tuple[str, ...] = key(
        (),
        several(mail_address(), at_most=20),
        "Who is told by mail.\n"
        "Choose an address whose mail does not depend on the domains that are watched.",
        example=["postmaster@example.com"],
    )
    mail_from: str | None = key(
        None,
        optional(mail_address(), unset=""),
        "The sender of these mails.",
        example="mailseal@example.com",
    )
    mail_host: str = key(
        "localhost",
        dns_name(),
        "The mail server that takes them.",
        example="smtp.example.com",
    )
    mail_port: int = key(25, count(1, 65535), "Its port; 587 or 465 where there is a password.")
    mail_security: MailSecurity = key(
        MailSecurity.AUTO,
        choice(MailSecurity),
        "How the connection is protected: starttls, tls (from the first byte, port 465) or none.\n"
        "With auto it is starttls, but none on this machine itself; the certificate is verified.",
    )
    mail_user: str | None = key(
        None,
        optional(word("a user's name"), unset=""),
        "The user to log in as, with the password of mail_password_file.",
        example="mailseal",
    )
    mail_password_file: Path | None = key(
        None,
        optional(path(), unset=""),
        "The file whose first line is the password; the service's user must be able to read it.",
        example="/etc/mailseal/smtp-password",
    )
    webhook_url: WebhookUrl | None = key(
        None,
        optional(webhook_url(), unset=""),
        "Where what has changed is posted as JSON, through proxy in [https] where one is set.",
        example="https://alerts.example.com/mailseal",
    )
    webhook_secret_file: Path | None = key(
        None,
        optional(path(), unset=""),
        "The file whose first line is the secret that each POST is signed with.",
        example="/etc/mailseal/webhook-secret",
    )
    ca_file: Path | None = key(
        None,
        optional(path(), unset="system"),
        "A PEM file with the certificate authorities that mail server and webhook are checked "
        "against.",
        example="/etc/ssl/certs/ca-certificates.crt",
    )

    def problems(self) -> Iterator[str]:
        """Tell what no key can tell alone."""
        if self.mail_to and self.mail_from is None:
            yield "[monitor] mail_to is set, but mail_from is not"
        if (self.mail_user is None) != (self.mail_password_file is None):
            yield "[monitor] mail_user and mail_password_file need each other"
        if self.mail_user is not None and self.mail_security is MailSecurity.NONE:
            yield '[monitor] mail_security is "none", and a password would be sent in clear'
        if self.confirm_after > self.interval:
            yield (
                f"[monitor] confirm_after is {render_duration(self.confirm_after)}, expected at "
                f"most interval, which is {render_duration(self.interval)}"
            )
