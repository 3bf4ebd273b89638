"""``mailseal config``: write, check and show the configuration.

Exit codes: 0 done, or nothing wrong; 1 the configuration has faults or could not be written;
2 wrong usage, and for ``show`` an unusable configuration.

**Security**: passwords in URLs are masked; ``init`` never overwrites unless told to.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import NoReturn

import click

from mailseal.faces.configured import (
    config_option,
    format_option,
    load_config,
    state_dir_option,
)

EXIT_FAULTY = 1
FILE_MODE = 0o644  # no secret is in it yet, and the service's own user must read it


@click.group()
def config() -> None:
    """Write, check and show the configuration."""


@config.command()
@config_option
@click.option("--force", is_flag=True, help="Overwrite the file that is there.")
@format_option
def init(config_file: Path | None, force: bool, form: str) -> None:
    """Write a configuration file with every key at its default, as a comment.

    Exits 0 when it was written, 1 when the file is there already or cannot be written.
    """
    from mailseal.config import config_path
    from mailseal.config.template import render_template

    path = config_path(config_file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, render_template(), may_replace=force)
    except FileExistsError:
        _fail(f"{path} is there already; pass --force to overwrite it")
    except OSError as error:
        _fail(f"{path} cannot be written: {error.strerror or error}")
    if form == "json":
        click.echo(json.dumps({"written": str(path)}))
    else:
        click.echo(f"wrote {path}")


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@format_option
def check(file: Path | None, config_file: Path | None, form: str) -> None:
    """Tell every fault of FILE, or of the configuration that the service would use.

    Exits 0 when the service would start with it, 1 when not.
    Warnings alone leave the exit code at 0.
    """
    from mailseal.config import ConfigError, config_path, load, look_around

    if file is not None and config_file is not None:
        raise click.UsageError("pass FILE or --config, not both")
    path = config_path(file or config_file)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        found = look_around(load(path))
        errors, warnings = found.errors, found.warnings
    except ConfigError as error:
        errors = error.problems
    if form == "json":
        answer = {"file": str(path), "valid": not errors, "errors": errors, "warnings": warnings}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for severity, texts in (("error", errors), ("warning", warnings)):
            for text in texts:
                click.echo(f"{path}: {severity}: {text}", err=True)
        if not errors:
            click.echo(f"{path} is good")
    if errors:
        raise SystemExit(EXIT_FAULTY)


@config.command()
@config_option
@state_dir_option
@format_option
def show(config_file: Path | None, state_dir: Path | None, form: str) -> None:
    """Show the configuration in effect, defaults filled in and passwords masked.

    Exits 0, or 2 when the configuration cannot be used.
    """
    from mailseal.config import to_document, to_toml

    document = to_document(load_config(config_file, state_dir))
    if form == "json":
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        click.echo(to_toml(document), nl=False)


@config.command()
def reference() -> None:
    """Print the description of every key, as Markdown."""
    from mailseal.config.reference import render_reference

    click.echo(render_reference(), nl=False)


def _write(path: Path, text: str, *, may_replace: bool) -> None:
    """Put a whole file in place, or nothing; a reader never sees half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            mode = path.stat().st_mode & 0o777 if may_replace and path.exists() else FILE_MODE
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if may_replace:
            draft.replace(path)
        else:
            # Unlike a rename it fails when the name is taken, also by one a moment earlier.
            path.hardlink_to(draft)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def _fail(message: str) -> NoReturn:
    raise click.ClickException(message)  # exits with 1
