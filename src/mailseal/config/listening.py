"""Where MTAs may ask, and in which form they are answered: ``[[listen]]`` and ``[zones.NAME]``."""

# ruff: noqa: RUF009 -- key() stands for dataclasses.field(), which that rule knows by name only

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from mailseal.config.addresses import TcpAddress, UnixAddress, address, resolver_address
from mailseal.config.keys import key, required
from mailseal.config.kinds import choice, duration, file_mode, flag, optional, several, word
from mailseal.config.words import Protocol
from mailseal.wire.profiles import DEFAULT_MAPS, PROFILES, ProfileName


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """One place where MTAs may ask. Writing one ``[[listen]]`` replaces both default listeners."""

    protocol: Protocol = required(
        choice(Protocol),
        "What is spoken here: socketmap for Postfix and Sendmail, the one-line protocol for Exim.",
        example="socketmap",
    )
    address: TcpAddress | UnixAddress = required(
        address(),
        "Where to listen.\n"
        "A Postfix that runs in a chroot reaches UNIX sockets below /var/spool/postfix only.",
        example="unix:/var/spool/postfix/mailseal/socketmap",
    )
    allow_remote: bool = key(
        False,
        flag(),
        "Listen on a TCP address that other machines can reach.\n"
        "Neither protocol has passwords or encryption: whoever reaches it may ask, and whoever is "
        "on the way may forge answers.",
    )
    mode: int = key(
        0o666,
        file_mode(),
        "Permissions of a UNIX socket.\nIts folder decides as well who gets there.",
        example="0660",
    )
    owner: str | None = key(
        None,
        optional(word("a user's name"), unset=""),
        "Owner of a UNIX socket; the service's own user when empty.",
        example="postfix",
    )
    group: str | None = key(
        None,
        optional(word("a group's name"), unset=""),
        "Group of a UNIX socket; the service's own group when empty.",
        example="postfix",
    )
    zone: str = key(
        "exim",
        word("a zone's name"),
        "The zone of a listener that speaks the one-line protocol.\n"
        "Over socketmap the map name selects the zone.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSettings:
    """One map name and the form of its replies. A name that is no zone is answered PERM."""

    profile: ProfileName = required(
        choice(ProfileName),
        "The form of replies: postfix for 3.4 and later, postfix-3.10 for 3.10 and later with the "
        "attributes for TLSRPT, sendmail, exim.",
        example="postfix",
    )
    deadline: timedelta | None = key(
        None,
        optional(duration("100ms", "60s"), unset=""),
        "The longest time from question to answer.\nKeep it below what the MTA itself waits.",
        example="8s",
        unset_text="10s for Postfix, 4s for Sendmail, 6s for Exim",
    )
    strict_testing: bool = key(
        False,
        flag(),
        "Treat a policy in mode testing as if it were in mode enforce.\n"
        "An override that says testing for a domain counts for more.",
    )
    sni: bool = key(
        True,
        flag(),
        "Send servername=hostname with an enforced policy, so that Postfix names the MX host when "
        "it asks for a certificate (SNI, RFC 8461 §4).\n"
        "Without it main.cf's smtp_tls_servername decides; Sendmail and Exim always get it.",
    )
    resolvers: tuple[TcpAddress, ...] = key(
        (),
        several(resolver_address(), at_most=8),
        "The DNS resolvers that MX hosts, addresses and TLSA records are looked up by, for an MTA "
        "that sees another DNS than the rest.\n"
        "They are tested, and believed by trust_ad, as those in [dns]; policies are found by those "
        "in [dns] for all zones.",
        example=["192.0.2.53"],
        unset_text="those in [dns]",
    )

    @property
    def answer_within(self) -> timedelta:
        """Return the deadline that holds."""
        return PROFILES[self.profile].deadline if self.deadline is None else self.deadline


BUILT_IN_ZONES: Mapping[str, ZoneSettings] = MappingProxyType(
    {name: ZoneSettings(profile=profile) for name, profile in DEFAULT_MAPS.items()}
)

DEFAULT_LISTENERS = (
    ListenSettings(protocol=Protocol.SOCKETMAP, address=TcpAddress(host="127.0.0.1", port=8461)),
    ListenSettings(protocol=Protocol.LINE, address=TcpAddress(host="127.0.0.1", port=8462)),
)
