"""Log lines: one a line, the same from both processes."""

import json
from datetime import UTC, datetime

import pytest

from mailseal.faces.logline import LineLog, render_json, render_text

AT = datetime(2026, 7, 1, 12, 0, 30, tzinfo=UTC)


def test_a_line_is_time_level_event_and_fields() -> None:
    """What happened to whom comes first, then the facts."""
    line = render_text(AT, "warning", "policy fetch failed", {"domain": "example.com", "until": AT})

    assert line == (
        "2026-07-01T12:00:30Z warning policy fetch failed "
        "domain=example.com until=2026-07-01T12:00:30Z"
    )


def test_lines_stay_lines() -> None:
    """Odd values are quoted, so that nobody writes log lines through a name."""
    fields = {"blank": "a b", "feed": "a\nb=c", "quote": '"', "u": "ü", "number": 3}

    line = render_text(AT, "info", "event", fields)

    assert line.endswith('event blank="a b" feed="a\\nb=c" quote="\\"" u="\\xfc" number=3')
    assert len(render_text(AT, "info", "event", {"long": "x" * 10_000})) < 500


def test_json_lines_are_objects() -> None:
    """Numbers stay numbers; everything else is text."""
    line = render_json(
        AT, "error", "event", {"count": 3, "reason": ValueError("a\nb"), "none": None}
    )

    assert json.loads(line) == {
        "time": "2026-07-01T12:00:30.000000Z",
        "level": "error",
        "event": "event",
        "count": 3,
        "reason": "a\nb",
        "none": None,
    }


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """The configured level counts here as it does for the resolver."""
    log = LineLog(level="warning", is_json=True)

    log("mailseal answers", level="info")
    log("the resolver has ended", pid=1)

    assert json.loads(capsys.readouterr().err)["event"] == "the resolver has ended"
