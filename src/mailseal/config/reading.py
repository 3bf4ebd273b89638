"""From TOML to ``Config``: every key checked, every fault told at once, nothing guessed."""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import mailseal
from mailseal.config.addresses import SecretUrl
from mailseal.config.exceptions import MAX_OVERRIDES, OverrideSettings
from mailseal.config.keys import keys_of
from mailseal.config.kinds import RefusedValueError, word
from mailseal.config.listening import (
    BUILT_IN_ZONES,
    DEFAULT_LISTENERS,
    ListenSettings,
    ZoneSettings,
)
from mailseal.config.relations import find_conflicts, place_of_listener, place_of_override
from mailseal.config.settings import TABLES, Config, default_store_url
from mailseal.quoting import printable_only

S = TypeVar("S")

DEFAULT_PATH = Path("/etc/mailseal/mailseal.toml")
PATH_VARIABLE = "MAILSEAL_CONFIG"
MAX_FILE_BYTES = 1024 * 1024  # ours: a file of every key with its comment has 15 KB
MAX_SHOWN_CHARACTERS = 60  # of a wrong value: enough to find it in the file
MAX_LISTENERS = 64  # ours: far above any use
ZONE_NAME = word("a zone's name")
MAX_ZONES = 256  # ours: each is one map name in some MTA's configuration
MAX_OVERRIDES_BYTES = 500_000  # ours, as JSON: they go to the resolver in one message

_TABLE_NAMES = ("listen", "zones", "overrides", *TABLES)


class ConfigError(mailseal.Error):
    """A configuration that cannot be used; ``problems`` has one text for each fault."""

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        self.source = source
        self.problems = problems
        super().__init__(f"{source}: " + "; ".join(problems))


def config_path(option: Path | None) -> Path:
    """Return where the configuration is: ``--config``, then MAILSEAL_CONFIG, then /etc."""
    if option is not None:
        return option
    named = os.environ.get(PATH_VARIABLE)
    return Path(named) if named else DEFAULT_PATH


def load(option: Path | None = None) -> Config:
    """Read the configuration file; raises ``ConfigError`` with every fault in it."""
    path = config_path(option)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            str(path), ('no such file; run "mailseal config init" or pass --config',)
        ) from None
    except OSError as error:
        raise ConfigError(str(path), (f"cannot be read: {error.strerror}",)) from error
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(str(path), (f"has over {MAX_FILE_BYTES} bytes",))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), (f"byte {error.start} is not UTF-8",)) from error
    return parse(text, source=str(path))


def parse(text: str, *, source: str = "configuration") -> Config:
    """Read a configuration from TOML text; ``source`` names it in messages."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 5000 digits
        raise ConfigError(source, (f"is not TOML: {error}",)) from error
    return from_document(document, source=source)


def from_document(document: Mapping[str, Any], *, source: str = "configuration") -> Config:
    """Read a configuration from what TOML or JSON was decoded to."""
    reading = _Reading()
    config = reading.config(document)
    if reading.problems:
        raise ConfigError(source, tuple(reading.problems))
    return config


class _Reading:
    """One pass over a document; goes on behind a fault, so that all are told together."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def config(self, document: Mapping[str, Any]) -> Config:
        tables = {name: document[name] for name in _TABLE_NAMES if name in document}
        own = {name: value for name, value in document.items() if name not in tables}
        zones = self.zones(tables.get("zones", {}))
        config = Config(
            **self.values(Config, own, "", also=_TABLE_NAMES),
            **{
                name: settings(**self.values(settings, tables.get(name, {}), f"[{name}]"))
                for name, settings in TABLES.items()
            },
            zones=zones,
            overrides=self.overrides(tables.get("overrides", [])),
            listen=self.listeners(tables["listen"]) if "listen" in tables else DEFAULT_LISTENERS,
        )
        store = tables.get("store")
        if not isinstance(store, Mapping) or "url" not in store:
            url = default_store_url(config.state_dir)
            config = replace(config, store=replace(config.store, url=url))
        self.problems += find_conflicts(config)
        return config

    def values(
        self, settings: type, raw: object, place: str, *, also: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Check a table's keys; return those that are there and right."""
        if not isinstance(raw, Mapping):
            self.problems.append(f"{place} is {_show(raw)}, expected a table")
            return {}
        keys = keys_of(settings)
        values: dict[str, Any] = {}
        for name, value in raw.items():
            if name not in keys:
                self.problems.append(_unknown_key(name, place, [*keys, *also]))
                continue
            kind = keys[name].kind
            try:
                values[name] = kind.read(value)
            except RefusedValueError as refused:
                where = f"{place} {name}".strip()
                expected = str(refused) or kind.expected
                shown = "a value that is not shown" if kind.is_secret else _show(value)
                self.problems.append(f"{where} is {shown}, expected {expected}")
        for name, known in keys.items():
            if known.is_required and name not in raw:
                self.problems.append(f"{place} has no {name}, expected {known.kind.expected}")
        return values

    def built(self, settings: type[S], raw: object, place: str) -> S | None:
        """Build a table that has required keys; None when it had a fault."""
        before = len(self.problems)
        values = self.values(settings, raw, place)
        return settings(**values) if len(self.problems) == before else None

    def zones(self, raw: object) -> Mapping[str, ZoneSettings]:
        zones = dict(BUILT_IN_ZONES)
        if not isinstance(raw, Mapping):
            self.problems.append(f"[zones] is {_show(raw)}, expected tables [zones.NAME]")
            raw = {}
        for name, table in raw.items():
            try:
                ZONE_NAME.read(name)
            except RefusedValueError:
                self.problems.append(
                    f"[zones.{_show(name)}] has a name that no MTA can send, "
                    "expected 1 to 64 printable ASCII characters without blanks"
                )
            if zone := self.built(ZoneSettings, table, f"[zones.{_bounded(name)}]"):
                zones[name] = zone
        if len(zones) > MAX_ZONES:
            self.problems.append(f"[zones] has {len(zones)} zones, expected at most {MAX_ZONES}")
        return MappingProxyType(zones)

    def listeners(self, raw: object) -> tuple[ListenSettings, ...]:
        if not isinstance(raw, list) or not 0 < len(raw) <= MAX_LISTENERS:
            self.problems.append(
                f"listen is {_show(raw)}, expected 1 to {MAX_LISTENERS} tables [[listen]]"
            )
            return ()
        built = (
            self.built(ListenSettings, table, place_of_listener(number))
            for number, table in enumerate(raw, 1)
        )
        return tuple(listener for listener in built if listener is not None)

    def overrides(self, raw: object) -> tuple[OverrideSettings, ...]:
        if not isinstance(raw, list) or len(raw) > MAX_OVERRIDES:
            self.problems.append(
                f"overrides is {_show(raw)}, expected at most {MAX_OVERRIDES} tables [[overrides]]"
            )
            return ()
        if len(json.dumps(raw, default=str)) > MAX_OVERRIDES_BYTES:
            self.problems.append(f"[[overrides]] have over {MAX_OVERRIDES_BYTES} bytes")
            return ()
        seen: dict[str, str] = {}
        built = []
        for number, table in enumerate(raw, 1):
            place = place_of_override(number)
            if one := self.built(OverrideSettings, table, place):
                built.append(one)
                self.override(one, place, seen)
        return tuple(built)

    def override(self, one: OverrideSettings, place: str, seen: dict[str, str]) -> None:
        if not one.domains:
            self.problems.append(f"{place} domains is [], expected one at least")
        if one.sts is None and one.dane is None:
            self.problems.append(f"{place} says nothing, expected sts or dane or both")
        if one.mx and not one.override.fixed_policy:
            self.problems.append(
                f'{place} has mx, which makes a fixed policy, expected sts = "enforce" or "testing"'
            )
        for scope in one.domains:
            if scope.text in seen:
                self.problems.append(f"{place} domains has {scope}, as has {seen[scope.text]}")
            seen[scope.text] = place


def _unknown_key(name: str, place: str, known: Sequence[str]) -> str:
    # Loaded only for a faulty file: it takes longer than all of this module.
    import difflib

    shown = f'unknown key "{_bounded(name)}"' + (f" in {place}" if place else "")
    if near := difflib.get_close_matches(name, known, n=1):
        return f'{shown}; did you mean "{near[0]}"?'
    elsewhere = {table: list(keys_of(settings)) for table, settings in TABLES.items()}
    if homes := [f"[{table}]" for table, keys in elsewhere.items() if name in keys]:
        return f"{shown}; it belongs to {' or '.join(homes)}"
    everywhere = [*_TABLE_NAMES, *(key for keys in elsewhere.values() for key in keys)]
    if near := difflib.get_close_matches(name, everywhere, n=1):
        return f'{shown}; did you mean "{near[0]}", which does not belong here?'
    return f"{shown}; known are {', '.join(known)}"


def _show(value: object) -> str:
    """Show a wrong value as it stands in the file, passwords masked, in bounded length."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 10**18:
        return "a number of over 18 digits"  # Python refuses to write some of them
    if isinstance(value, str):
        return f'"{_bounded(value)}"'
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "[" + _bounded(", ".join(_show(item) for item in value[:8])) + "]"
    return _bounded(str(value))


def _bounded(text: str) -> str:
    masked = str(SecretUrl(text))
    shown = printable_only(masked[:MAX_SHOWN_CHARACTERS])
    return shown + "…" * (len(masked) > MAX_SHOWN_CHARACTERS)
