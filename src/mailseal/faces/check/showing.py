"""How strangers' texts are shown: nothing of them can move a cursor, change colours or turn lines.

What is observed is printable ASCII already; evidence that was read from a file may be anything.
"""

import unicodedata


def printable(text: str) -> str:
    """Return a text with a question mark for what is not seen or acts upon its surroundings.

    Those are controls, escapes, line ends, overrides of direction, and marks that are drawn over
    their neighbours.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else "?" for char in text)


def _is_harmless(char: str) -> bool:
    return char.isprintable() and not unicodedata.category(char).startswith("M")
