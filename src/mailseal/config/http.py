"""Where policies, metrics and health are told over HTTP: ``[http]``."""

# ruff: noqa: RUF009 -- key() stands for dataclasses.field(), which that rule knows by name only

from dataclasses import dataclass

from mailseal.config.addresses import TcpAddress, UnixAddress, address
from mailseal.config.keys import key
from mailseal.config.kinds import count, dns_name, file_mode, flag, several
from mailseal.config.proxies import TrustedPeer, trusted_peer


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Policies as JSON, metrics and health over HTTP."""

    enabled: bool = key(True, flag(), "Listen for HTTP at all.")
    address: TcpAddress | UnixAddress = key(
        TcpAddress(host="127.0.0.1", port=8463),
        address(),
        "Where to listen.\n"
        "When it cannot be had, the log says so and mail servers are answered all the same.",
        example="unix:/run/mailseal/http",
    )
    allow_remote: bool = key(
        False,
        flag(),
        "Listen on a TCP address that other machines can reach.\n"
        "There are no passwords and no encryption: whoever reaches it may ask for any policy and "
        "read the metrics.",
    )
    mode: int = key(
        0o666,
        file_mode(),
        "Permissions of a UNIX socket.\nIts folder decides as well who gets there.",
        example="0660",
    )
    names: tuple[str, ...] = key(
        (),
        several(dns_name(), at_most=64),
        "Names that this listener is asked by, beside its IP addresses and localhost.\n"
        "A request by any other name is refused (421): a web page could have pointed that name "
        "here, to read the answers in a browser on this machine. UNIX sockets take any.",
        example=["mx1.example.com"],
    )
    trusted_proxies: tuple[TrustedPeer, ...] = key(
        (),
        several(trusted_peer(), at_most=64),
        "The web servers in front of this listener that are believed about who asks them, so that "
        "check_per_client counts their clients, not them.\n"
        "The client is the last address in X-Forwarded-For that is none of these; requests of "
        "anybody else, and those without an address there, count for whoever has connected.\n"
        "Name only web servers that append to that header or set it: with one that hands on what "
        "it was sent, every client can give itself new rations.\n"
        '"unix:" is whoever may connect to a UNIX socket: let its mode keep others out.',
        example=["127.0.0.1"],
    )
    check: bool = key(
        False,
        flag(),
        "Answer GET /v1/check/{domain}: look at a domain as the check command does.\n"
        "Whoever can ask then makes this machine connect to name servers, web servers and mail "
        "servers of any domain, within the limits below.\n"
        "A process of its own does it, at low priority, and runs only while somebody asks.",
    )
    check_at_once: int = key(
        2,
        count(1, 100),
        "The most domains that are looked at over HTTP at a time.\n"
        "Three times as many may wait; half of them all are for one client at most.",
    )
    check_per_client: int = key(
        30,
        count(1, 100_000),
        "The most checks that a client may ask for in an hour: an address, or a /64 of IPv6.\n"
        "All clients of a UNIX socket count as one, and so do all behind one web server, unless "
        "trusted_proxies names it.",
    )
    check_per_domain: int = key(
        6,
        count(1, 100_000),
        "The most times that a domain is looked at in an hour, whoever asks.\n"
        "An answer that is less than a minute old is given again and counts for nothing.",
    )
