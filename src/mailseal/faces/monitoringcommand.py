"""A command that speaks to monitoring: its wrong usage exits 3, since 2 means that something broke.

The codes are those of monitoring plug-ins: 0 good, 1 warnings, 2 errors, 3 unknown.
"""

import traceback
from pathlib import Path
from typing import Any

import click

WRONG_USAGE = 3
UNKNOWN = 3
MAX_FAULT = 300  # ours: letters of a line in a monitoring system


class WrongUsageError(click.UsageError):
    """A command line that makes no sense."""

    exit_code = WRONG_USAGE


class CannotTellError(click.ClickException):
    """This machine could not look; that says nothing about what was to be looked at."""

    exit_code = UNKNOWN


class MonitoringCommand(click.Command):
    """A command whose wrong usage exits 3, as does a fault of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise WrongUsageError(error.format_message(), ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Python would exit with 1 after a fault, which says "warnings"."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click tells them, or nobody reads any more
        except KeyboardInterrupt as error:  # of which click makes the exit code 1 as well
            raise CannotTellError("interrupted before everything was found out") from error
        except Exception as error:
            # A fault of ours: monitoring must not take Python's exit code for a verdict.
            raise CannotTellError(_say_fault(error)) from error


def _say_fault(error: Exception) -> str:
    from mailseal.faces.check.showing import printable

    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = printable(f"{type(error).__name__}{place}: {error}")[:MAX_FAULT]
    return (
        f"a fault of mailseal, so nothing was found out: {what}; please report this line, with "
        "the file that was judged or the domain that was asked about"
    )
