"""``mailseal config``: write, check and show the configuration.

Exit codes: 0 done, or nothing wrong; 1 the configuration has faults or could not be written;
2 wrong usage, and for ``show`` an unusable configuration.

**Security**: passwords in URLs are masked; ``init`` never overwrites unless told to.
"""

import contextlib
import json
import os
import tempfile
from datetime import UTC, datetime
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
SECRET_MODE = 0o600  # an imported one may hold a database's password


@click.group(epilog="Example: mailseal config check")
def config() -> None:
    """Write, check and show the configuration."""


@config.command(epilog="Example: mailseal config init --config ./mailseal.toml")
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


@config.command(
    short_help="Tell every fault of a configuration.",
    epilog="Example: mailseal config check ./mailseal.toml",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@format_option
def check(file: Path | None, config_file: Path | None, form: str) -> None:
    """Tell every fault of FILE, or of the configuration that the service would use.

    Exits 0 when the service would start with it, 1 when not.
    Warnings alone leave the exit code at 0.
    Overrides and lists of pins are warned of when they have expired, or do so within 14 days.
    """
    from mailseal.config import ConfigError, config_path, load, look_around
    from mailseal.config.expiry import judge_expiry

    if file is not None and config_file is not None:
        raise click.UsageError("pass FILE or --config, not both")
    path = config_path(file or config_file)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        config = load(path)
        found = look_around(config)
        errors = found.errors
        warnings = (*found.warnings, *judge_expiry(config, datetime.now(UTC)))
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


@config.command(
    short_help="Show the configuration in effect.",
    epilog="Example: mailseal config show --format json",
)
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


@config.command(
    "import",
    short_help="Make a configuration from another daemon's.",
    epilog="Example: mailseal config import /etc/mta-sts-daemon.yml "
    "--output /etc/mailseal/mailseal.toml",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write the file there instead of to standard output; it must not exist.",
)
@click.option("--force", is_flag=True, help="Overwrite the file that is there.")
@format_option
def import_(file: Path, output: Path | None, force: bool, form: str) -> None:
    """Make a configuration from another daemon's FILE, and tell what became of each setting.

    FILE is the YAML file of postfix-mta-sts-resolver or postfix-tlspol, told apart by its keys.
    What was carried over, what is different here and what was lost goes to standard error, or
    with --output to standard output; it stands in the file too.
    Exits 0 when the file was written, 1 when FILE cannot be read or the other not be written.
    """
    from mailseal.config import to_toml
    from mailseal.config.moving import move

    moved = move(file)
    told = [(note.fate.value, note.key, note.text) for note in moved.notes]
    lines = [f"{fate}: {key}: {text}" for fate, key, text in told]
    text = _comment(moved.daemon, lines) + to_toml(moved.document)
    faults = _faults(text, file)
    if output is not None:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            # It may hold a database's password, which the other file kept to its own user.
            _write(output, text, may_replace=force, mode=SECRET_MODE if "store" in moved.document
                   else FILE_MODE)  # fmt: skip
        except FileExistsError:
            _fail(f"{output} is there already; pass --force to overwrite it")
        except OSError as error:
            _fail(f"{output} cannot be written: {error.strerror or error}")
    if form == "json":
        notes = [{"fate": fate, "key": key, "text": text} for fate, key, text in told]
        answer = {
            "daemon": moved.daemon,
            "config": None if output else text,
            "written": str(output) if output else None,
            "notes": notes,
            "errors": faults,
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line, err=output is None)
        click.echo(f"wrote {output}" if output else text, nl=output is not None)
    if faults:
        _fail("what came of it has faults: " + "; ".join(faults))


@config.command(epilog="Example: mailseal config reference > configuration.md")
def reference() -> None:
    """Print the description of every key, as Markdown."""
    from mailseal.config.reference import render_reference

    click.echo(render_reference(), nl=False)


def _comment(daemon: str, lines: list[str]) -> str:
    head = [f'Made by "mailseal config import" from the configuration of {daemon}.', *lines]
    return "".join(f"# {line}\n" for line in head) + "\n"


def _faults(text: str, file: Path) -> tuple[str, ...]:
    """Read what was made as the service would; each value was checked, but not all together."""
    from mailseal.config import ConfigError, parse

    try:
        parse(text, source=str(file))
    except ConfigError as error:
        return error.problems
    return ()


def _write(path: Path, text: str, *, may_replace: bool, mode: int = FILE_MODE) -> None:
    """Put a whole file in place, or nothing; a reader never sees half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            if may_replace and path.exists():
                mode = path.stat().st_mode & 0o777
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
