"""``mailseal reload``: the running service reads its configuration anew.

**Security**: as ``cache``. **Limits**: it asks over the control socket, which the service's second
process serves; while that one is being started, use SIGHUP.
"""

from pathlib import Path

import click

from mailseal.faces.asking import NoServiceError, ask
from mailseal.faces.configured import (
    UnusableConfigError,
    config_option,
    load_config,
    state_dir_option,
)


@click.command(
    epilog="Example: mailseal reload\n\n"
    "Exit codes: 2 the configuration is refused, the old one stays in force; 3 no service runs, "
    "or it cannot be asked."
)
@config_option
@state_dir_option
def reload(config_file: Path | None, state_dir: Path | None) -> None:
    """Let the running service read its configuration anew, without losing a question."""
    config = load_config(config_file, state_dir)
    document = ask(config, {"op": "reload"})
    if document is None:
        raise NoServiceError(f"no service runs with {config.state_dir}")
    if document["faults"]:
        raise UnusableConfigError("\n  ".join(("refused:", *document["faults"])))
    click.echo("reloaded")
