"""Progress: on a terminal alone, gone at the end, and with nothing of a stranger's that acts."""

import io

from rich.console import Console

from mailseal.faces.check.progress import shown
from mailseal.services.checker import Progress
from mailseal.services.gathering.progress import Part


def watch(*, is_terminal: bool, subject: str = "mx1.example.com") -> str:
    """Tell of two steps of one domain of two; return what was written."""
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=is_terminal, width=100, color_system=None, _environ={}
    )
    with shown(console, 2) as (step, done):
        for number in (1, 2):
            step(
                Progress(
                    domain="example.com", part=Part.SMTP, subject=subject, done=number, total=9
                )
            )
        done()
    return stream.getvalue()


def test_a_terminal_sees_how_far_it_is() -> None:
    """So many steps of so many, so many domains, and whom it waits for."""
    text = watch(is_terminal=True)

    assert "1 of 2 domains" in text
    assert "2 of 9" in text
    assert "mx1.example.com" in text
    assert text.endswith("\x1b[2K")  # the line is wiped


def test_the_line_names_what_is_waited_for() -> None:
    """One server that does not answer keeps a domain; the others are not to be blamed for it."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None, _environ={})
    with shown(console, 2) as (step, _):
        for domain, waits_for in (
            ("slow.example", "mx.slow.example [192.0.2.1]"),
            ("a.example", ""),
        ):
            step(
                Progress(
                    domain=domain,
                    part=Part.SMTP,
                    subject=f"mx.{domain} [192.0.2.7]",
                    done=1,
                    total=2,
                    waits_for=waits_for,
                )
            )

    last = stream.getvalue().rpartition("looking")[2].rpartition("of 2 domains")[2]
    assert "mx.slow.example [192.0.2.1]" in last
    assert "mx.a.example" not in last


def test_a_file_gets_nothing() -> None:
    """A cron job's mail has the report alone."""
    assert watch(is_terminal=False) == ""


def test_a_subject_cannot_act_or_fill_the_line() -> None:
    """Names come from DNS."""
    text = watch(is_terminal=True, subject="[bold]\x1b[31m\u202e" + "x" * 500)

    assert "[bold]?[31m?" in text
    assert "x" * 50 not in text
