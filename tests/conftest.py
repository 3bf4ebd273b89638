"""What holds for every test."""

import gc
import os
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested; of hypothesis' own settings the rest stays.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Keep bytecode beside pytest's own cache where the environment forbids it elsewhere.

    Tests start mailseal dozens of times, and would compile all of it each time.
    Nothing is looked through for cycles while tests are collected: that took half of the time.
    """
    gc.disable()
    if sys.dont_write_bytecode and config.cache is not None:
        folder = os.fspath(config.cache.mkdir("bytecode"))
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.dont_write_bytecode = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, begin with the files of the fewest tests.

    Those start processes and wait for them; what is left for the end is many short tests, so that
    no process works on a long file when the others have nothing to do any more.
    """
    if hasattr(config, "workerinput"):
        tests = Counter(item.path for item in items)
        items.sort(key=lambda item: (tests[item.path], item.path))


def pytest_collection_finish() -> None:
    """Look for cycles among what tests make, not among the thousands of tests themselves."""
    gc.freeze()
    gc.enable()
