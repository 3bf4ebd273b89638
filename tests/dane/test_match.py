"""Matching TLSA records with chains: the grid, judged by us and by OpenSSL's own client."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.dane.effort import Effort
from mailseal.dane.match import (
    MAX_RECORDS,
    MAX_WHOLE_ISSUERS,
    DaneOutcome,
    Standing,
    match_chain,
    reference_names,
)
from mailseal.dane.tlsa import TlsaRecord
from tests import sniserver
from tests.danegrid import CHAINS, NOW, ZONE, Cell, cells, chain_of, keys, pem_of, raw, tlsa
from tests.realservers import require_command

HOST = f"mx.{ZONE}"


@pytest.mark.parametrize("cell", cells(), ids=lambda cell: cell.name)
def test_each_cell_comes_out_as_the_standard_wants(cell: Cell) -> None:
    """The grid says for each set of records and chain what a sender does."""
    assert match_chain(cell.records, chain_of(cell.chain), (HOST,), NOW).outcome is cell.outcome


# -- OpenSSL's client -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def openssl() -> str:
    """The command; the grid is of no worth where nobody else judges it."""
    return require_command("openssl", "apt-get install openssl")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Show each chain under a name of its own, on loopback, from a process of its own."""
    folder = tmp_path_factory.mktemp("chains")
    for chain in CHAINS:
        (folder / f"{chain}.{ZONE}.pem").write_text(pem_of(chain))
    (folder / "default.pem").write_text(pem_of("usual"))
    command = [sys.executable, "-I", sniserver.__file__, "127.0.0.1", "0", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield int(server.stdout.readline().split()[1])
        server.kill()


def ask_openssl(openssl: str, port: int, cell: Cell) -> DaneOutcome:
    """Let ``openssl s_client`` deliver the verdict."""
    name = f"{cell.chain}.{ZONE}"
    records = [part for record in cell.records for part in ("-dane_tlsa_rrdata", str(record))]
    command = [openssl, "s_client", "-starttls", "smtp", "-name", "client.invalid",
               "-connect", f"127.0.0.1:{port}", "-dane_tlsa_domain", name,
               *records, "-dane_ee_no_namechecks", "-verify_return_error"]  # fmt: skip
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
    )
    if "Failed to import any TLSA records" in done.stderr:
        return DaneOutcome.UNAUTHENTICATED
    if done.returncode == 0 and "Verification: OK" in done.stdout:
        return DaneOutcome.AUTHENTICATED
    assert "verify error" in done.stderr, done
    return DaneOutcome.REFUSED


@pytest.mark.parametrize("cell", cells(), ids=lambda cell: cell.name)
def test_openssl_agrees(openssl: str, port: int, cell: Cell) -> None:
    """The library of most MTAs says the same of the same records and the same server."""
    assert ask_openssl(openssl, port, cell) is cell.outcome


def test_the_grid_is_wide_enough() -> None:
    """Forty combinations at least, no two of one name, each chain and each outcome among them."""
    assert len(cells()) >= 40
    assert len({cell.name for cell in cells()}) == len(cells())
    assert {cell.chain for cell in cells()} == set(CHAINS)
    # What is unknown is unknown by a bound of ours: no sender has it.
    assert {cell.outcome for cell in cells()} == set(DaneOutcome) - {DaneOutcome.UNKNOWN}


# -- what becomes of single records ---------------------------------------------------------


def test_each_record_is_told_apart() -> None:
    """People see which record served and why the others did not."""
    records = (
        tlsa("311", "other"),
        tlsa("311", "leaf"),
        raw("111", bytes(32)),
        tlsa("202", "old"),
        tlsa("201", "issuer"),
        tlsa("211", "issuer"),
    )
    result = match_chain(records, chain_of("usual"), (HOST,), NOW)

    assert [(each.standing, each.depth) for each in result.matches] == [
        (Standing.NO_MATCH, None),
        (Standing.MATCHES, 0),
        (Standing.UNUSABLE, None),  # usage 1 has no meaning in SMTP
        (Standing.NO_MATCH, None),
        (Standing.SUPERSEDED, None),  # 2 0 2 stands beside it
        (Standing.MATCHES, 1),
    ]
    assert result.of(Standing.MATCHES) == (result.matches[1], result.matches[5])
    assert {each.reason for each in result.matches} == {""}  # nothing was tried in vain


def test_an_issuer_tried_for_want_of_another_is_no_match_of_the_chain() -> None:
    """Given as a whole it need not be sent; why the chain does not lead to it is told."""
    result = match_chain((tlsa("200", "old-root"),), chain_of("usual"), (HOST,), NOW)

    (match,) = result.matches
    assert (match.standing, match.depth) == (Standing.NO_MATCH, None)
    assert "unable to get local issuer certificate" in match.reason


def test_issuers_given_as_a_whole_help_each_other() -> None:
    """A server that sends its own certificate alone leaves the way to the root to DNS."""
    records = (tlsa("200", "root"), tlsa("200", "issuer"))

    result = match_chain(records, chain_of("leaf-only"), (HOST,), NOW)

    assert [each.standing for each in result.matches] == [Standing.MATCHES, Standing.MATCHES]


def test_an_issuer_given_as_a_whole_may_be_older_than_its_end() -> None:
    """Sent or not: the record vouches for it, whatever its dates say."""
    chain = (keys()["of-old"].der,)

    assert match_chain((tlsa("200", "old"),), chain, (HOST,), NOW).outcome is (
        DaneOutcome.AUTHENTICATED
    )


@pytest.mark.parametrize(
    ("chain", "record", "why"),
    [
        ("expired", "211 issuer", "the server's certificate expired on 2021-01-01"),
        ("old-root", "211 old-root", "certificate 1 above the server's expired on 2021-01-01"),
        ("wrong-name", "211 issuer", f"is for wrong.invalid, not for {HOST} or cases.test"),
        ("for-clients", "211 issuer", "may not be used for TLS servers"),
        ("by-a-person", "211 issuer", "certificate 1 above the server's is refused: invalid CA"),
    ],
)
def test_a_refused_chain_says_why(chain: str, record: str, why: str) -> None:
    """The issuer is the one that the record names; what is wrong lies below it."""
    form, which = record.split()
    (match,) = match_chain((tlsa(form, which),), chain_of(chain), (HOST, "cases.test"), NOW).matches

    assert match.standing is Standing.REFUSED
    assert why in match.reason


@pytest.mark.parametrize(
    ("names", "is_matched"),
    [
        (("mx.cases.test",), True),
        (("mx.other.test", "cases.test"), False),  # the star stands for one label, not for none
        (("mx.other.test", "domain.cases.test"), True),  # the domain that mail is for
        (("a.b.cases.test",), False),  # nor for two
    ],
)
def test_any_reference_name_is_enough(names: tuple[str, ...], is_matched: bool) -> None:
    """RFC 7672 §3.2.2: base domain, next-hop domain or what it is an alias of."""
    record = tlsa("211", "issuer")
    outcome = match_chain((record,), chain_of("usual"), names, NOW).outcome

    assert (outcome is DaneOutcome.AUTHENTICATED) is is_matched


@pytest.mark.parametrize(
    ("is_mx_secure", "canonical", "names"),
    [
        (True, "example.org", ("mx.example.net", "example.com", "example.org")),
        (True, "example.com", ("mx.example.net", "example.com")),
        (True, "", ("mx.example.net", "example.com")),
        (False, "example.org", ("mx.example.net",)),  # an attacker may have chosen the host
    ],
)
def test_reference_names(is_mx_secure: bool, canonical: str, names: tuple[str, ...]) -> None:
    """RFC 7672 §3.2.2."""
    assert (
        reference_names(
            "mx.example.net", "example.com", is_mx_secure=is_mx_secure, canonical=canonical
        )
        == names
    )


@pytest.mark.parametrize("chain", [(), (b"",), (b"\x30\x80",), (b"\x30\x84\xff\xff\xff\xff",)])
def test_no_chain_or_garbage_matches_nothing(chain: tuple[bytes, ...]) -> None:
    """A server may send anything."""
    records = (tlsa("311", "leaf"), tlsa("211", "issuer"), tlsa("200", "issuer"))

    assert match_chain(records, chain, (HOST,), NOW).outcome is DaneOutcome.REFUSED


@given(
    data=st.binary(max_size=80),
    form=st.sampled_from(["200", "210", "300", "310", "211", "301"]),
    chain=st.lists(st.binary(max_size=60), max_size=3),
)
def test_any_octets_are_judged(data: bytes, form: str, chain: list[bytes]) -> None:
    """Neither records nor chains can raise anything."""
    match_chain((raw(form, data),), (*chain, keys()["leaf"].der), (HOST,), NOW)


@given(cut=st.integers(min_value=0, max_value=600), flip=st.integers(min_value=0, max_value=255))
def test_damaged_certificates_are_judged(cut: int, flip: int) -> None:
    """A certificate of which one octet is wrong raises nothing and is not taken for another."""
    der = bytearray(keys()["leaf"].der)
    der[cut % len(der)] ^= flip
    chain = (bytes(der), keys()["issuer"].der)
    records = (tlsa("301", "leaf"),)
    is_same = bytes(der) == keys()["leaf"].der

    outcome = match_chain(records, chain, (HOST,), NOW).outcome
    match_chain((tlsa("211", "issuer"),), chain, (HOST,), NOW)

    assert (outcome is DaneOutcome.AUTHENTICATED) is is_same


def test_records_beyond_the_bound_are_not_looked_at() -> None:
    """Nobody can make a checker try signatures without end."""
    right = tlsa("311", "leaf")
    others = tuple(
        TlsaRecord(usage=3, selector=1, matching_type=1, data=number.to_bytes(32))
        for number in range(MAX_RECORDS)
    )

    assert match_chain((*others, right), chain_of("usual"), (HOST,), NOW).outcome is (
        DaneOutcome.REFUSED
    )


def strange_issuers(number: int, form: str = "210") -> tuple[TlsaRecord, ...]:
    """Return records of keys that have signed nothing."""
    spki = keys()["leaf"].spki
    return tuple(raw(form, spki[:-1] + bytes([n])) for n in range(number))


def test_of_issuers_given_as_a_whole_only_some_are_tried() -> None:
    """Each may have to be tried with every certificate; what was not tried is no mismatch."""
    right = tlsa("210", "issuer")

    match = match_chain(
        (*strange_issuers(MAX_WHOLE_ISSUERS), right), chain_of("usual"), (HOST,), NOW
    )

    assert match.matches[-1].standing is Standing.UNCHECKED
    assert match.outcome is DaneOutcome.UNKNOWN


@pytest.mark.parametrize(
    "records",
    [
        pytest.param((*strange_issuers(MAX_WHOLE_ISSUERS - 1), tlsa("210", "issuer")), id="last"),
        pytest.param((*strange_issuers(MAX_WHOLE_ISSUERS + 1), tlsa("211", "issuer")), id="digest"),
        pytest.param((*strange_issuers(MAX_WHOLE_ISSUERS + 1), tlsa("310", "leaf")), id="own-key"),
        pytest.param((*strange_issuers(9, "310"), tlsa("210", "issuer")), id="after-own-keys"),
        pytest.param((*strange_issuers(9, "110"), tlsa("210", "issuer")), id="after-unusable"),
        pytest.param(
            (*(raw("211", bytes([n]) * 32) for n in range(9)), tlsa("210", "issuer")),
            id="after-digests",
        ),
        pytest.param((*[tlsa("210", "other")] * 9, tlsa("210", "issuer")), id="after-one"),
    ],
)
def test_the_bound_of_whole_issuers_leaves_all_other_records_alone(
    records: tuple[TlsaRecord, ...],
) -> None:
    """Digests and the server's own key cost nothing to speak of, said again they count once."""
    match = match_chain(records, chain_of("usual"), (HOST,), NOW)

    assert match.matches[-1].standing is Standing.MATCHES


def test_a_record_said_again_costs_nothing() -> None:
    """A hundred times the same key is one key."""
    once, often = Effort(), Effort()
    for effort, times in ((once, 1), (often, 50)):
        match_chain([tlsa("210", "other")] * times, chain_of("usual"), (HOST,), NOW, effort=effort)

    assert 0 < often.spent == once.spent


@pytest.mark.parametrize("form", ["200", "201", "210", "211"])
def test_without_effort_nothing_is_verified(form: str) -> None:
    """The own key needs none; an issuer's signature does."""
    records = (tlsa(form, "issuer"),)

    match = match_chain(records, chain_of("usual"), (HOST,), NOW, effort=Effort(0))

    assert match.outcome is DaneOutcome.UNKNOWN
    right = (*records, tlsa("311", "leaf"))
    assert match_chain(right, chain_of("usual"), (HOST,), NOW, effort=Effort(0)).outcome is (
        DaneOutcome.AUTHENTICATED
    )
