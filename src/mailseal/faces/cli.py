"""The command ``mailseal``: its commands, each loaded when it is called.

Exit codes are told in each command's help; 2 is wrong usage or an unusable configuration, but for
the commands that speak to monitoring, where that is 3.
"""

import importlib

import click

import mailseal

# Each command and where it lives; the text is here too, so that --help loads none of them.
_COMMANDS = {
    "serve": ("mailseal.faces.serving:serve", "Answer MTAs until told to stop."),
    "reload": ("mailseal.faces.reloading:reload", "Let the service read its configuration anew."),
    "query": ("mailseal.faces.query:query", "Tell what a next hop is answered, and why."),
    "cache": ("mailseal.faces.cache:cache", "Look at stored policies, refresh or purge them."),
    "pins": ("mailseal.faces.pins:pins", "Sign and check lists of pinned policies."),
    "lint": ("mailseal.faces.lint:lint", "Judge a policy file or record before it is published."),
    "check": ("mailseal.faces.check.command:check", "Tell how securely mail reaches a domain."),
    "scan": ("mailseal.faces.scan.group:scan", "Look at a list of domains, as many as there are."),
    "worker": ("mailseal.faces.scan.worker:worker", "Take part in scans that machines share."),
    "monitor": ("mailseal.faces.monitor.group:monitor", "Watch your own domains over time."),
    "doctor": ("mailseal.faces.doctor:doctor", "Tell what keeps mail here from being protected."),
    "config": ("mailseal.faces.configure:config", "Write, check and show the configuration."),
}


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
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

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
    epilog="Example: mailseal query example.com --explain",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(mailseal.__version__, prog_name="mailseal")
def cli() -> None:
    """Decide how mail to each next hop must be secured: MTA-STS and DANE for a sending MTA."""
