"""Options that every scan has, here or on many machines: the list, the level, the manners."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.scans.optouts import OptOuts

F = TypeVar("F", bound=Callable[..., Any])

# ours: what one may look at without a word; whoever runs more is asked who he is
MAX_WITHOUT_CONTACT = 1000


def level_option(command: F) -> F:
    """Add ``--level``."""
    return click.option(
        "--level",
        type=click.Choice(["dns", "policy", "smtp"]),
        default="smtp",
        show_default=True,
        help="Whom to ask: resolvers alone, policy hosts as well, or mail servers too.",
    )(command)


def column_option(command: F) -> F:
    """Add ``--column``."""
    return click.option(
        "--column",
        default="",
        metavar="NAME|NUMBER",
        help="FILE is CSV, with the domains in this column: its name in the first line, or its "
        "number from 1.",
    )(command)


def opt_out_option(command: F) -> F:
    """Add ``--opt-out``."""
    return click.option(
        "--opt-out",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Domains and mail hosts to be left alone, with all below them, a name to a line.",
    )(command)


def contact_option(command: F) -> F:
    """Add ``--contact``."""
    return click.option(
        "--contact",
        metavar="URL|ADDRESS",
        help="Where whoever finds us in a log can ask; else [check] contact. More than "
        f"{MAX_WITHOUT_CONTACT} domains at --level policy or smtp need it.",
    )(command)


def with_contact(config: "Config", contact: str | None) -> "Config":
    """Return the configuration with another contact."""
    if contact is None:
        return config
    if not contact.isascii() or not contact.isprintable() or " " in contact or len(contact) > 200:
        raise click.BadParameter("a URL or mail address without blanks is expected", None, None)
    return replace(config, check=replace(config.check, contact=contact))


def require_contact(config: "Config", level: str, total: int | None) -> None:
    """Refuse to bother thousands of servers without a word about who asks."""
    if level == "dns" or config.check.contact:
        return
    if total is None or total > MAX_WITHOUT_CONTACT:
        what = (
            "a list of unknown length"
            if total is None
            else f"more than {MAX_WITHOUT_CONTACT} domains"
        )
        needs = "needs" if total is None else "need"
        raise click.UsageError(
            f"{what} at --level {level} {needs} --contact (or contact in [check]): say where "
            "those who are asked can ask back"
        )


def read_opt_out_file(path: Path | None) -> "OptOuts":
    """Read the list of opt-outs, if there is one."""
    from mailseal.faces.scan.listfile import open_list
    from mailseal.scans.optouts import OptOuts, read_opt_outs

    if path is None:
        return OptOuts()
    try:
        with open_list(path) as file:
            return read_opt_outs(file)
    except OSError as error:
        raise click.ClickException(f"cannot read {path}: {error.strerror}") from error
