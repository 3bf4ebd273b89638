"""The command ``mailseal``: its commands, each loaded when it is called.

Exit codes are told in each command's help; 2 is wrong usage or an unusable configuration, but for
the commands that speak to monitoring, where that is 3. With each of them 3 says, too, that standard
output could not be written.
"""

import importlib

import click

import mailseal

# Each command and where it lives; the text is here too, so that --help loads none of them.
_SECTIONS = {
    "Decide, for your own mail server": {
        "serve": ("mailseal.faces.serving:serve", "Answer MTAs until told to stop."),
        "query": ("mailseal.faces.query:query", "Tell what a next hop is answered, and why."),
        "cache": ("mailseal.faces.cache:cache", "Look at stored policies, refresh or purge them."),
        "pins": ("mailseal.faces.pins:pins", "Sign and check lists of pinned policies."),
        "reload": ("mailseal.faces.reloading:reload", "Have the configuration read anew."),
    },
    "Look at domains": {
        "check": ("mailseal.faces.check.command:check", "Tell how securely mail reaches a domain."),
        "monitor": ("mailseal.faces.monitor.group:monitor", "Watch your own domains over time."),
        "scan": ("mailseal.faces.scan.group:scan", "Look at a list, however long."),
        "worker": ("mailseal.faces.scan.worker:worker", "Take part in scans that machines share."),
        "lint": ("mailseal.faces.lint:lint", "Judge a policy or record before it is published."),
    },
    "Set up": {
        "config": ("mailseal.faces.configure:config", "Write, check and show the configuration."),
        "doctor": ("mailseal.faces.doctor:doctor", "Tell what keeps mail here from protection."),
    },
}
_COMMANDS = {name: place for section in _SECTIONS.values() for name, place in section.items()}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a user's acquaintance with them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of this name."""
        import difflib

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if near := difflib.get_close_matches(args[0], _COMMANDS, n=1):
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?") from error
            raise


@click.group(
    cls=LazyGroup,
    epilog="Example: mailseal check example.com",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(mailseal.__version__, prog_name="mailseal")
def cli() -> None:
    """Secure mail between servers, with MTA-STS and DANE.

    Decides for a sending MTA how each next hop must be secured; checks domains, watches your own
    over time, and scans lists of any length.
    """
