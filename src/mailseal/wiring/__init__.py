"""Builds the object graph from a ``Config``: the only package that knows every part.

Here alone is the real clock read, the database opened and an adapter chosen for each door.
What is heavy is imported when it is needed, so that ``mailseal --help`` need not wait for it.
"""

import sys

from mailseal.wiring.checking import open_checker, open_names, open_scan_board
from mailseal.wiring.clock import SystemClock, clock
from mailseal.wiring.doors import look_through_doors, read_foreign_cache
from mailseal.wiring.logs import set_up_logging
from mailseal.wiring.processes import serve
from mailseal.wiring.service import open_service
from mailseal.wiring.watching import open_watch

__all__ = [
    "SystemClock",
    "clock",
    "look_through_doors",
    "main",
    "open_checker",
    "open_names",
    "open_scan_board",
    "open_service",
    "open_watch",
    "read_foreign_cache",
    "serve",
    "set_up_logging",
]


def main() -> None:
    """Run the command line; what we raise by intention is told in a line."""
    import mailseal
    from mailseal.faces.cli import cli
    from mailseal.faces.standardoutput import guard_standard_output

    guard_standard_output()
    try:
        cli(obj=sys.modules[__name__])
    except mailseal.Error as error:
        sys.exit(f"mailseal: {error}")
