"""Every code that a finding can have, gathered from the modules that make them."""

from collections.abc import Callable, Iterator

from mailseal.checks import (
    caa,
    certificatedrift,
    certificatequality,
    certificates,
    coverage,
    danematch,
    danerollover,
    daneservers,
    daneuse,
    dkim,
    dmarc,
    dnssec,
    history,
    mxrecords,
    policycertificate,
    policyfile,
    policyhost,
    policylife,
    policyresponse,
    reachability,
    spf,
    starttls,
    stsnames,
    stsrecord,
    tlsrptrecord,
    tlsversions,
    zone,
)
from mailseal.checks.finding import Entry, Finding
from mailseal.checks.reading import Reading

Check = Callable[[Reading], Iterator[Finding]]

MODULES = (
    stsrecord,
    stsnames,
    policyhost,
    policycertificate,
    policyresponse,
    policyfile,
    coverage,
    policylife,
    mxrecords,
    reachability,
    starttls,
    tlsversions,
    certificates,
    certificatequality,
    certificatedrift,
    daneuse,
    danematch,
    danerollover,
    daneservers,
    dnssec,
    zone,
    tlsrptrecord,
    spf,
    dkim,
    dmarc,
    caa,
)

CHECKS: tuple[Check, ...] = tuple(module.check for module in MODULES)
ENTRIES: tuple[Entry, ...] = (
    *(entry for module in MODULES for entry in module.ENTRIES),
    *history.ENTRIES,
)
