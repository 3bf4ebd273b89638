"""Where the running service can be found."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailseal.config import Config

CONTROL_SOCKET = "control.sock"


def control_path(config: "Config") -> Path:
    """Return where the service of this configuration has its control socket."""
    return config.state_dir / CONTROL_SOCKET
