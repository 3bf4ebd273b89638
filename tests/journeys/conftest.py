"""One running service for the tests that cannot hurt it."""

from collections.abc import Iterator

import pytest

from tests.journeys.serving import Serving


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Run the service; whatever a test does to it, it must go on."""
    service = Serving(tmp_path_factory.mktemp("serving"))
    service.start()
    yield service
    assert service.stop() == 0, service.log.read_text()
