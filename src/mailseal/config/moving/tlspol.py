"""postfix-tlspol's ``config.yaml``: two tables, ``server`` and ``dns``."""

import ipaddress
from typing import Any

from mailseal.config.moving.notes import Draft, Moved, show
from mailseal.config.moving.places import listen, split_address, tcp_or_unix
from mailseal.config.moving.yamlfile import table

DAEMON = "postfix-tlspol"
KEYS = frozenset({"server", "dns"})
DEFAULT_ADDRESS = "127.0.0.1:8642"  # its config.default.yaml, and its systemd socket
LEVELS = {"debug": "debug", "info": "info", "warn": "warning", "error": "error"}

_SERVER_KEYS = frozenset(
    {
        "address",
        "metrics-address",
        "socket-permissions",
        "log-level",
        "log-format",
        "tlsrpt",
        "prefetch",
        "cache-file",
    }
)


def move(settings: dict[str, Any]) -> Moved:
    """Make a document of ours from its settings."""
    draft = Draft()
    server, dns = table(settings, "server"), table(settings, "dns")
    _listen(draft, server)
    _zones(draft, server)
    _log(draft, server)
    _resolver(draft, dns)
    _rest(draft, server)
    for unknown in (
        *(str(key) for key in settings.keys() - KEYS),
        *(f"server.{key}" for key in server.keys() - _SERVER_KEYS),
        *(f"dns.{key}" for key in dns.keys() - {"address"}),
    ):
        draft.lose(unknown[:60], "no setting of postfix-tlspol that is known here")
    draft.differ(
        "answers",
        "a failed look-up concerns that host alone instead of the whole domain; an enforce policy "
        "rules beside a DANE that is partial or not signed; [host] is looked up too",
    )
    draft.differ(
        "main.cf",
        "where smtp_tls_security_level is dane or stricter, set mta_default in [answers] to it; "
        "map names are compared with their case: QUERY, QUERYwithTLSRPT",
    )
    return Moved(daemon=DAEMON, document=draft.document, notes=tuple(draft.notes))


def _listen(draft: Draft, server: dict[str, Any]) -> None:
    address = server.get("address")
    if not address:
        address = DEFAULT_ADDRESS
        draft.differ(
            "server.address",
            f"not set, so its default {DEFAULT_ADDRESS} is taken; where a systemd socket says "
            "otherwise, change [[listen]]",
        )
    place = tcp_or_unix(str(address))
    if place is None:
        draft.lose("server.address", f"{show(address)} is no address; add [[listen]] with one")
        return
    listen(draft, "server.address", place, server.get("socket-permissions", 0o666))


def _zones(draft: Draft, server: dict[str, Any]) -> None:
    draft.carry("QUERY, QUERYwithTLSRPT", "both map names are built in")
    if server.get("tlsrpt") is True:
        draft.document["zones"] = {"QUERY": {"profile": "postfix-3.10"}}
        draft.carry("server.tlsrpt", "QUERY too carries the attributes for TLSRPT (Postfix 3.10)")


def _log(draft: Draft, server: dict[str, Any]) -> None:
    if (level := server.get("log-level")) is not None:
        if (word := LEVELS.get(str(level).lower())) is None:
            draft.lose("server.log-level", f"{show(level)} is no level; mailseal logs at info")
        else:
            draft.set("log", "level", word)
            draft.carry("server.log-level", f'level = "{word}" in [log]')
    if (form := server.get("log-format")) is not None:
        if str(form).strip().lower() not in {"text", "json"}:
            draft.lose("server.log-format", f"{show(form)} is no format; mailseal writes text")
        else:
            draft.set("log", "format", str(form).strip().lower())
            draft.carry("server.log-format", f'format = "{str(form).strip().lower()}" in [log]')


def _resolver(draft: Draft, dns: dict[str, Any]) -> None:
    address = dns.get("address")
    if address is None:
        draft.carry("dns.address", "not set: the resolvers of /etc/resolv.conf, as before")
        draft.differ(
            "dns.address",
            "a resolver that is not on this machine is believed about DNSSEC only when trust_ad "
            "in [dns] names it",
        )
        return
    parts = split_address(str(address))
    host = "127.0.0.1" if parts and parts[0] == "localhost" else parts[0] if parts else ""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        draft.lose("dns.address", f"{show(address)} is no IP address with a port")
        return
    assert parts is not None
    written = f"[{ip}]:{parts[1]}" if ip.version == 6 else f"{ip}:{parts[1]}"
    draft.set("dns", "resolvers", [written])
    draft.carry("dns.address", f"resolvers = {written} in [dns]")
    if not ip.is_loopback:
        draft.set("dns", "trust_ad", [str(ip)])
        draft.differ(
            "dns.address",
            f"{ip} is not this machine, so it is named in trust_ad, which postfix-tlspol did "
            "silently: nobody must be able to forge its answers on the way",
        )


def _rest(draft: Draft, server: dict[str, Any]) -> None:
    _metrics(draft, server)
    if server.get("prefetch") is False:
        draft.lose("server.prefetch", "mailseal always refreshes ahead of need")
    elif "prefetch" in server:
        draft.carry("server.prefetch", "mailseal always refreshes ahead of need")
    if "cache-file" in server:
        draft.lose(
            "server.cache-file",
            "a cache of finished answers without policies: mailseal fetches each policy at the "
            "first question",
        )


def _metrics(draft: Draft, server: dict[str, Any]) -> None:
    key = "server.metrics-address"
    if not (address := server.get("metrics-address")):
        draft.differ(
            "metrics", "not on the socketmap's own socket but over HTTP, address in [http]"
        )
        return
    place = tcp_or_unix(str(address))
    if place is None:
        draft.lose(key, f"{show(address)} is no address; see address in [http]")
        return
    draft.set("http", "address", place.written)
    if place.is_remote:
        draft.set("http", "allow_remote", True)
    draft.carry(key, f"address = {place.written} in [http], where policies are told too")
    draft.differ(key, "the metrics have other names, see the reference")
