"""The reference of all keys, docs/reference/configuration.md, from the keys themselves."""

from collections.abc import Iterator
from dataclasses import MISSING

from mailseal.config.exceptions import OverrideSettings
from mailseal.config.keys import Key, default_of, keys_of
from mailseal.config.kinds import render_duration
from mailseal.config.listening import BUILT_IN_ZONES, ListenSettings, ZoneSettings
from mailseal.config.reading import DEFAULT_PATH, PATH_VARIABLE
from mailseal.config.settings import TABLES, Config
from mailseal.config.template import summary
from mailseal.config.writing import toml_value

_HEAD = f"""\
<!-- Made by "mailseal config reference"; a test compares. Change src/mailseal/config instead. -->

# Configuration

mailseal reads one TOML file: the one that `--config` names, else the one that the environment
variable `{PATH_VARIABLE}` names, else `{DEFAULT_PATH}`.
Every key has a default, and an empty file is a working configuration.

`mailseal config init` writes a file with every key as a comment.
`mailseal config check` tells every fault at once, `mailseal config show` what is in effect.
An unknown key is refused: passed over, a misspelt one would leave its default in force unnoticed.
The file is read at start and by `mailseal reload`.

Durations are text such as `"500ms"`, `"10s"`, `"5m"`, `"24h"`, `"30d"`, or whole seconds.
Sizes are text such as `"64 KiB"`, or bytes.
Addresses are numeric, since names would need the DNS that is being configured.
"""


def render_reference() -> str:
    """Return the reference as Markdown, one sentence per line; ends with one newline."""
    parts = [_HEAD, "## Top level\n", *_keys(Config, "")]
    parts += [f"## `[[listen]]`\n\n{_summary(ListenSettings)}", *_keys(ListenSettings, "listen")]
    parts += [f"## `[zones.NAME]`\n\n{_summary(ZoneSettings)}", _zones()]
    parts += _keys(ZoneSettings, "zones.NAME")
    parts += [f"## `[[overrides]]`\n\n{_summary(OverrideSettings)}"]
    parts += _keys(OverrideSettings, "overrides")
    for name, settings in TABLES.items():
        parts += [f"## `[{name}]`\n\n{_summary(settings)}", *_keys(settings, name)]
    return "\n".join(parts)


def _summary(settings: type) -> str:
    return _sentences(summary(settings))


def _sentences(text: str) -> str:
    return text.replace(". ", ".\n") + "\n"


def _keys(settings: type, table: str) -> Iterator[str]:
    for name, known in keys_of(settings).items():
        lines = [f"### `{f'{table}.{name}' if table else name}`\n", _sentences(known.about)]
        lines.append(f"- Form: {known.kind.expected}.")
        lines.append(f"- Default: {_default(settings, name, known)}.")
        if known.example is not None:
            lines.append(f"- Example: `{name} = {toml_value(known.example)}`")
        yield "\n".join(lines) + "\n"


def _default(settings: type, name: str, known: Key) -> str:
    default = default_of(settings, name)
    if default is MISSING:
        return "none, it must be given"
    if known.unset_text:
        return known.unset_text
    return f"`{toml_value(known.kind.write(default))}`"


def _zones() -> str:
    rows = [
        f"| `{name}` | `{zone.profile.value}` | `{render_duration(zone.answer_within)}` |"
        for name, zone in BUILT_IN_ZONES.items()
    ]
    head = "These zones are built in; a table of the same name replaces one:\n"
    return "\n".join([head, "| zone | profile | deadline |", "|---|---|---|", *rows]) + "\n"
