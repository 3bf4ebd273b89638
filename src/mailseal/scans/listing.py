"""Names from the lines of a file: plain or a column of CSV, with comments, each name once."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import mailseal
from mailseal.names import Domain, NameSyntaxError
from mailseal.quoting import printable_only

MAX_LINE_BYTES = 4096  # ours: a name in UTF-8 with a few columns beside it
MAX_LOST_BYTES = 2**20  # ours: behind the beginning of a line; what is longer is no text
MAX_SHOWN = 100  # ours, characters of what is no name
TRIAL = 100  # ours: so many entries without a single name are no list of names

_BYTE_ORDER_MARK = "\ufeff"


class ListError(mailseal.Error):
    """A file is no list of names."""


class Lines(Protocol):
    """A binary file, or what reads like one."""

    def readline(self, size: int = -1, /) -> bytes:
        """Return the next line with its end, or ``size`` bytes of it; nothing at the end."""
        ...


class NameSet(Protocol):
    """Names that were seen; however many they are, memory stays the same."""

    def add(self, name: str) -> bool:
        """Remember a name; False if it was there already."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a list; ``number`` counts the different ones from 1, in their order.

    ``domain`` is None for what is no name, and ``fault`` then says why.
    """

    number: int
    text: str
    domain: Domain | None
    fault: str = ""


class Listing:
    """The entries of a list, each once; for one pass.

    ``column`` is that of a CSV file: its number from 1, or its name in the first line. The same
    lines give the same numbers every time. ``entries`` counts what was read until now, those
    that were there before included.
    """

    def __init__(self, lines: Lines, seen: NameSet, *, column: str = "") -> None:
        self._lines = lines
        self._seen = seen
        self._column = column
        self.entries = 0
        self.numbered = 0

    @property
    def duplicates(self) -> int:
        """Return how many entries were there before."""
        return self.entries - self.numbered

    def __iter__(self) -> Iterator[Item]:
        """Yield entries; raises ``ListError`` for a file that is no list."""
        names = 0
        for text in read_texts(self._lines, column=self._column):
            self.entries += 1
            domain, fault = _parse(text)
            names += domain is not None
            if not names and self.entries == TRIAL:
                raise ListError(
                    f"none of the first {TRIAL} lines holds a domain name (the last one says "
                    f"{_shown(text)!r}); of a CSV file say which column with --column"
                )
            # What is no name has a blank in front, as no name has.
            if not self._seen.add(domain or f" {text[:MAX_LINE_BYTES]}"):
                continue
            self.numbered += 1
            yield Item(number=self.numbered, text=_shown(text), domain=domain, fault=fault)


def read_texts(lines: Lines, *, column: str = "") -> Iterator[str]:
    """Yield what stands in each line, without blanks and comments; empty lines are left out."""
    index = _column_index(column)
    is_first = True
    for raw in read_lines(lines):
        text = raw.decode("utf-8", "replace").strip()
        if is_first:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            is_first = False
            if column and index is None:
                index = _find_column(text, column)
                continue
        text = text.partition("#")[0].rstrip()
        if text and index is not None:
            text = _cell(text, index)
        if text:
            yield text


def read_lines(lines: Lines) -> Iterator[bytes]:
    """Yield lines; of an overlong one its beginning. Raises ``ListError`` for one without end."""
    number = 0
    while line := lines.readline(MAX_LINE_BYTES):
        number += 1
        yield line
        lost = 0
        while not line.endswith(b"\n") and (rest := lines.readline(MAX_LINE_BYTES)):
            line = rest
            lost += len(rest)
            if lost > MAX_LOST_BYTES:
                raise ListError(
                    f"line {number} has more than {MAX_LOST_BYTES:,} bytes, so this is no list; "
                    "name a file with a domain name to a line"
                )


def count_entries(lines: Lines, *, column: str = "") -> int:
    """Return how many entries a list has, those that stand in it again included."""
    return sum(1 for _ in read_texts(lines, column=column))


def _column_index(column: str) -> int | None:
    if column.isascii() and column.isdigit():
        if int(column) == 0:
            raise ListError("columns count from 1")
        return int(column) - 1
    return None


def _find_column(header: str, column: str) -> int:
    names = _cells(header)
    try:
        return names.index(column)
    except ValueError:
        shown = ", ".join(_shown(name) for name in names[:10])
        raise ListError(f"there is no column {column!r}; the first line names {shown}") from None


def _cell(text: str, index: int) -> str:
    cells = _cells(text)
    # A line without that column stays as a whole, to be told as what it is.
    return cells[index] if index < len(cells) else text


def _cells(text: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text]), [])]
    except csv.Error:
        return [text]


def _parse(text: str) -> tuple[Domain | None, str]:
    try:
        return Domain.parse(text), ""
    except NameSyntaxError as error:
        return None, str(error)


def _shown(text: str) -> str:
    return printable_only(text[:MAX_SHOWN])
