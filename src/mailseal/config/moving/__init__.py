"""Moving in: the configuration of another daemon, read once and written as one of mailseal's.

postfix-mta-sts-resolver and postfix-tlspol do the same work behind the same protocol, so that
mailseal can stand where one of them stood: same socket, same map names, ``main.cf`` as it is.
``move`` recognises a YAML file by its keys and returns the TOML document, with one note for each
setting: carried over, other by default here, or lost.
"""

from mailseal.config.moving.daemons import move
from mailseal.config.moving.notes import Fate, Moved, Note
from mailseal.config.moving.yamlfile import ForeignConfigError

__all__ = ["Fate", "ForeignConfigError", "Moved", "Note", "move"]
