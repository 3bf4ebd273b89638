"""Domains with one fault each, of every class that ``mailseal check`` knows by a server's doing.

What is to be found stands beside each, in ``finds``; whatever does not is found by nobody.
"""

from lab.faults import dane, mailservers, names, policies, policyhosts, records, reports
from lab.model import LabDomain

_MODULES = (records, names, policyhosts, policies, mailservers, dane, reports)


def faults() -> tuple[LabDomain, ...]:
    """List the domains; names and hosts are unique, among those of ``catalogue``, too."""
    return tuple(domain for module in _MODULES for domain in module.domains())
