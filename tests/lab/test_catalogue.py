"""The table of domains: consistent, and documented as it is."""

from pathlib import Path

import pytest

from lab.addresses import plan_addresses
from lab.catalogue import catalogue
from lab.faults import faults
from lab.policydomains import OVERSIZE_BYTES
from lab.table import BEGIN, BEGIN_FAULTS, END, render_faults, render_table
from mailseal.checks.catalogue import ENTRIES
from mailseal.checks.finding import Severity

README = Path(__file__).parents[2] / "lab" / "README.md"


@pytest.mark.parametrize(
    ("begin", "table"), [(BEGIN, render_table()), (BEGIN_FAULTS, render_faults())]
)
def test_the_readme_shows_the_tables_as_they_are(begin: str, table: str) -> None:
    """Whoever changes the catalogue runs "python -m lab table" again."""
    shown = README.read_text().partition(f"{begin}\n")[2].partition(END)[0]
    assert shown == table


def test_names_are_unique_and_below_test() -> None:
    """Every domain is right below ``test``, every MX host below its own domain."""
    domains = (*catalogue(), *faults())
    names = [domain.name for domain in domains]
    assert len(set(names)) == len(names)
    for domain in domains:
        assert domain.name.count(".") == 1
        assert domain.name.endswith(".test")
        for host in domain.mx:
            assert f".{host.name}".endswith(f".{domain.name}")


def test_every_host_has_an_address_of_its_own() -> None:
    """No two hosts share an address, so each can be gone alone."""
    plan = plan_addresses((*catalogue(), *faults()))
    addresses = [*plan.mx.values(), *plan.second.values(), *plan.policy_hosts.values()]
    assert len(set(addresses)) == len(addresses)


def test_the_oversize_policy_is_one_byte_too_long() -> None:
    """It is valid but for its size (RFC 8461 §3.3)."""
    (domain,) = (each for each in catalogue() if each.name == "policy-oversize.test")
    assert domain.policy_host is not None
    assert len(domain.policy_host.body.encode()) == OVERSIZE_BYTES


def test_what_is_found_is_said_by_severity_and_code() -> None:
    """Every code that a domain is to be found to have is one of the catalogue of checks."""
    codes = {entry.code for entry in ENTRIES}
    for domain in (*catalogue(), *faults()):
        for find in domain.finds:
            severity, _, code = find.partition(" ")
            assert severity in set(Severity), domain.name
            assert code in codes, domain.name
