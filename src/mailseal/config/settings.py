"""Every key of the configuration file, table by table, with its default and its paragraph."""

# ruff: noqa: RUF009 -- key() stands for dataclasses.field(), which that rule knows by name only

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from mailseal.config.addresses import (
    SecretUrl,
    TcpAddress,
    ip_address,
    proxy_url,
    resolver_address,
    store_url,
)
from mailseal.config.checking import CheckSettings
from mailseal.config.exceptions import OverrideSettings, PinSettings
from mailseal.config.http import HttpSettings
from mailseal.config.keys import key
from mailseal.config.kinds import (
    choice,
    count,
    duration,
    flag,
    optional,
    path,
    several,
    word,
)
from mailseal.config.listening import (
    BUILT_IN_ZONES,
    DEFAULT_LISTENERS,
    ListenSettings,
    ZoneSettings,
)
from mailseal.config.process import ProcessSettings
from mailseal.config.standards import DaneSettings, StsSettings
from mailseal.config.watching import MonitorSettings
from mailseal.config.words import LogFormat, LogLevel, MtaDefault
from mailseal.wire.postfix import TestingAnswer

DEFAULT_STATE_DIR = Path("/var/lib/mailseal")
DATABASE_NAME = "mailseal.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """What MTAs are told."""

    mta_default: MtaDefault = key(
        MtaDefault.MAY,
        choice(MtaDefault),
        "What main.cf's smtp_tls_security_level is.\n"
        "Where it is dane or stricter, mailseal answers NOTFOUND in place of dane, so that it "
        "never weakens what main.cf asks for.",
    )
    testing: TestingAnswer = key(
        TestingAnswer.NOTFOUND,
        choice(TestingAnswer),
        "What a Postfix of 3.10 or later is told about a policy in mode testing.\n"
        "may and dane carry the policy along for its TLSRPT reports and change nothing else; other "
        "profiles always get notfound.",
    )
    unfinished_ttl: timedelta = key(
        timedelta(seconds=2),
        duration("100ms", "1m"),
        "How long an answer is repeated that had to be given before its look-ups ended.",
    )
    temp_ttl: timedelta = key(
        timedelta(seconds=30),
        duration("1s", "10m"),
        "How long an answer that lets mail wait is repeated; after a third of it, it is looked "
        "into again behind the answer.",
    )
    fail_closed: timedelta = key(
        timedelta(0),
        duration("0s", "5d"),
        "How long mail to a domain of which nothing is known is deferred while DNS fails.\n"
        "With 0s it is delivered as the MTA would without mailseal.\n"
        "Domains with a cached policy are not concerned: that policy stays in force.",
        example="4h",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """Whom to ask."""

    resolvers: tuple[TcpAddress, ...] = key(
        (),
        several(resolver_address(), at_most=8),
        "The DNS resolvers, the preferred one first; the others are asked when it fails.\n"
        "Use a validating resolver on this machine, such as unbound, or there is no DANE.",
        example=["127.0.0.1", "[::1]:5353"],
        unset_text="those of /etc/resolv.conf",
    )
    trust_ad: tuple[str, ...] = key(
        (),
        several(ip_address(), at_most=64),
        "Resolvers beyond loopback, here or in zones, that are believed when they say that an "
        "answer is validated (the AD flag).\n"
        "Name only those that validate, over a path on which nobody can forge their answers.\n"
        "The option trust-ad of /etc/resolv.conf does not count.",
        example=["192.0.2.53"],
    )
    timeout: timedelta = key(
        timedelta(seconds=4),
        duration("100ms", "60s"),
        "The longest time for one look-up, all resolvers and repetitions together.",
    )
    failed_retry: timedelta = key(
        timedelta(seconds=15),
        duration("1s", "1h"),
        "After a failed look-up, how soon it is tried again behind an answer from memory.",
    )
    failed_wait: timedelta = key(
        timedelta(minutes=5),
        duration("1s", "4h"),
        "After a failed look-up, how long answers are given from what is known before somebody "
        "waits for DNS again.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsSettings:
    """How policies are fetched from policy hosts."""

    ca_file: Path | None = key(
        None,
        optional(path(), unset="system"),
        "A PEM file with the certificate authorities that policy hosts are checked against.",
        example="/etc/ssl/certs/ca-certificates.crt",
    )
    proxy: str | None = key(
        None,
        optional(proxy_url(), unset=""),
        "An HTTP proxy that connects on our behalf to policy hosts, to the source of pins, and "
        "to the webhook of [monitor] unless that is on this machine.\n"
        "Mail servers are reached without it.\n"
        "The environment's proxies are never used.",
        example="http://127.0.0.1:3128",
    )
    timeout: timedelta = key(
        timedelta(seconds=60),
        duration("1s", "5m"),
        "The longest time for one fetch, names and all addresses included (RFC 8461 §3.3 "
        "suggests a minute).\n"
        "An MTA waits no longer than its zone's deadline; the fetch then goes on behind it.",
    )
    require_text_plain: bool = key(
        True,
        flag(),
        "Refuse a policy that is not served as text/plain (RFC 8461 §3.2).",
    )
    allow_private_addresses: bool = key(
        False,
        flag(),
        "Connect to policy hosts on private and reserved addresses.\n"
        "For a lab: otherwise any domain on the Internet could point mailseal at machines of your "
        "own network.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where policies outlive a restart."""

    url: SecretUrl = key(
        SecretUrl(f"sqlite:///{DEFAULT_STATE_DIR / DATABASE_NAME}"),
        store_url(),
        "The database: SQLite for one machine, PostgreSQL for several that share policies.\n"
        "A password is better kept in ~/.pgpass, or in a file named by ?passfile=/PATH.",
        example="postgresql://mailseal@db.example.com/mailseal",
        unset_text=f"sqlite, {DATABASE_NAME} in state_dir",
    )
    max_policies: int = key(
        1_000_000,
        count(1, 100_000_000),
        "The most policies that are kept.\n"
        "When full, expired ones go first, then those in mode none or testing; an unexpired "
        "enforce policy is never dropped.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Bounds that hold whatever is asked."""

    connections: int = key(
        16_384,
        count(1, 1_000_000),
        "The most connections of MTAs at a time, all listeners together.\n"
        "The limit of open files (LimitNOFILE) must leave room for them.",
    )
    cached_answers: int = key(
        200_000,
        count(1, 100_000_000),
        "The most finished answers held in memory, about 400 bytes each.\n"
        "What does not fit is made again from the store.",
    )
    known_domains: int = key(
        200_000,
        count(1, 100_000_000),
        "The most domains of which policies, or their absence, are held in memory.\n"
        "What does not fit is read from the store, or looked up, again.",
    )
    known_mib: int = key(
        512,
        count(1, 1_000_000),
        "About how much memory that may take, in MiB.",
    )
    cold_lookups: int = key(
        500,
        count(1, 10_000),
        "The most MX sets, and the most MX hosts, that are looked up at a time.",
    )
    fetches: int = key(
        300,
        count(1, 10_000),
        "The most policies that are fetched at a time, each over a connection of its own.",
    )
    waiting_questions: int = key(
        20_000,
        count(1, 1_000_000),
        "The most questions that wait for an answer; more are answered TEMP at once.",
    )
    max_mx_hosts: int = key(
        32,
        count(1, 1000),
        "The most MX hosts of a domain that are looked at, best preference first.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is written to standard error, which systemd keeps in the journal."""

    level: LogLevel = key(LogLevel.INFO, choice(LogLevel), "The least severity that is logged.")
    format: LogFormat = key(
        LogFormat.TEXT, choice(LogFormat), "text as key=value, or one JSON object per line."
    )
    sample_hits: int = key(
        0,
        count(0, 1_000_000_000),
        "Log about one in this many answers from memory, which otherwise are only counted; with 0 "
        "none, and then nothing is done for it.\n"
        "The lines are of level info, and at most 200 a second.",
        example=1000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked: nothing in it needs a second look.

    ``zones`` holds the built-in zones too. Make one with ``load``, ``parse`` or ``embedded``.
    """

    state_dir: Path = key(
        DEFAULT_STATE_DIR,
        path(),
        "The one folder that mailseal writes to.\nIt is made with mode 0700 when it is missing.",
    )
    default_zone: str | None = key(
        None,
        optional(word("a zone's name"), unset=""),
        "The zone of map names that are no zone, which are otherwise answered PERM, so that a "
        "misspelt one is seen.\n"
        "postfix-mta-sts-resolver answers under any name; so does mailseal with this.",
        example="postfix",
    )
    listen: tuple[ListenSettings, ...] = DEFAULT_LISTENERS
    zones: Mapping[str, ZoneSettings] = field(default_factory=lambda: BUILT_IN_ZONES)
    answers: AnswerSettings = AnswerSettings()
    sts: StsSettings = StsSettings()
    dane: DaneSettings = DaneSettings()
    overrides: tuple[OverrideSettings, ...] = ()
    pins: PinSettings = PinSettings()
    dns: DnsSettings = DnsSettings()
    https: HttpsSettings = HttpsSettings()
    store: StoreSettings = StoreSettings()
    limits: LimitSettings = LimitSettings()
    http: HttpSettings = HttpSettings()
    check: CheckSettings = CheckSettings()
    monitor: MonitorSettings = MonitorSettings()
    log: LogSettings = LogSettings()
    process: ProcessSettings = ProcessSettings()

    @classmethod
    def embedded(cls, state_dir: Path) -> "Config":
        """Return the defaults with another state folder, for a run without a file."""
        folder = state_dir.absolute()
        return cls(state_dir=folder, store=StoreSettings(url=default_store_url(folder)))


def default_store_url(state_dir: Path) -> SecretUrl:
    """Return the URL of the SQLite file that belongs to a state folder."""
    return SecretUrl(f"sqlite:///{state_dir / DATABASE_NAME}")


TABLES: Mapping[str, type] = MappingProxyType(
    {
        "answers": AnswerSettings,
        "sts": StsSettings,
        "dane": DaneSettings,
        "pins": PinSettings,
        "dns": DnsSettings,
        "https": HttpsSettings,
        "store": StoreSettings,
        "limits": LimitSettings,
        "http": HttpSettings,
        "check": CheckSettings,
        "monitor": MonitorSettings,
        "log": LogSettings,
        "process": ProcessSettings,
    }
)
