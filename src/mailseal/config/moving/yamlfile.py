"""The other daemon's file: bounded, read by PyYAML's safe loader, looked at key by key."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mailseal

MAX_FILE_BYTES = 1024 * 1024  # postfix-tlspol's own limit; the other daemon has none
MAX_ALIASES = 100  # ours: an anchor repeated in itself grows a small file without end
MAX_DEPTH = 20  # ours: either daemon's file has four levels
MAX_EVENTS = 20_000  # ours: 5 000 settings; a second of work for PyYAML


class ForeignConfigError(mailseal.Error):
    """The file cannot be read as the configuration of a daemon that is known."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the file's mapping; raises ``ForeignConfigError``."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ForeignConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE_BYTES:
        raise ForeignConfigError(f"{path}: has over {MAX_FILE_BYTES} bytes")
    return parse_yaml(raw, source=str(path))


def parse_yaml(raw: bytes, *, source: str) -> dict[str, Any]:
    """Return the mapping of a YAML text; raises ``ForeignConfigError``."""
    import yaml

    try:
        _check_bounds(yaml.parse(raw), source)
        document = yaml.safe_load(raw)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ForeignConfigError(f"{source}: {where}is not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: a date or a number that cannot be; the text of the error may be long.
        raise ForeignConfigError(f"{source}: is not YAML: {str(error)[:200]}") from error
    if not isinstance(document, dict):
        raise ForeignConfigError(f"{source}: is not a mapping of settings")
    return document


def _check_bounds(events: Iterable[object], source: str) -> None:
    """Look through the text as a stream, before anything is built of it."""
    import yaml

    aliases = depth = 0
    for number, event in enumerate(events):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        for count, most, what in (
            (aliases, MAX_ALIASES, "aliases"),
            (depth, MAX_DEPTH, "levels"),
            (number, MAX_EVENTS, "parts"),
        ):
            if count > most:
                raise ForeignConfigError(f"{source}: is not a configuration: over {most} {what}")


def table(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a mapping inside a mapping; empty when there is none, or something else."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
