"""What became of each setting of the other daemon."""

import enum
from dataclasses import dataclass, field
from typing import Any

from mailseal.quoting import printable_only

MAX_SHOWN_CHARACTERS = 60  # of a foreign value: enough to find it in the file


class Fate(enum.StrEnum):
    """What became of a setting."""

    CARRIED = "carried over"
    DIFFERENT = "different here"
    LOST = "not carried over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line for the operator: a key of the other file, and a sentence about it."""

    fate: Fate
    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A configuration that was read; ``document`` holds only what differs from the defaults."""

    daemon: str
    document: dict[str, Any]
    notes: tuple[Note, ...]


@dataclass(slots=True)
class Draft:
    """A document that is being made, with its notes."""

    document: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def carry(self, key: str, text: str) -> None:
        """Note that a setting means the same here."""
        self._note(Fate.CARRIED, key, text)

    def differ(self, key: str, text: str) -> None:
        """Note that something is otherwise here, with nothing lost."""
        self._note(Fate.DIFFERENT, key, text)

    def lose(self, key: str, text: str) -> None:
        """Note that a setting has no equal here, or none that could be read."""
        self._note(Fate.LOST, key, text)

    def _note(self, fate: Fate, key: str, text: str) -> None:
        # Each becomes one comment line of the file: a name with a line feed must not leave it.
        self.notes.append(Note(fate=fate, key=printable_only(key), text=printable_only(text)))

    def set(self, table: str, key: str, value: object) -> None:
        """Set a key of one of the document's tables."""
        self.document.setdefault(table, {})[key] = value


def show(value: object) -> str:
    """Show a foreign value in bounded length, without control characters."""
    if isinstance(value, dict | list):
        return "a list or mapping"
    text = str(value) if not isinstance(value, int) or abs(value) < 10**18 else "a long number"
    shown = printable_only(text[:MAX_SHOWN_CHARACTERS])
    return f'"{shown}{"…" * (len(text) > MAX_SHOWN_CHARACTERS)}"'
