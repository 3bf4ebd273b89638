"""The world that commands find, and one service that runs for the whole session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.faces.world import World
from tests.journeys.serving import Serving


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a world in which ``example.com`` enforces a policy that allows its MX host."""
    made = World(tmp_path)
    made.publish()
    with capture_logs():  # else they would go where the commands' output is read
        yield made


@pytest.fixture(scope="session")
def whole_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Run one service for all tests that leave it running."""
    service = Serving(tmp_path_factory.mktemp("serving"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def running(whole_service: Serving) -> Iterator[Serving]:
    """Lend the running service to a test."""
    with whole_service.lent() as service:
        yield service
