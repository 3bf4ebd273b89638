"""Which daemon a file belongs to, told by its keys; and its move."""

from pathlib import Path

from mailseal.config.moving import stsresolver, tlspol
from mailseal.config.moving.notes import Moved
from mailseal.config.moving.yamlfile import ForeignConfigError, read_yaml


def move(path: Path) -> Moved:
    """Read the other daemon's file and return what mailseal makes of it.

    Raises ``ForeignConfigError`` when it cannot be read, or is neither daemon's.
    """
    settings = read_yaml(path)
    if settings.keys() & tlspol.KEYS:
        return tlspol.move(settings)
    if settings.keys() & stsresolver.KEYS:
        return stsresolver.move(settings)
    raise ForeignConfigError(
        f"{path}: is neither postfix-mta-sts-resolver's (host, port, path, default_zone, ...) nor "
        "postfix-tlspol's (server, dns)"
    )
