"""``mailseal scan`` and the commands below it; ``scan FILE`` is short for ``scan run FILE``."""

import importlib

import click

_COMMANDS = {
    "run": "mailseal.faces.scan.run:run",
    "summary": "mailseal.faces.scan.summary:summary",
    "submit": "mailseal.faces.scan.fleet:submit",
    "status": "mailseal.faces.scan.fleet:status",
    "export": "mailseal.faces.scan.fleet:export",
}
_DEFAULT = "run"


class ScanGroup(click.Group):
    """A group whose first word may be a file instead of a command's name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Run a scan where the first word is neither a command nor a wish for help."""
        if args and args[0] not in _COMMANDS and args[0] not in ctx.help_option_names:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a file's name stays among the words."""
        if args and args[0] not in _COMMANDS:
            args = [_DEFAULT, *args]
        return super().resolve_command(ctx, args)


@click.command(cls=ScanGroup, epilog="Example: mailseal scan domains.txt --output results.jsonl")
def scan() -> None:
    """Look at many domains; what is done is kept, and an interrupted scan goes on.

    "mailseal scan FILE" is short for "mailseal scan run FILE".
    """
