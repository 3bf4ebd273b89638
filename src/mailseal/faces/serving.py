"""``mailseal serve``: the policy service, until it is told to stop.

**Security**: it listens on loopback unless configured otherwise; whoever can ask learns only what
DNS and HTTPS tell everybody. **Limits**: see the table [limits] of the configuration.
**Bugs**: a changed configuration needs a restart.
"""

from pathlib import Path
from typing import Any

import click

from mailseal.faces.configured import config_option, load_config, state_dir_option


@click.command(
    epilog="Example: mailseal serve --state-dir ./var\n\n"
    "Exit codes: 0 told to stop; 1 cannot listen or open the store; 2 unusable configuration."
)
@config_option
@state_dir_option
@click.pass_obj
def serve(wiring: Any, config_file: Path | None, state_dir: Path | None) -> None:
    """Answer MTAs over socketmap and the one-line protocol until SIGTERM or SIGINT."""
    config = load_config(config_file, state_dir)
    raise SystemExit(wiring.serve(config))
