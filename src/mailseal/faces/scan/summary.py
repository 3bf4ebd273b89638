"""``mailseal scan summary``: what all results come to, as text, as JSON, as a picture."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from mailseal.faces.configured import format_option

if TYPE_CHECKING:
    from mailseal.scans.result import Result


@click.command(
    short_help="Count and draw what the results come to.",
    epilog="Example: mailseal scan summary results.jsonl --plot results.svg\n\n"
    "Exit codes: 0 done; 1 a file cannot be read or is none of results; 2 wrong usage.",
)
@click.argument("file", metavar="FILE")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw it as well, as a picture in SVG.",
)
@format_option
def summary(file: str, plot: Path | None, form: str) -> None:
    """Count what the results in FILE come to: adoption, faults, TLS versions.

    A scan that is still running can be counted, too; "-" is standard input.
    """
    from mailseal.faces.scan.chart import draw
    from mailseal.faces.scan.figures import render_text
    from mailseal.scans.tally import Tally

    if plot is not None and plot.suffix.lower() != ".svg":
        raise click.UsageError(f"{plot}: pictures are SVG, name a file that ends in .svg")
    tally = Tally()
    tally.add_all(_read(file))
    if form == "json":
        click.echo(json.dumps(tally.to_object(), indent=2))
    else:
        click.echo(render_text(tally), nl=False)
    if plot is not None:
        _write(plot, draw(tally))


def _read(file: str) -> "Iterator[Result]":
    from mailseal.scans.result import MAX_RESULT_BYTES, ResultSyntaxError, read_result

    with _opened(file) as lines:
        number = 0
        while line := lines.readline(MAX_RESULT_BYTES + 1):
            number += 1
            if not line.endswith(b"\n") and not lines.readline(1):
                return  # still being written
            try:
                yield read_result(line)
            except ResultSyntaxError as error:
                raise click.ClickException(f"{file}, line {number}: {error}") from error


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error
