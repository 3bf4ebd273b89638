"""A command that speaks to monitoring: its wrong usage exits 3, since 2 means that something broke.

The codes are those of monitoring plug-ins: 0 good, 1 warnings, 2 errors, 3 unknown.
"""

import click

WRONG_USAGE = 3
UNKNOWN = 3


class WrongUsageError(click.UsageError):
    """A command line that makes no sense."""

    exit_code = WRONG_USAGE


class CannotTellError(click.ClickException):
    """This machine could not look; that says nothing about what was to be looked at."""

    exit_code = UNKNOWN


class MonitoringCommand(click.Command):
    """A command whose wrong usage exits 3."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise WrongUsageError(error.format_message(), ctx) from error
