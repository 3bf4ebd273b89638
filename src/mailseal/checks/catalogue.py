"""Every code that a finding can have, gathered from the modules that make them."""

from collections.abc import Callable, Iterator

from mailseal.checks import (
    certificatedrift,
    certificatequality,
    certificates,
    danematch,
    danerollover,
    daneuse,
    reachability,
    starttls,
    stsrecord,
    tlsversions,
)
from mailseal.checks.finding import Entry, Finding
from mailseal.checks.reading import Reading

Check = Callable[[Reading], Iterator[Finding]]

_MODULES = (
    stsrecord,
    reachability,
    starttls,
    tlsversions,
    certificates,
    certificatequality,
    certificatedrift,
    daneuse,
    danematch,
    danerollover,
)

CHECKS: tuple[Check, ...] = tuple(module.check for module in _MODULES)
ENTRIES: tuple[Entry, ...] = tuple(entry for module in _MODULES for entry in module.ENTRIES)
