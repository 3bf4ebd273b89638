"""Every test of the doors out runs on both event loops; certificates are made once a session."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from tests.net.pki import Authority


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each test twice: the loops differ in how a connection ends; the outcome must not."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The CA that the fetcher under test trusts."""
    return Authority("Trusted Test CA", tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that nobody trusts."""
    return Authority("Stranger CA", tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def ca_file(authority: Authority) -> str:
    """The trust store of the fetcher under test."""
    path: Path = authority.ca_path
    return str(path)
