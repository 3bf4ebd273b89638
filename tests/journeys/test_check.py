"""A checker with its real doors, as ``wiring`` builds it, against servers of a test on loopback."""

from collections.abc import AsyncIterator
from pathlib import Path

import dns.flags
import pytest

from mailseal import wiring
from mailseal.answers import Found
from mailseal.checks.evidence import Depth, Trouble
from mailseal.config import Config, parse
from mailseal.names import Domain
from tests.net.nameserver import Asked, NameServer, Script, name_server
from tests.net.pki import Authority

DOMAIN = Domain("example.com")
SOA = "example.com 600 SOA ns.example.com. root.example.com. 1 2 3 4 300"
RECORDS = {
    ("example.com", "MX"): "example.com 60 MX 10 mx.example.com.",
    ("mx.example.com", "A"): "mx.example.com 60 A 127.0.0.1",
    ("_mta-sts.example.com", "TXT"): '_mta-sts.example.com 60 TXT "v=STSv1; id=1;"',
}


def zone(*, is_signed: bool) -> Script:
    """Script a resolver that knows one domain, and whether it validates."""
    flags = dns.flags.RA | (dns.flags.AD if is_signed else 0)

    def answer(asked: Asked) -> bytes:
        record = RECORDS.get((asked.name, asked.rdtype.name))
        if record is None:
            return asked.answer(authority=[SOA], flags=flags)
        return asked.answer(record, flags=flags)

    return answer


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """Give a trust store."""
    return Authority("Test CA", tmp_path).ca_path


@pytest.fixture
async def signed() -> AsyncIterator[NameServer]:
    """Run a resolver that validates."""
    async with name_server(zone(is_signed=True)) as server:
        yield server


def config(server: NameServer, ca_file: Path, more: str = "") -> Config:
    """Configure a checker that asks one resolver."""
    return parse(
        f'[dns]\nresolvers = ["{server.address}"]\n[https]\nca_file = "{ca_file}"\n'
        f'[check]\nname = "check.example.net"\n{more}'
    )


async def test_the_doors_fit_together(signed: NameServer, ca_file: Path) -> None:
    """From the configuration to evidence, with a resolver that was tested first."""
    async with wiring.open_checker(config(signed, ca_file)) as checker:
        evidence = await checker.gather(DOMAIN, depth=Depth.DNS)

    assert evidence.observer.name == "check.example.net"
    assert evidence.observer.validates is True
    assert isinstance(evidence.records.mx, Found)
    assert evidence.records.mx.is_secure
    assert [host.name for host in evidence.mx_hosts] == ["mx.example.com"]


async def test_a_resolver_that_does_not_validate_is_known_for_it(ca_file: Path) -> None:
    """What it says of DANE is worth nothing, and the evidence says so."""
    async with name_server(zone(is_signed=False)) as server:
        async with wiring.open_checker(config(server, ca_file)) as checker:
            evidence = await checker.gather(DOMAIN, depth=Depth.DNS)

    assert evidence.observer.validates is False


async def test_two_domains_share_what_is_known_of_a_host(signed: NameServer, ca_file: Path) -> None:
    """The mail server's names are looked up once."""
    async with wiring.open_checker(config(signed, ca_file)) as checker:
        await checker.gather(DOMAIN, depth=Depth.DNS)
        before = len(signed.asked)
        await checker.gather(DOMAIN, depth=Depth.DNS, is_brief=True)

    assert len(signed.asked) == before


async def test_private_addresses_are_not_contacted(signed: NameServer, ca_file: Path) -> None:
    """The domain names this machine as its mail host; nobody here is knocked at."""
    async with wiring.open_checker(config(signed, ca_file)) as checker:
        evidence = await checker.gather(DOMAIN)

    (session,) = evidence.mx_hosts[0].sessions
    assert session.failure is not None
    # A machine without a way out, as some that run tests are, does not even come to that.
    assert session.failure.trouble in {Trouble.SKIPPED, Trouble.NO_FAMILY}
