"""The generated pages of the reference: ``python -m mailseal.faces.reference FOLDER``.

The commands are told in click's own help, the configuration by the keys themselves; a test
compares the pages in the repository with what is written here.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from mailseal.config.reference import render_reference as render_configuration
from mailseal.faces.check.jsonreference import render_reference as render_check_json
from mailseal.faces.check.reference import render_reference as render_findings
from mailseal.faces.cli import cli
from mailseal.faces.metrics.reference import render_reference as render_metrics

HELP_COLUMNS = 88  # so that a page does not depend on the terminal of whoever writes it

_HEAD = """\
<!-- Made by "make docs"; a test compares. Change src/mailseal/faces instead. -->

# Commands

Everything is done by one program, `mailseal`.
What follows is its own help, command by command.

Exit code 0 is success, and 2 is wrong usage or an unusable configuration.
For commands that monitoring may run, such as `mailseal check`, wrong usage is 3: 2 is an error.
What else a command exits with stands in its help.
"""


def render_commands() -> str:
    """Return the help of every command as Markdown; ends with one newline."""
    parts = [_HEAD]
    for path, context in walk(cli, "mailseal"):
        parts.append(f"## `{path}`\n\n```text\n{context.get_help().rstrip()}\n```\n")
    return "\n".join(parts)


def walk(
    command: click.Command, path: str, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context]]:
    """Return every command with its full name, groups before what is in them."""
    name = path.rpartition(" ")[2]
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=HELP_COLUMNS,
        **command.context_settings if parent is None else {},
    )
    yield path, context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            member = command.get_command(context, below)
            assert member is not None
            yield from walk(member, f"{path} {below}", context)


PAGES: Mapping[str, Callable[[], str]] = {
    "check-json.md": render_check_json,
    "commands.md": render_commands,
    "configuration.md": render_configuration,
    "findings.md": render_findings,
    "metrics.md": render_metrics,
}


def main(arguments: list[str]) -> int:
    """Write every generated page into the folder that is named; return the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m mailseal.faces.reference FOLDER", file=sys.stderr)
        return 2
    for name, render in PAGES.items():
        (Path(arguments[0]) / name).write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
