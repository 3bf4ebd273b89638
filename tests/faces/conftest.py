"""The world that commands find."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.faces.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a world in which ``example.com`` enforces a policy that allows its MX host."""
    made = World(tmp_path)
    made.publish()
    with capture_logs():  # else they would go where the commands' output is read
        yield made
