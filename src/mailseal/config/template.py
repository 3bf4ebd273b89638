"""The file that ``mailseal config init`` writes: every key at its default, with its paragraph.

Keys stand there as comments, so that a default that improves with a new version takes effect.
Table headings are live: taking the ``#`` away from a key is all it needs.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import MISSING

from mailseal.config.exceptions import OverrideSettings
from mailseal.config.keys import default_of, keys_of
from mailseal.config.listening import DEFAULT_LISTENERS, ListenSettings, ZoneSettings
from mailseal.config.settings import TABLES, Config
from mailseal.config.writing import toml_value
from mailseal.overrides import Scope, StsOverride

WIDTH = 88  # columns of a comment: readable in a terminal beside something else

_HEAD = """\
Configuration of mailseal.
Each key is shown with its default; remove the "#" in front of a key to set it.
Check the file with "mailseal config check"; "mailseal reload" puts a change in force.
Durations are "500ms", "10s", "5m", "24h", "30d" or whole seconds."""

# Without a word of its own an override would be refused.
_EXAMPLE_OVERRIDE = OverrideSettings(domains=(Scope("example.com"),), sts=StsOverride.OFF)


def render_template() -> str:
    """Return the commented file; ends with a newline, and parses to the defaults."""
    blocks = [
        _comment(_HEAD),
        *_keys(Config),
        _comment(summary(ListenSettings)),
        "#[[listen]]\n" + "\n".join(_keys(ListenSettings, DEFAULT_LISTENERS[0])),
        *(
            f'#[[listen]]\n#protocol = "{one.protocol.value}"\n#address = "{one.address}"\n'
            for one in DEFAULT_LISTENERS[1:]
        ),
        _comment(summary(ZoneSettings)),
        "#[zones.NAME]\n" + "\n".join(_keys(ZoneSettings)),
        _comment(summary(OverrideSettings)),
        "#[[overrides]]\n" + "\n".join(_keys(OverrideSettings, _EXAMPLE_OVERRIDE)),
    ]
    for name, settings in TABLES.items():
        blocks.append(f"{_comment(summary(settings))}[{name}]\n\n" + "\n".join(_keys(settings)))
    return "\n".join(blocks)


def summary(settings: type) -> str:
    """Return what a table is for: its class's docstring, as plain text."""
    return (settings.__doc__ or "").replace("``", "").strip()


def _keys(settings: type, shown: object = None) -> Iterator[str]:
    """Write every key with its default, or with its value in ``shown``."""
    for name, known in keys_of(settings).items():
        default = default_of(settings, name) if shown is None else getattr(shown, name)
        value = known.example if default is MISSING else known.kind.write(default)
        about = known.about
        if known.example not in (None, value):
            about += f"\nExample: {name} = {toml_value(known.example)}"
        yield f"{_comment(about)}#{name} = {toml_value(value)}\n"


def _comment(text: str) -> str:
    lines: list[str] = []
    for sentence in text.split("\n"):
        lines += textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)
