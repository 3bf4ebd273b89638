"""Every code that a finding can have, gathered from the modules that make them."""

from collections.abc import Callable, Iterator

from mailseal.checks import (
    certificatedrift,
    certificatequality,
    certificates,
    coverage,
    danematch,
    danerollover,
    daneuse,
    policycertificate,
    policyfile,
    policyhost,
    policylife,
    policyresponse,
    reachability,
    starttls,
    stsnames,
    stsrecord,
    tlsversions,
)
from mailseal.checks.finding import Entry, Finding
from mailseal.checks.reading import Reading

Check = Callable[[Reading], Iterator[Finding]]

_MODULES = (
    stsrecord,
    stsnames,
    policyhost,
    policycertificate,
    policyresponse,
    policyfile,
    coverage,
    policylife,
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
