"""The DANE state of a host, from the answers of DNS (RFC 7672 §2.2.2, §2.2.3)."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mailseal.answers import Absent, Answer, DnsFailure, Found, LookupFailed
from mailseal.dane.host import (
    AskAlias,
    AskTlsa,
    HostState,
    TlsaState,
    judge_addresses,
    judge_alias,
    judge_denial,
    judge_tlsa,
)
from mailseal.dane.tlsa import TlsaRecord

HOST = "mx.example.com"
TTL = timedelta(minutes=5)
FAILED = LookupFailed(failure=DnsFailure.SERVFAIL, reason="servfail")
NONE = Absent(is_name_known=True, ttl=TTL, is_secure=True)


def address(canonical: str = HOST, *, is_secure: bool = True) -> Found[str]:
    """Return an answer with one address."""
    return Found(records=("192.0.2.1",), ttl=TTL, is_secure=is_secure, canonical=canonical)


@pytest.mark.parametrize(
    ("a", "aaaa", "bases"),
    [
        (address(), NONE, (HOST,)),
        (NONE, address(), (HOST,)),
        (address(), FAILED, (HOST,)),  # reachable over IPv4, whatever IPv6 would have said
        (address("mx.example.net"), NONE, ("mx.example.net", HOST)),  # RFC 7671 §7: final first
    ],
)
def test_secure_addresses_lead_to_tlsa_at_the_expanded_name_first(
    a: Answer[str], aaaa: Answer[str], bases: tuple[str, ...]
) -> None:
    """A host whose addresses are signed has candidates for its TLSA base."""
    assert judge_addresses(HOST, (a, aaaa)) == AskTlsa(bases=bases, ttl=TTL)


def test_an_alias_into_an_unsigned_zone_makes_the_first_cname_decide() -> None:
    """Only whether the alias itself is signed can still matter (RFC 7672 §2.2.2)."""
    step = judge_addresses(HOST, (address("mx.example.net", is_secure=False), NONE))

    assert step == AskAlias(ttl=TTL)


@pytest.mark.parametrize(
    ("a", "aaaa", "state"),
    [
        (address(is_secure=False), NONE, TlsaState.NONE),
        (address(), address(is_secure=False), TlsaState.NONE),  # one insecure answer suffices
        (address(is_secure=False), FAILED, TlsaState.NONE),  # it can be reached, and is unsigned
        (FAILED, address(is_secure=False), TlsaState.NONE),
        (FAILED, NONE, TlsaState.FAILED),
        (FAILED, FAILED, TlsaState.FAILED),
    ],
)
def test_other_addresses_settle_the_state(
    a: Answer[str], aaaa: Answer[str], state: TlsaState
) -> None:
    """No TLSA question goes to the name servers of an unsigned zone."""
    step = judge_addresses(HOST, (a, aaaa))

    assert isinstance(step, HostState)
    assert step.state is state
    assert step.has_address


def test_a_host_without_any_address_is_no_host() -> None:
    """Proven absence of both address types takes a host out of the set."""
    step = judge_addresses(HOST, (NONE, NONE))

    assert isinstance(step, HostState)
    assert not step.has_address


def test_a_failure_names_host_and_cause() -> None:
    """An administrator reads in the answer which look-up failed, and how."""
    step = judge_addresses(HOST, (FAILED, NONE))

    assert isinstance(step, HostState)
    assert step.reason == "mx.example.com: address look-up: servfail"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (address(is_secure=True), AskTlsa(bases=(HOST,), ttl=TTL)),
        (address(is_secure=False), TlsaState.NONE),
        (NONE, TlsaState.NONE),
        (FAILED, TlsaState.FAILED),
    ],
)
def test_a_secure_first_cname_leaves_the_original_name(
    answer: Answer[str], outcome: AskTlsa | TlsaState
) -> None:
    """The name that the signed alias stands at is the only base domain left."""
    step = judge_alias(HOST, TTL, answer)

    assert (step.state if isinstance(step, HostState) else step) == outcome


@pytest.mark.parametrize(
    ("answer", "state", "has_address"),
    [
        (address(is_secure=True), TlsaState.FAILED, True),  # records may stand at the alias
        (FAILED, TlsaState.FAILED, True),
        (address(is_secure=False), TlsaState.NONE, False),
        (NONE, TlsaState.NONE, False),  # no alias: its zone is not signed, and nobody asks for TLSA
    ],
)
def test_an_unsigned_denial_behind_a_signed_alias_proves_nothing(
    answer: Answer[str], state: TlsaState, has_address: bool
) -> None:
    """Whoever forges it would have the host's records passed over (RFC 7672 §2.2.2)."""
    judged = judge_denial(HOST, TTL, answer)

    assert (judged.state, judged.has_address) == (state, has_address)


def tlsa(usage: int, selector: int, matching: int, data: bytes) -> TlsaRecord:
    """Return a TLSA record."""
    return TlsaRecord(usage=usage, selector=selector, matching_type=matching, data=data)


GOOD = tlsa(3, 1, 1, bytes(32))
CUT_OFF = tlsa(3, 0, 0, b"\x30\x82\x05\x00" + bytes(200))  # 1280 bytes announced


def records(*found: TlsaRecord, is_secure: bool = True) -> Found[TlsaRecord]:
    """Return a TLSA answer."""
    return Found(records=found, ttl=TTL, is_secure=is_secure, canonical=f"_25._tcp.{HOST}")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (records(GOOD), TlsaState.USABLE),
        (records(tlsa(1, 1, 1, bytes(32)), GOOD), TlsaState.USABLE),  # one usable suffices
        (records(tlsa(1, 1, 1, bytes(32))), TlsaState.UNUSABLE),
        (records(CUT_OFF), TlsaState.UNUSABLE),  # no MTA can read it: TLS, and no authentication
        (records(CUT_OFF, GOOD), TlsaState.USABLE),
        (records(GOOD, is_secure=False), TlsaState.NONE),  # unsigned TLSA proves nothing
        (NONE, TlsaState.NONE),
        (FAILED, TlsaState.FAILED),  # never "no DANE" (RFC 7672 §2.1.2)
    ],
)
def test_the_tlsa_answer_settles_the_state(answer: Answer[TlsaRecord], state: TlsaState) -> None:
    """Usable, unusable, none and failed are four different things."""
    assert judge_tlsa(HOST, TTL, answer).state is state


@pytest.mark.parametrize(
    ("record", "is_usable"),
    [
        (tlsa(3, 1, 1, bytes(32)), True),
        (tlsa(3, 0, 1, bytes(32)), True),
        (tlsa(2, 0, 2, bytes(64)), True),
        (tlsa(3, 1, 0, b"\x30\x59" + bytes(89)), True),
        (tlsa(0, 0, 1, bytes(32)), False),  # PKIX-TA is undefined for SMTP (RFC 7672 §3.1.3)
        (tlsa(1, 1, 1, bytes(32)), False),  # PKIX-EE likewise
        (tlsa(4, 1, 1, bytes(32)), False),  # unassigned usage
        (tlsa(255, 1, 1, bytes(32)), False),  # private usage
        (tlsa(3, 2, 1, bytes(32)), False),  # unassigned selector
        (tlsa(3, 1, 3, bytes(32)), False),  # unassigned matching type
        (tlsa(3, 1, 1, bytes(31)), False),  # no SHA-256 digest has 31 bytes
        (tlsa(3, 1, 2, bytes(32)), False),  # no SHA-512 digest has 32
        (tlsa(3, 1, 1, b""), False),
        (tlsa(3, 1, 0, b"\x30"), False),  # no key is that short
        (tlsa(3, 1, 0, bytes(91)), False),  # DER begins with a SEQUENCE
    ],
)
def test_which_records_smtp_can_use(record: TlsaRecord, is_usable: bool) -> None:
    """Usage 2 and 3 with a known selector and a digest of its length (RFC 7672 §3.1)."""
    assert record.is_usable is is_usable


SHORT = TTL / 5


@pytest.mark.parametrize(("one", "other"), [(TTL, SHORT), (SHORT, TTL)])
def test_a_state_lives_as_long_as_the_shortest_answer_it_is_made_of(
    one: timedelta, other: timedelta
) -> None:
    """Beyond that somebody may have published other records."""
    secure, insecure = replace(address(), ttl=one), replace(address(is_secure=False), ttl=one)
    alias = replace(insecure, canonical="mx.example.net")
    absent = replace(NONE, ttl=other)

    assert judge_addresses(HOST, (secure, replace(secure, ttl=other))).ttl == SHORT
    assert judge_addresses(HOST, (alias, replace(alias, ttl=other))).ttl == SHORT
    assert judge_addresses(HOST, (insecure, replace(insecure, ttl=other))).ttl == SHORT
    assert judge_addresses(HOST, (replace(NONE, ttl=one), absent)).ttl == SHORT
    for answer in (secure, insecure, replace(NONE, ttl=one)):
        assert judge_alias(HOST, other, answer).ttl == SHORT
    for answer in (insecure, replace(NONE, ttl=one)):
        assert judge_denial(HOST, other, answer).ttl == SHORT
    for found in (records(GOOD), records(GOOD, is_secure=False), NONE):
        assert judge_tlsa(HOST, other, replace(found, ttl=one)).ttl == SHORT


def test_a_failure_lives_for_no_time() -> None:
    """How long it is remembered is for those who asked to say."""
    for step in (
        judge_addresses(HOST, (FAILED, NONE)),
        judge_alias(HOST, TTL, FAILED),
        judge_denial(HOST, TTL, FAILED),
        judge_tlsa(HOST, TTL, FAILED),
    ):
        assert step.ttl == timedelta(0)
