"""Tests that need real servers say why where they cannot run: skipped, or failed where required."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from lab.postgres import Server, throwaway_server
from lab.unavailable import Unavailable


def give_up_on_lab(unavailable: Unavailable) -> NoReturn:
    """Skip, naming reason and remedy; where MAILSEAL_LAB says "required", fail instead."""
    if os.environ.get("MAILSEAL_LAB") == "required":
        raise unavailable
    pytest.skip(f"no lab: {unavailable}")


def require_command(name: str, remedy: str) -> str:
    """Return where a command is; give up where it is not installed."""
    path = shutil.which(name)
    if path is None:
        give_up_on_lab(Unavailable(f"there is no {name}", remedy))
    return path


def require_root(purpose: str) -> None:
    """Give up unless this is root."""
    if os.geteuid() != 0:
        give_up_on_lab(Unavailable(f"it takes root to {purpose}", "run the tests as root"))


def require_psycopg() -> None:
    """Give up unless PostgreSQL's client library is installed."""
    if importlib.util.find_spec("psycopg") is None:
        give_up_on_lab(
            Unavailable("psycopg is not installed", 'install the extra "mailseal[postgres]"')
        )


@contextmanager
def postgres() -> Iterator[Server]:
    """Run a PostgreSQL server that keeps what it has confirmed; give up where none can be."""
    require_psycopg()
    try:
        with throwaway_server(synchronous_commit="on") as server:
            yield server
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)
