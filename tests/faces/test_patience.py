"""Every wait at the control socket is longer than the one that it waits for."""

import pytest

from mailseal.faces.policyd.patience import answer_seconds, reply_seconds
from mailseal.faces.policyd.supervisor import SUCCESSOR_SECONDS
from mailseal.services.discoverer import DiscoveryLimits
from mailseal.services.explainer import TIMEOUT

FETCH_SECONDS = DiscoveryLimits().longest.total_seconds()
EXPLAIN_SECONDS = TIMEOUT.total_seconds()


@pytest.mark.parametrize(("operation", "needed_seconds"), [
    ("explain", EXPLAIN_SECONDS),
    ("refresh", 2 * FETCH_SECONDS + EXPLAIN_SECONDS),  # one is under way already
    ("reload", SUCCESSOR_SECONDS),
    ("show", 0.0),
])  # fmt: skip
def test_the_service_has_the_time_it_needs_and_its_client_more(
    operation: str, needed_seconds: float
) -> None:
    """Otherwise a client would take a service that is at work for a dead one."""
    assert needed_seconds < answer_seconds(operation) < reply_seconds(operation)
