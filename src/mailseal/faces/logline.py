"""One line of the log: an event with fields, as text or as JSON, the same from every process.

It needs no logging library, since loading one takes longer than the rest of the answerer.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
MAX_VALUE_CHARACTERS = 400  # ours: a hostile name cannot fill the log

_PLAIN = re.compile(r'[^\s"=\\]+')

Log = Callable[..., None]


def render_text(at: datetime, level: str, event: str, fields: Mapping[str, object]) -> str:
    """Return ``time level event key=value ...``; values with odd characters are quoted."""
    words = [f"{at:%Y-%m-%dT%H:%M:%SZ}", level, event]
    words += [f"{key}={_quoted(_plain(value))}" for key, value in fields.items()]
    return " ".join(words)


def render_json(at: datetime, level: str, event: str, fields: Mapping[str, object]) -> str:
    """Return one JSON object: ``time``, ``level``, ``event`` and the fields."""
    time = f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
    document: dict[str, object] = {"time": time, "level": level, "event": event}
    for key, value in fields.items():
        document[key] = value if isinstance(value, int | float | None) else _plain(value)
    return json.dumps(document)


class LineLog:
    """Writes events to standard error, the least level set.

    A service has made that a stream that neither waits nor fails: see ``logstream``.
    """

    def __init__(self, *, level: str = "info", is_json: bool = False) -> None:
        self._least = LEVELS[level]
        self._render = render_json if is_json else render_text

    def __call__(self, event: str, *, level: str = "warning", **fields: object) -> None:
        """Write one event; most of those worth a line are warnings."""
        if LEVELS[level] >= self._least:
            line = self._render(datetime.now(UTC), level, event, fields)
            sys.stderr.write(line + "\n")  # in one call, so that it stays a line
            sys.stderr.flush()


def _plain(value: object) -> str:
    text = f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
    return text[:MAX_VALUE_CHARACTERS]


def _quoted(value: str) -> str:
    if value.isascii() and value.isprintable() and _PLAIN.fullmatch(value):
        return value
    escaped = value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'
