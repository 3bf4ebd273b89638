"""How MTA-STS and DANE are applied: the tables ``[sts]`` and ``[dane]``."""

# ruff: noqa: RUF009 -- key() stands for dataclasses.field(), which that rule knows by name only

from dataclasses import dataclass
from datetime import timedelta

from mailseal.config.keys import key
from mailseal.config.kinds import choice, dns_name, duration, flag, fraction, optional
from mailseal.decision import PartialDane


@dataclass(frozen=True, slots=True, kw_only=True)
class StsSettings:
    """How fresh policies are kept (MTA-STS, RFC 8461)."""

    id_check_max_age: timedelta = key(
        timedelta(hours=1),
        duration("1s", "24h"),
        "An enforce policy whose record was last looked at longer ago is checked before the "
        "answer, a younger one behind it.",
    )
    id_check_timeout: timedelta = key(
        timedelta(seconds=2),
        duration("100ms", "30s"),
        "The longest time that such a check may hold up an answer.",
    )
    id_ttl_min: timedelta = key(
        timedelta(seconds=60),
        duration("1s", "1h"),
        "A record's id is trusted to stand for at least this long, whatever its TTL.",
    )
    id_ttl_max: timedelta = key(
        timedelta(hours=1),
        duration("1m", "24h"),
        "A record's id is trusted to stand for at most this long, whatever its TTL.",
    )
    refetch_interval: timedelta = key(
        timedelta(hours=24),
        duration("1h", "7d"),
        "Every policy is fetched again at least this often, or at half of its max_age where that "
        "is sooner, even when the record stays the same (RFC 8461 §3.3, §10.2).",
    )
    fetch_backoff_min: timedelta = key(
        timedelta(minutes=5),
        duration("5m", "24h"),
        "The pause after a failed fetch; it doubles with each failure (RFC 8461 §3.3 asks for 5 "
        "minutes at least).\n"
        "A new id is tried at once.",
    )
    fetch_backoff_max: timedelta = key(
        timedelta(hours=1),
        duration("5m", "24h"),
        "The longest pause between failed fetches.",
    )
    id_check_before_hold: timedelta = key(
        timedelta(seconds=60),
        duration("1s", "1h"),
        "Before an enforce policy that allows none of the MX hosts lets mail wait, its record is "
        "looked at, unless that was done within this time (RFC 8461 §5.1).",
    )
    negative_ttl_max: timedelta = key(
        timedelta(hours=1),
        duration("1s", "24h"),
        "A domain without a record is remembered as such for the TTL of that answer, but no "
        "longer than this.",
    )
    failed_txt_ttl: timedelta = key(
        timedelta(seconds=60),
        duration("1s", "1h"),
        "How long a failed look-up of the record is remembered before it is tried again.",
    )
    keep_expired: timedelta = key(
        timedelta(days=30),
        duration("0s", "52w"),
        "How long expired policies and old DANE verdicts stay in the store.\n"
        "An expired policy is never used; it is kept for those who ask why.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DaneSettings:
    """DANE beside MTA-STS (RFC 7672)."""

    enabled: bool = key(
        True,
        flag(),
        "Look up MX and TLSA records and let DANE decide where it can.\n"
        "Turn it off for an MTA without DNSSEC: a Postfix whose smtp_dns_support_level is not "
        "dnssec defers all mail that is answered dane-only.",
    )
    partial: PartialDane = key(
        PartialDane.BY_PREFERENCE,
        choice(PartialDane),
        "When a domain has an enforce policy and only some of its MX hosts have TLSA records: "
        "by-preference requires DANE where a best-preference host has them and else delivers by "
        "the policy to those without, dane-only always requires DANE, narrow always delivers by "
        "the policy to those without.",
    )
    ttl_max: timedelta = key(
        timedelta(hours=1),
        duration("1m", "24h"),
        "MX, address and TLSA answers are used for their TTL, but no longer than this.",
    )
    refresh_at: float = key(
        0.8,
        fraction(0.1, 0.95),
        "The part of its TTL after which a DANE verdict is looked up again ahead of need.",
    )
    self_test_name: str = key(
        "",
        dns_name(),
        "A signed name that every trusted resolver is asked for, to see whether it validates.\n"
        "Set it to a name of your own where no public DNS can be reached.\n"
        "A resolver that answers it without AD is not asked for DANE until a later test is passed; "
        "no answer proves nothing.",
        example="example.com",
    )
    self_test_interval: timedelta = key(
        timedelta(minutes=10),
        duration("1s", "1h"),
        "How often that is done.\nWhile a resolver has not passed, every 30 seconds.",
    )
    self_test_bogus_name: str | None = key(
        None,
        optional(dns_name(), unset=""),
        "A name whose signatures are broken on purpose, asked for with each test.\n"
        "A resolver that gives its address does not validate, even if it sets AD elsewhere.",
        example="dnssec-failed.org",
    )
