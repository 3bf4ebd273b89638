"""Tests that need real servers say why where they cannot run: skipped, or failed where required."""

import importlib.util
import os
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
