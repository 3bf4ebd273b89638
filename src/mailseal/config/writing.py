"""From ``Config`` back to TOML or JSON values, in full, so that it reads back the same."""

import json
from typing import Any

from mailseal.config.addresses import SecretUrl, UnixAddress
from mailseal.config.keys import keys_of
from mailseal.config.settings import TABLES, Config
from mailseal.config.words import Protocol


def to_document(config: Config, *, reveal: bool = False) -> dict[str, Any]:
    """Return the effective configuration as plain values that JSON and TOML can hold.

    Passwords are masked unless ``reveal`` is set; then ``from_document`` gives an equal
    ``Config``, which is how it travels from one process to another.
    """
    document = _values(config, reveal=reveal)
    document["listen"] = []
    for listener in config.listen:
        table = _values(listener, reveal=reveal)
        if not isinstance(listener.address, UnixAddress):
            for name in ("mode", "owner", "group"):
                del table[name]
        if listener.protocol is not Protocol.LINE:
            del table["zone"]
        document["listen"].append(table)
    document["zones"] = {
        name: {
            key: value
            for key, value in _values(zone, reveal=reveal).items()
            if value not in ("", [])
        }
        for name, zone in config.zones.items()
    }
    if config.overrides:
        document["overrides"] = [
            {key: value for key, value in _values(one, reveal=reveal).items() if value}
            for one in config.overrides
        ]
    for name in TABLES:
        document[name] = _values(getattr(config, name), reveal=reveal)
    return document


def to_toml(document: dict[str, Any]) -> str:
    """Write what ``to_document`` returned as TOML."""
    blocks = [_lines({name: v for name, v in document.items() if not _is_table(v)})]
    for name, value in document.items():
        if name in {"listen", "overrides"}:
            blocks += [f"[[{name}]]\n" + _lines(table) for table in value]
        elif name == "zones":
            blocks += [f"[zones.{toml_key(zone)}]\n" + _lines(t) for zone, t in value.items()]
        elif _is_table(value):
            blocks.append(f"[{name}]\n" + _lines(value))
    return "\n".join(blocks)


def toml_value(value: object) -> str:
    """Write one value as TOML; its strings, numbers, booleans and lists are those of JSON."""
    # DEL is the one character that JSON leaves bare and TOML does not allow.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Write a key, in quotes where it needs them."""
    is_bare = name.isascii() and all(c.isalnum() or c in "-_" for c in name)
    return name if is_bare and name else toml_value(name)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )


def _lines(table: dict[str, Any]) -> str:
    return "".join(f"{toml_key(name)} = {toml_value(value)}\n" for name, value in table.items())


def _values(settings: object, *, reveal: bool) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, known in keys_of(type(settings)).items():
        value = getattr(settings, name)
        if isinstance(value, SecretUrl) and not reveal:
            values[name] = str(value)
        else:
            values[name] = known.kind.write(value)
    return values
