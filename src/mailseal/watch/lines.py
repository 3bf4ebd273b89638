"""Text broken into lines for a mail or a terminal."""

import textwrap


def break_lines(text: str, width: int, *, indent: str = "") -> list[str]:
    """Break lines between words alone: a name in two parts can be neither copied nor found."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
