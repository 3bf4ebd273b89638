"""The grid of TLSA records and chains, judged by real Postfix, cell by cell."""

import re
import subprocess
import sys
from collections.abc import Iterator

import dns.exception
import dns.rdata
import pytest

from lab.internet import Lab
from lab.sender import SendingPostfix
from mailseal.dane.match import DaneOutcome, match_chain, reference_names
from mailseal.dane.tlsa import TlsaRecord
from tests import sniserver
from tests.danegrid import NOW, ZONE, Cell, cells, chain_of, pem_of, tlsa

pytestmark = pytest.mark.lab

ADDRESS = "127.0.27.1"
SHOP = f"shop.{ZONE}"
SHOP_MX = f"mx-of-the-shop.{ZONE}"
ALIAS = f"alias.{ZONE}"


def can_be_published(record: TlsaRecord) -> bool:
    """Tell whether the lab's zones can hold a record; those of a wrong length they refuse."""
    try:
        dns.rdata.from_text("IN", "TLSA", str(record))
    except dns.exception.SyntaxError:
        return False
    return True


CELLS = tuple(cell for cell in cells() if all(map(can_be_published, cell.records)))


def host_of(cell: Cell) -> str:
    """Return the name at which a cell stands."""
    return f"grid{CELLS.index(cell)}.{ZONE}"


@pytest.fixture(scope="module")
def grid_lab(whole_lab: Lab) -> Iterator[Lab]:
    """Put every cell into DNS, and a server that shows each name its chain."""
    folder = whole_lab.folder / "grid"
    folder.mkdir()
    (folder / "default.pem").write_text(pem_of("usual"))
    (folder / f"{SHOP_MX}.pem").write_text(pem_of("for-the-domain"))
    with whole_lab.dns.together():
        for cell in CELLS:
            host = host_of(cell)
            (folder / f"{host}.pem").write_text(pem_of(cell.chain))
            whole_lab.dns.set_records(host, "A", ADDRESS)
            whole_lab.dns.set_records(f"_25._tcp.{host}", "TLSA", *map(str, cell.records))
        whole_lab.dns.set_records(SHOP_MX, "A", ADDRESS)
        record = tlsa("211", "issuer")
        whole_lab.dns.set_records(f"_25._tcp.{SHOP_MX}", "TLSA", str(record))
        whole_lab.dns.set_mx(SHOP, SHOP_MX)
        whole_lab.dns.set_mx("dane-insecure-mx.test", SHOP_MX)
    command = [sys.executable, "-I", sniserver.__file__, ADDRESS, "25", str(folder)]
    server = whole_lab.spawn(command, stdout=subprocess.PIPE)
    assert server.stdout
    server.stdout.readline()
    yield whole_lab
    server.kill()
    server.communicate()
    whole_lab.restore()


@pytest.fixture(scope="module")
def postfix(grid_lab: Lab) -> Iterator[SendingPostfix]:
    """Run a Postfix whose prober is asked."""
    with grid_lab.sender("") as sender:
        yield sender


def ask_postfix(postfix: SendingPostfix, next_hop: str, records: int = 1) -> DaneOutcome:
    """Return the verdict of a Postfix at level ``dane`` on a host with so many records."""
    said = postfix.finger(next_hop)
    assert "TLS connection established" in said, said
    if "Verified TLS connection established" in said:
        return DaneOutcome.AUTHENTICATED
    skipped = re.findall(r"unusable TLSA RR|unsupported TLSA certificate usage", said)
    return DaneOutcome.UNAUTHENTICATED if len(skipped) == records else DaneOutcome.REFUSED


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_postfix_agrees(postfix: SendingPostfix, cell: Cell) -> None:
    """A real sender that asks a real validating resolver says the same as the grid, and as we."""
    host = host_of(cell)
    ours = match_chain(cell.records, chain_of(cell.chain), (host,), NOW).outcome

    assert ask_postfix(postfix, f"[{host}]", len(cell.records)) is cell.outcome
    assert ours is cell.outcome


@pytest.mark.parametrize(
    ("next_hop", "is_mx_secure", "outcome"),
    [
        (SHOP, True, DaneOutcome.AUTHENTICATED),  # its certificate is for the domain
        (f"[{SHOP_MX}]", True, DaneOutcome.REFUSED),  # which nobody has named here
        ("dane-insecure-mx.test", False, DaneOutcome.REFUSED),
    ],
)
def test_postfix_takes_the_same_names(
    postfix: SendingPostfix, next_hop: str, is_mx_secure: bool, outcome: DaneOutcome
) -> None:
    """The domain that mail is for counts behind secure MX records (RFC 7672 §3.2.2)."""
    names = reference_names(SHOP_MX, next_hop.strip("[]"), is_mx_secure=is_mx_secure)
    record = tlsa("211", "issuer")

    assert ask_postfix(postfix, next_hop) is outcome
    assert match_chain((record,), chain_of("for-the-domain"), names, NOW).outcome is outcome


def test_the_grid_is_wide_enough() -> None:
    """Forty combinations at least are judged by Postfix, too."""
    assert len(CELLS) >= 40
