"""What holds for every test."""

import os
import sys

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Keep bytecode beside pytest's own cache where the environment forbids it elsewhere.

    Tests start mailseal dozens of times, and would compile all of it each time.
    """
    if sys.dont_write_bytecode and config.cache is not None:
        folder = os.fspath(config.cache.mkdir("bytecode"))
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.dont_write_bytecode = False
