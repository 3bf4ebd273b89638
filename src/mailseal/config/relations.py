"""What no key can tell alone: settings that are right by themselves, and not together."""

from collections.abc import Iterator, Mapping

from mailseal.config.addresses import TcpAddress
from mailseal.config.kinds import render_duration
from mailseal.config.listening import ListenSettings, ZoneSettings
from mailseal.config.settings import Config
from mailseal.config.words import Protocol
from mailseal.overrides import DaneOverride

MAX_VIEWS = 8  # ours: each set of resolvers has sockets, a memory and tests of its own


def find_conflicts(config: Config) -> Iterator[str]:
    """Yield what is wrong in keys that are right, each by itself."""
    seen: set[object] = set()
    for number, listener in enumerate(config.listen, 1):
        place = place_of_listener(number)
        if listener.address in seen:
            yield f"{place} address {listener.address} is there twice"
        seen.add(listener.address)
        yield from _listener_conflicts(listener, place, config.zones)
    yield from _http_conflicts(config, seen)
    views = {zone.resolvers for zone in config.zones.values() if zone.resolvers}
    if len(views) > MAX_VIEWS:
        yield (
            f"[zones] have {len(views)} different sets of resolvers, expected at most {MAX_VIEWS}"
        )
    if config.default_zone is not None and config.default_zone not in config.zones:
        yield (
            f'default_zone is "{config.default_zone}", expected one of {", ".join(config.zones)}'
        )
    for number, override in enumerate(config.overrides, 1):
        if override.dane is DaneOverride.ENFORCE and not config.dane.enabled:
            yield (
                f'{place_of_override(number)} dane is "enforce", but [dane] enabled is false, and '
                "an MTA without DNSSEC would let all mail there wait"
            )
    if config.pins.source is not None and not config.pins.keys:
        yield "[pins] source is set, but keys is empty: nobody could sign it"
    yield from config.monitor.problems()
    for table, low, high in (
        ("sts", "id_ttl_min", "id_ttl_max"),
        ("sts", "fetch_backoff_min", "fetch_backoff_max"),
        ("dns", "failed_retry", "failed_wait"),
    ):
        settings = getattr(config, table)
        least, most = getattr(settings, low), getattr(settings, high)
        if least > most:
            yield (
                f"[{table}] {low} is {render_duration(least)}, "
                f"expected at most {high}, which is {render_duration(most)}"
            )


def _http_conflicts(config: Config, taken: set[object]) -> Iterator[str]:
    address = config.http.address
    if not config.http.enabled:
        return
    if address in taken:
        yield f"[http] address {address} is that of a [[listen]] too"
    if isinstance(address, TcpAddress) and not (address.is_loopback or config.http.allow_remote):
        yield (
            f"[http] address {address} can be reached from other machines, and there are "
            "neither passwords nor encryption; use a loopback address or a UNIX socket, or "
            "set allow_remote = true"
        )


def _listener_conflicts(
    listener: ListenSettings, place: str, zones: Mapping[str, ZoneSettings]
) -> Iterator[str]:
    address = listener.address
    if isinstance(address, TcpAddress) and not (address.is_loopback or listener.allow_remote):
        yield (
            f"{place} address {address} can be reached from other machines, and the protocol "
            "has neither passwords nor encryption; use a loopback address or a UNIX socket, "
            "or set allow_remote = true"
        )
    if listener.protocol is Protocol.LINE and listener.zone not in zones:
        yield f'{place} zone is "{listener.zone}", expected one of {", ".join(zones)}'


def place_of_listener(number: int) -> str:
    """Say which table of a listener is meant; the first has number 1."""
    return f"[[listen]] number {number}"


def place_of_override(number: int) -> str:
    """Say which table of an override is meant; the first has number 1."""
    return f"[[overrides]] number {number}"
