"""``mailseal serve``: the policy service, until it is told to stop.

**Security**: it listens on loopback unless configured otherwise; whoever can ask learns only what
DNS and HTTPS tell everybody. **Limits**: see the table [limits] of the configuration.
**Bugs**: what takes root, once privileges are dropped, takes a restart.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailseal.faces.configured import (
    UnusableConfigError,
    config_option,
    state_dir_option,
)
from mailseal.faces.logstream import take_over_stderr
from mailseal.faces.policyd.privileges import give

if TYPE_CHECKING:
    from mailseal.config import Config


@click.command(
    epilog="Example: mailseal serve --state-dir ./var\n\n"
    "Exit codes: 0 told to stop; 1 cannot listen or write its state; 2 unusable configuration."
)
@config_option
@state_dir_option
@click.pass_obj
def serve(wiring: Any, config_file: Path | None, state_dir: Path | None) -> None:
    """Answer MTAs over socketmap and the one-line protocol until SIGTERM or SIGINT."""
    from mailseal.config import Config, ConfigError, load, look_around

    take_over_stderr()  # before the first word: a warning must not keep it from starting

    def read() -> Config:
        config = load(config_file) if state_dir is None else Config.embedded(state_dir)
        findings = look_around(config)
        for warning in findings.warnings:
            click.echo(f"warning: {warning}", err=True)
        if findings.errors:
            raise ConfigError("this machine lacks", findings.errors)
        return config

    try:
        config = read()
    except ConfigError as error:
        raise UnusableConfigError("\n  ".join((f"{error.source}:", *error.problems))) from error
    if os.geteuid() == 0 and config.process.user is None:
        click.echo(
            "warning: mailseal runs as root, and so does what parses answers of strangers; "
            "start it as a user of its own, or set user in [process]",
            err=True,
        )
    _make_writable(config)
    raise SystemExit(wiring.serve(config, read))


def _make_writable(config: "Config") -> None:
    folder = config.state_dir
    try:
        is_new = not folder.exists()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_new:
            give(folder, config.process.user, config.process.group)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise click.ClickException(
            f"state folder {folder} cannot be written: {reason}; make it and give it to the user "
            "that mailseal runs as, or set state_dir"
        )
