"""``mailseal serve``: the policy service, until it is told to stop.

**Security**: it listens on loopback unless configured otherwise; whoever can ask learns only what
DNS and HTTPS tell everybody. **Limits**: see the table [limits] of the configuration.
**Bugs**: a changed configuration needs a restart.
"""

import os
from pathlib import Path
from typing import Any

import click

from mailseal.faces.configured import (
    UnusableConfigError,
    config_option,
    load_config,
    state_dir_option,
)


@click.command(
    epilog="Example: mailseal serve --state-dir ./var\n\n"
    "Exit codes: 0 told to stop; 1 cannot listen or write its state; 2 unusable configuration."
)
@config_option
@state_dir_option
@click.pass_obj
def serve(wiring: Any, config_file: Path | None, state_dir: Path | None) -> None:
    """Answer MTAs over socketmap and the one-line protocol until SIGTERM or SIGINT."""
    from mailseal.config import look_around

    config = load_config(config_file, state_dir)
    findings = look_around(config)
    for warning in findings.warnings:
        click.echo(f"warning: {warning}", err=True)
    if findings.errors:
        raise UnusableConfigError("\n  ".join(("this machine lacks:", *findings.errors)))
    _make_writable(config.state_dir)
    raise SystemExit(wiring.serve(config))


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise click.ClickException(
            f"state folder {folder} cannot be written: {reason}; make it and give it to the user "
            "that mailseal runs as, or set state_dir"
        )
