"""Lines of a terminal: paragraphs with an indent, aligned tables, marks; colours where there are.

Every text is made harmless here, whoever it comes from.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mailseal.checks.overview import Mark
from mailseal.faces.check.showing import printable

MAX_COLUMNS = 100  # longer lines are hard to read
MIN_COLUMNS = 40  # in less, words of a table would stand one below the other
_GLYPHS = {
    Mark.GOOD: ("✓", "+"),
    Mark.NONE: ("·", "-"),
    Mark.NOTE: ("i", "i"),
    Mark.WARNING: ("!", "!"),
    Mark.UNKNOWN: ("?", "?"),
    Mark.ERROR: ("✗", "x"),
}
STYLES = {
    Mark.GOOD: "green",
    Mark.NONE: "dim",
    Mark.NOTE: "blue",
    Mark.WARNING: "yellow",
    Mark.UNKNOWN: "cyan",
    Mark.ERROR: "bold red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a terminal can show; without one 80 columns are written, and no colours."""

    columns: int = 80
    has_colours: bool = False
    has_unicode: bool = True


@dataclass(frozen=True, slots=True)
class Styled:
    """A text with a style of rich's."""

    text: str
    style: str = ""


class Page:
    """Collects lines; ``render`` returns them as one text that ends in a newline."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._width = max(MIN_COLUMNS, min(look.columns, MAX_COLUMNS))
        self._lines: list[Text] = []
        self._console = Console(
            file=io.StringIO(),
            width=self._width,
            force_terminal=look.has_colours,
            color_system="standard" if look.has_colours else None,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
            _environ={},  # what it would read there was decided by whoever made the look
        )

    def glyph(self, mark: Mark) -> Styled:
        """Return a mark's sign."""
        return Styled(_GLYPHS[mark][not self._look.has_unicode], STYLES[mark])

    def blank(self) -> None:
        """Leave a line empty, but never two."""
        if self._lines and self._lines[-1].plain:
            self._lines.append(Text())

    def rule(self, title: str, mark: Mark) -> None:
        """Write a heading over the whole width, with its mark."""
        stroke = "─" if self._look.has_unicode else "-"
        line = Text().append(f"{stroke * 2} ", style="dim")
        line.append_text(_text(self.glyph(mark)))
        line.append(f" {printable(title)} ", style="bold")
        rest = self._width - cell_len(line.plain)
        line.append(stroke * max(rest, 0), style="dim")
        self.blank()
        self._lines.append(line)

    def paragraph(self, *parts: Styled | str, indent: int = 0, sign: Styled | None = None) -> None:
        """Write words, wrapped, behind a sign if there is one; lines but the first stand below."""
        text = Text()
        for part in parts:
            text.append_text(_text(part))
        head = Text(" " * indent)
        if sign is not None:
            head.append_text(_text(sign))
        room = self._width - cell_len(head.plain)
        for number, line in enumerate(text.wrap(self._console, room)):
            line.rstrip()
            before = Text(" " * cell_len(head.plain)) if number else head.copy()
            self._lines.append(before.append_text(line))

    def verbatim(self, text: str, *, indent: int = 0) -> None:
        """Write lines as they are, however long: they are there to be copied."""
        for line in text.splitlines():
            self._lines.append(Text(" " * indent + printable(line), style="bold"))

    def table(
        self, rows: Sequence[Sequence[Styled | str]], *, indent: int = 0, has_head: bool = False
    ) -> None:
        """Write rows with aligned columns; only the last column is wrapped."""
        drawn = [[_text(cell) for cell in row] for row in rows]
        if not drawn:
            return
        count = max(map(len, drawn))
        widths = [
            max((cell_len(row[column].plain) for row in drawn if column < len(row)), default=0)
            for column in range(count)
        ]
        room = self._width - indent - sum(widths[:-1]) - 2 * (count - 1)
        for number, row in enumerate(drawn):
            if has_head and number == 0:
                for cell in row:
                    cell.stylize("dim")
            self._row(row, widths, indent=indent, room=max(room, MIN_COLUMNS // 2))

    def _row(self, row: Sequence[Text], widths: Sequence[int], *, indent: int, room: int) -> None:
        line = Text(" " * indent)
        for cell, width in zip(row[:-1], widths, strict=False):
            line.append_text(cell)
            line.append(" " * (width - cell_len(cell.plain) + 2))
        start = cell_len(line.plain)
        for number, part in enumerate(row[-1].wrap(self._console, room) or [Text()]):
            part.rstrip()
            whole = line.append_text(part) if number == 0 else Text(" " * start).append_text(part)
            whole.rstrip()
            self._lines.append(whole)

    def render(self) -> str:
        """Return everything that was written."""
        while self._lines and not self._lines[-1].plain.strip():
            self._lines.pop()
        file = io.StringIO()
        self._console.file = file
        for line in self._lines:
            self._console.print(line, soft_wrap=True)
        text = file.getvalue()
        return text if self._look.has_unicode else text.replace("§", "sec. ")


def _text(part: Styled | str) -> Text:
    if isinstance(part, str):
        return Text(printable(part))
    return Text(printable(part.text), style=part.style)
