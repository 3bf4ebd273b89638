"""Every check that compares a look with what is remembered of those before it."""

from collections.abc import Iterator

from mailseal.checks import keyhistory, mxhistory, stshistory
from mailseal.checks.finding import Entry, Finding
from mailseal.checks.memory import Memory
from mailseal.checks.reading import Reading

MODULES = (stshistory, mxhistory, keyhistory)

ENTRIES: tuple[Entry, ...] = tuple(entry for module in MODULES for entry in module.ENTRIES)


def check_history(memory: Memory, reading: Reading) -> Iterator[Finding]:
    """Judge what only time shows; ``memory`` includes this look."""
    for module in MODULES:
        yield from module.check_history(memory, reading)
