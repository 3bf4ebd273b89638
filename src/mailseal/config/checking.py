"""How other people's servers are looked at: ``[check]``."""

# ruff: noqa: RUF009 -- key() stands for dataclasses.field(), which that rule knows by name only

from dataclasses import dataclass
from datetime import timedelta

from mailseal.config.keys import key
from mailseal.config.kinds import count, dns_name, duration, optional, several, word


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """How domains are checked: who we say we are, and how gently we ask.

    Resolvers are those of `[dns]`, authorities and the leave to contact private addresses those
    of `[https]`.
    """

    name: str | None = key(
        None,
        optional(dns_name(), unset=""),
        "The name that mail servers are greeted with (EHLO).\n"
        "Its address record should lead here, or some servers turn us away.",
        example="check.example.com",
        unset_text="the machine's own full name",
    )
    contact: str | None = key(
        None,
        optional(word("a URL or mail address without blanks"), unset=""),
        "Where whoever finds us in a log can ask what we want: it is told to policy hosts in "
        "User-Agent.",
        example="https://example.com/about-our-checks",
    )
    timeout: timedelta = key(
        timedelta(minutes=2),
        duration("5s", "30m"),
        "The longest time for one domain, everything included; what is not done by then is told "
        "as unknown.\n"
        "With --deep it is two and a half times as long.",
    )
    fetch_timeout: timedelta = key(
        timedelta(seconds=20),
        duration("1s", "5m"),
        "The longest time for one fetch from one address of a policy host.",
    )
    port_25_references: tuple[str, ...] = key(
        (),
        several(dns_name(), at_most=5),
        "MX hosts that are known to answer, asked once where a domain's own do not, to find out "
        "whether connections to port 25 are blocked from here, as in most clouds and homes.\n"
        "None are asked unless named here: a check should not tell third parties that it is made.",
        example=["mx1.example.net", "mx.example.org"],
    )
    session_timeout: timedelta = key(
        timedelta(seconds=30),
        duration("1s", "10m"),
        "The longest time for one session with one address of a mail server.\n"
        "Some greet only after 20 seconds, to try the patience of senders of spam.",
    )
    sessions: int = key(
        200,
        count(1, 10_000),
        "The most sessions with mail servers at a time.",
    )
    sessions_per_provider: int = key(
        8,
        count(1, 1000),
        "The most sessions at a time with servers of one provider: a network, or names that end "
        "alike.",
    )
    pause_per_address: timedelta = key(
        timedelta(seconds=1),
        duration("0s", "10m"),
        "The shortest time between two sessions with one address, which never has two at a time.",
    )
    pause_when_busy: timedelta = key(
        timedelta(minutes=5),
        duration("1s", "24h"),
        "How long an address is left alone that said it is busy (421 or another 4xx).",
    )
    keep_sessions: timedelta = key(
        timedelta(minutes=15),
        duration("0s", "24h"),
        "How long what a session showed counts for other domains of the same mail server.",
    )
