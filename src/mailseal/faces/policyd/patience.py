"""How long the control socket may take for an answer, and how long who asks there waits for it."""

from types import MappingProxyType
from typing import Final

# ours: an explanation has 75 s; a reload waits less than that for the new resolver
ANSWER_SECONDS: Final = 80.0
# ours: by default 65 s for a fetch that is under way already, as much for its own, then as above
LONGER_ANSWER_SECONDS: Final = MappingProxyType({"refresh": 215.0})
MARGIN_SECONDS: Final = 10.0  # ours: for a busy machine, so that the service's own word comes first


def answer_seconds(operation: str) -> float:
    """Return what the service may take for an operation; then it says that it takes long."""
    return LONGER_ANSWER_SECONDS.get(operation, ANSWER_SECONDS)


def reply_seconds(operation: str) -> float:
    """Return how long a client waits before it takes the service for dead; always longer."""
    return answer_seconds(operation) + MARGIN_SECONDS
