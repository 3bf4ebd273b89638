"""How a stranger's text is shown inside a message: short, on one line, with nothing that acts."""

from collections.abc import Sequence

MAX_SHOWN_CHARS = 60  # enough to recognise a line by, short enough for a log


def quote(text: str | bytes) -> str:
    """Return ``text`` in double quotes, cut to ``MAX_SHOWN_CHARS``, with nothing that could act.

    Controls, quotes and everything beyond ASCII come as escapes, so that neither a terminal nor
    a log can be made to show something else than what is there.
    """
    shown = text[: MAX_SHOWN_CHARS + 1]
    if isinstance(shown, bytes):
        shown = shown.decode("utf-8", "backslashreplace")
    is_cut = len(shown) > MAX_SHOWN_CHARS
    shown = shown[:MAX_SHOWN_CHARS].encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{shown}..."' if is_cut else f'"{shown}"'


def ascii_only(text: str | bytes) -> str:
    """Return ``text`` with a question mark for each character, or byte, but printable ASCII."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def printable_only(text: str) -> str:
    """Return ``text`` with a question mark for what moves a cursor, changes colours or ends lines.

    Letters of all scripts stay.
    """
    return "".join(char if char.isprintable() else "?" for char in text)


def name_some(names: Sequence[object], at_most: int) -> str:
    """Return the first of many names and how many are left out: ``a, b and 3 more``."""
    shown = ", ".join(map(str, names[:at_most]))
    return f"{shown} and {len(names) - at_most} more" if len(names) > at_most else shown
