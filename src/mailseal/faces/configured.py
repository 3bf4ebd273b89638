"""The option ``--config`` and ``--format``, the same for every command."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mailseal.config import Config

F = TypeVar("F", bound=Callable[..., Any])


class UnusableConfigError(click.ClickException):
    """The configuration cannot be used; every fault is told."""

    exit_code = 2


def config_option(command: F) -> F:
    """Add ``--config``, given to the command as ``config_file``."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        help="The configuration file; else MAILSEAL_CONFIG, else /etc/mailseal/mailseal.toml.",
    )(command)


def format_option(command: F) -> F:
    """Add ``--format text|json``, given to the command as ``form``."""
    return click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
    )(command)


def load_config(config_file: Path | None, state_dir: Path | None = None) -> "Config":
    """Return the configuration, or the defaults in a state folder of one's own."""
    from mailseal.config import Config, ConfigError, load

    if state_dir is not None:
        return Config.embedded(state_dir)
    try:
        return load(config_file)
    except ConfigError as error:
        raise UnusableConfigError("\n  ".join((f"{error.source}:", *error.problems))) from error


def load_config_or_defaults(config_file: Path | None) -> "Config":
    """Return the configuration; the defaults where none is named and none is in its usual place."""
    from mailseal.config import Config, config_path
    from mailseal.config.reading import DEFAULT_PATH

    path = config_path(config_file)
    if config_file is None and path == DEFAULT_PATH and not path.exists():
        return Config()
    return load_config(config_file)


def state_dir_option(command: F) -> F:
    """Add ``--state-dir``: no file at all, the defaults, and state in that folder."""
    return click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Use the defaults with this state folder instead of a configuration file.",
    )(command)
