"""The page that the demo prints: a table, and Postfix's own log lines as proof of it."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 80  # columns of a terminal that everybody has
_COLUMNS = (23, 24, 25)  # with two gutters of four columns each
_GUTTER = "    "

RED, GREEN, BOLD, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"

# "Jan  1 00:00:00 host postfix/smtp[123]: ": when and where does not matter here.
_HEAD = re.compile(r"^.*? postfix/(\w+)\[\d+\]: ")
# What proves an outcome: how TLS came out, what the MTA complains of, what became of the message.
_TELLING = re.compile(r"TLS connection established|socketmap server temporary error|status=")
# Addresses, delays, folders and the server's queue id tell nothing here.
_NOISE = re.compile(
    r"\[[0-9.]+\]:25|, delay=[^,]*, delays=[^,]*| with cipher .*| Ok: queued as \w+"
    r"|socketmap:unix:\S+ "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What became of one message; ``is_safe`` tells whether that is well for its sender."""

    says: str
    is_expected: bool
    is_safe: bool
    log_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scene: what happens on the wire, and both outcomes."""

    domain: str
    happens: str
    without: Side
    protected: Side

    @property
    def is_expected(self) -> bool:
        """Tell whether both messages came to what they should."""
        return self.without.is_expected and self.protected.is_expected


def render(rows: Sequence[Row], *, with_colours: bool) -> str:
    """Return the whole page; without colours it is plain text for a file."""
    lines = ["", *_table(rows, with_colours), "", *_proofs(rows, with_colours), *_closing(rows)]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Row], with_colours: bool) -> Iterator[str]:
    heads = ("on the wire", "without mailseal", "with mailseal")
    yield from _cells(heads, (BOLD,) * 3, with_colours)
    yield _GUTTER.join("-" * width for width in _COLUMNS)
    for row in rows:
        sides = (row.without, row.protected)
        cells = (f"{row.happens} ({row.domain})", *(side.says for side in sides))
        yield from _cells(cells, ("", *map(_colour, sides)), with_colours)
        yield ""


def _colour(side: Side) -> str:
    return GREEN if side.is_safe and side.is_expected else RED


def _cells(texts: Sequence[str], colours: Sequence[str], with_colours: bool) -> Iterator[str]:
    wrapped = [textwrap.wrap(text, width) for text, width in zip(texts, _COLUMNS, strict=True)]
    for number in range(max(map(len, wrapped))):
        parts = []
        for lines, width, colour in zip(wrapped, _COLUMNS, colours, strict=True):
            text = (lines[number] if number < len(lines) else "").ljust(width)
            parts.append(_paint(text, colour) if with_colours else text)
        yield _GUTTER.join(parts).rstrip()


def _proofs(rows: Sequence[Row], with_colours: bool) -> Iterator[str]:
    head = "What Postfix logged, shortened"
    yield _paint(head, BOLD) if with_colours else head
    for row in rows:
        for name, side in (("without", row.without), ("with", row.protected)):
            yield ""
            yield f"{row.happens}, {name} mailseal:"
            for line in telling(side.log_lines):
                yield from textwrap.wrap(
                    line,
                    WIDTH,
                    initial_indent="  ",
                    subsequent_indent="    ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )


def telling(lines: Sequence[str]) -> Iterator[str]:
    """Return the lines that prove an outcome, without what is the same in every line."""
    for line in lines:
        if _TELLING.search(line):
            yield _HEAD.sub(r"postfix/\1: ", _NOISE.sub("", line))
    if (
        not any("TLS connection established" in line for line in lines)
        and "status=sent" in lines[-1]
    ):
        yield "(no line about TLS: sent in clear text)"


def _closing(rows: Sequence[Row]) -> Iterator[str]:
    yield ""
    if all(row.is_expected for row in rows):
        yield "With mailseal the honest MX got its mail and neither attacker got anything."
    else:
        yield "This is not what should have happened: please report it with the lines above."


def _paint(text: str, colour: str) -> str:
    return f"{colour}{text}{PLAIN}" if colour else text
