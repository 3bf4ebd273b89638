"""The table of domains: consistent, and documented as it is."""

from pathlib import Path

from lab.addresses import plan_addresses
from lab.catalogue import OVERSIZE_BYTES, catalogue
from lab.table import BEGIN, END, render_table

README = Path(__file__).parents[2] / "lab" / "README.md"


def test_the_readme_shows_the_table_as_it_is() -> None:
    """Whoever changes the catalogue runs "python -m lab table" again."""
    shown = README.read_text().partition(f"{BEGIN}\n")[2].partition(END)[0]
    assert shown == render_table()


def test_names_are_unique_and_below_test() -> None:
    """Every domain is right below ``test``, every MX host below its own domain."""
    domains = catalogue()
    names = [domain.name for domain in domains]
    assert len(set(names)) == len(names)
    for domain in domains:
        assert domain.name.count(".") == 1
        assert domain.name.endswith(".test")
        for host in domain.mx:
            assert f".{host.name}".endswith(f".{domain.name}")


def test_every_host_has_an_address_of_its_own() -> None:
    """No two hosts share an address, so each can be gone alone."""
    plan = plan_addresses(catalogue())
    addresses = [*plan.mx.values(), *plan.policy_hosts.values()]
    assert len(set(addresses)) == len(addresses)


def test_the_oversize_policy_is_one_byte_too_long() -> None:
    """It is valid but for its size (RFC 8461 §3.3)."""
    (domain,) = (each for each in catalogue() if each.name == "policy-oversize.test")
    assert domain.policy_host is not None
    assert len(domain.policy_host.body.encode()) == OVERSIZE_BYTES
