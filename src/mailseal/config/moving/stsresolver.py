"""postfix-mta-sts-resolver's ``mta-sts-daemon.yml``: one listener, a cache, zones by map name."""

import re
from datetime import timedelta
from typing import Any

from mailseal.config.kinds import render_duration
from mailseal.config.listening import BUILT_IN_ZONES
from mailseal.config.moving.notes import Draft, Moved, show
from mailseal.config.moving.places import listen, tcp_place, unix_place
from mailseal.config.moving.stscache import move_cache
from mailseal.config.moving.yamlfile import table

DAEMON = "postfix-mta-sts-resolver"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8461  # its defaults.py
DEFAULT_ZONE = "default"
MAX_ZONES = 200  # ours: below what mailseal takes, its own names counted in
KEYS = frozenset(
    {
        "host",
        "port",
        "path",
        "mode",
        "reuse_port",
        "shutdown_timeout",
        "cache_grace",
        "proactive_policy_fetching",
        "cache",
        "default_zone",
        "zones",
    }
)

_ZONE_KEYS = frozenset({"timeout", "strict_testing", "require_sni", "tlsrpt"})
_PROACTIVE_KEYS = frozenset({"enabled", "interval", "concurrency_limit", "grace_ratio"})
_ZONE_NAME = re.compile(r"[!-~]{1,64}", re.ASCII)


def move(settings: dict[str, Any]) -> Moved:
    """Make a document of ours from its settings."""
    draft = Draft()
    _listen(draft, settings)
    _zones(draft, settings)
    _freshness(draft, settings)
    move_cache(draft, table(settings, "cache"))
    if settings.get("reuse_port") is False:
        draft.lose("reuse_port", "one process serves all connections, and binds the port alone")
    if "shutdown_timeout" in settings:
        draft.lose("shutdown_timeout", "at its end mailseal waits for open answers by its own rule")
    for unknown in settings.keys() - KEYS:
        draft.lose(show(unknown), "no setting of postfix-mta-sts-resolver that is known here")
    _dane(draft)
    return Moved(daemon=DAEMON, document=draft.document, notes=tuple(draft.notes))


def _listen(draft: Draft, settings: dict[str, Any]) -> None:
    path = settings.get("path")
    if path is not None:
        key, place = "path", unix_place(path)
    else:
        key = "host, port"
        place = tcp_place(settings.get("host", DEFAULT_HOST), settings.get("port", DEFAULT_PORT))
    if place is None:
        shown = f"{show(path)} is" if path is not None else "host and port are"
        draft.lose(key, f"{shown} no address of ours; add [[listen]] with IP and port, or a path")
        return
    listen(draft, key, place, settings.get("mode"))


def _zones(draft: Draft, settings: dict[str, Any]) -> None:
    given = table(settings, "zones")
    zones: dict[str, dict[str, Any]] = {}
    for number, (name, keys) in enumerate(given.items()):
        if number >= MAX_ZONES:
            draft.lose("zones", f"has over {MAX_ZONES} zones; the rest was left out")
            break
        if not _ZONE_NAME.fullmatch(str(name)):
            draft.lose("zones", f"{show(name)} is no name that an MTA can send")
            continue
        zones[str(name)] = _zone(draft, f"zones.{name}", keys if isinstance(keys, dict) else {})
    fallback = _zone(draft, "default_zone", table(settings, "default_zone"))
    name = DEFAULT_ZONE
    while name in zones:
        name += "-zone"
    zones[name] = fallback
    draft.document["default_zone"] = name
    draft.carry("default_zone", f"[zones.{name}] answers every map name that is no zone")
    # Names that are built in here had no meaning there: they too were the default zone. Sendmail
    # keeps its own form, in which it never reads a word that it would misunderstand.
    if fallback != {"profile": BUILT_IN_ZONES["postfix"].profile.value}:
        zones.setdefault("postfix", dict(fallback))
    if fallback.get("strict_testing"):
        for built_in in ("sendmail", "sts"):
            zones.setdefault(built_in, {"profile": "sendmail", "strict_testing": True})
    draft.document["zones"] = zones


def _zone(draft: Draft, place: str, given: dict[str, Any]) -> dict[str, Any]:
    tlsrpt = _flag(draft, place, given, "tlsrpt", default=False)
    zone: dict[str, Any] = {"profile": "postfix-3.10" if tlsrpt else "postfix"}
    if tlsrpt:
        draft.carry(f"{place}.tlsrpt", 'profile = "postfix-3.10"')
    if _flag(draft, place, given, "strict_testing", default=False):
        zone["strict_testing"] = True
        draft.carry(f"{place}.strict_testing", "strict_testing = true")
    if not _flag(draft, place, given, "require_sni", default=True):
        zone["sni"] = False
        draft.carry(f"{place}.require_sni", "sni = false")
    if "timeout" in given:
        if (written := _seconds(given["timeout"], 0.1, 60)) is None:
            draft.lose(f"{place}.timeout", f"{show(given['timeout'])} is not within 0.1 to 60 s")
        else:
            zone["deadline"] = written
            draft.carry(f"{place}.timeout", f"deadline = {written}, for the whole answer")
    for unknown in given.keys() - _ZONE_KEYS:
        draft.lose(f"{place}.{str(unknown)[:60]}", "no setting of a zone that is known here")
    return zone


def _flag(draft: Draft, place: str, given: dict[str, Any], key: str, *, default: bool) -> bool:
    value = given.get(key, default)
    if not isinstance(value, bool):
        draft.lose(f"{place}.{key}", f"is {show(value)}, not true or false")
        return default
    return value


def _freshness(draft: Draft, settings: dict[str, Any]) -> None:
    if "cache_grace" in settings:
        grace = settings["cache_grace"]
        if (written := _seconds(grace, 1, 3600)) is None:
            draft.lose("cache_grace", f"{show(grace)} is not within 1 s to 1 h")
        else:
            draft.set("sts", "id_ttl_min", written)
            draft.carry("cache_grace", f"id_ttl_min = {written} in [sts]")
    proactive = table(settings, "proactive_policy_fetching")
    place = "proactive_policy_fetching"
    if proactive.get("enabled") is not True:
        draft.differ(place, "every policy is fetched anew at least daily, without being asked for")
    elif "interval" in proactive:
        interval = proactive["interval"]
        if (written := _seconds(interval, 3600, 604_800)) is None:
            draft.lose(f"{place}.interval", f"{show(interval)} is not within 1 h to 7 d")
        else:
            draft.set("sts", "refetch_interval", written)
            draft.carry(f"{place}.interval", f"refetch_interval = {written} in [sts]")
    for key in ("concurrency_limit", "grace_ratio"):
        if key in proactive:
            draft.lose(f"{place}.{key}", "fetches are spread over the interval by themselves")
    for unknown in proactive.keys() - _PROACTIVE_KEYS:
        draft.lose(f"{place}.{str(unknown)[:60]}", "no setting that is known here")


def _seconds(raw: object, low: float, high: float) -> str | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not low <= raw <= high:
        return None
    return render_duration(timedelta(seconds=raw))


def _dane(draft: Draft) -> None:
    draft.set("dane", "enabled", False)
    draft.differ(
        "DANE",
        "left off, since postfix-mta-sts-resolver has none and main.cf need not be ready for it; "
        "with smtp_dns_support_level = dnssec there and a validating resolver here, set enabled = "
        "true in [dane]",
    )
    draft.differ(
        "answers",
        "TEMP, so that mail waits, where an enforce policy allows none of a domain's MX hosts; "
        "[host] and [host]:port are looked up as before",
    )
