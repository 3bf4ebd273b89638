"""What proves that a resolver does not validate, and what proves nothing (RFC 7672 §2.1.1)."""

from datetime import timedelta

import pytest

from mailseal.answers import Absent, Answer, DnsFailure, Found, LookupFailed
from mailseal.dane.validation import Validation, find_aside, judge_resolver, together

TTL = timedelta(minutes=5)
P, U, D = Validation.PROVEN, Validation.UNPROVEN, Validation.DISPROVEN


def found(*, is_secure: bool) -> Answer[object]:
    """Return an answer with a record."""
    return Found(records=("192.0.2.1",), ttl=TTL, is_secure=is_secure, canonical="")


def absent(*, is_secure: bool, is_name_known: bool = True) -> Answer[object]:
    """Return a denial."""
    return Absent(is_name_known=is_name_known, ttl=TTL, is_secure=is_secure)


def failed(failure: DnsFailure) -> Answer[object]:
    """Return a failure."""
    return LookupFailed(failure=failure, reason=failure.value)


@pytest.mark.parametrize(("answer", "validation"), [
    (found(is_secure=True), P),
    (absent(is_secure=True), P),                 # the root has no such record: said with AD
    (found(is_secure=False), D),
    (absent(is_secure=False), D),
    (absent(is_secure=False, is_name_known=False), D),   # a signed name does exist
    *((failed(failure), U) for failure in DnsFailure),   # also "bogus": that took a validator
])  # fmt: skip
def test_only_an_answer_without_ad_is_proof(answer: Answer[object], validation: Validation) -> None:
    """An attacker who blocks datagrams must not be able to switch DANE off."""
    assert judge_resolver("", answer).validation is validation


@pytest.mark.parametrize(("answer", "validation"), [
    (failed(DnsFailure.BOGUS), P),
    (failed(DnsFailure.SERVFAIL), P),
    (failed(DnsFailure.TIMEOUT), P),             # proves nothing; AD at the signed name does
    (found(is_secure=False), D),                 # validates, and hands on what is bogus
    (found(is_secure=True), D),
    (absent(is_secure=False), D),
    (absent(is_secure=True), P),                 # mended, or never broken
    (absent(is_secure=False, is_name_known=False), P),   # gone, from below an opt-out zone
])  # fmt: skip
def test_a_bogus_name_that_is_answered_is_proof(
    answer: Answer[object], validation: Validation
) -> None:
    """Such as from an unbound in permissive mode, which sets AD where all is well."""
    result = judge_resolver("", absent(is_secure=True), "bogus.example", answer)

    assert result.validation is validation
    assert ("bogus.example" in result.reason) is (validation is D)


@pytest.mark.parametrize(("resolvers", "validation"), [
    ((P,), P),
    ((D, U, P), P),     # the others are left alone
    ((D, U), U),
    ((D, D), D),
    ((), D),            # nobody is trusted at all
])  # fmt: skip
def test_one_good_resolver_is_enough(
    resolvers: tuple[Validation, ...], validation: Validation
) -> None:
    """DANE is off only where every trusted resolver is proven not to validate."""
    assert together(resolvers) is validation


@pytest.mark.parametrize(("resolvers", "aside"), [
    ((P, P), ()),
    ((P, U, D), (1, 2)),   # what cannot be told may be wrong, and there is one that is right
    ((U, D), (1,)),
    ((U, U), ()),          # a silent test proves nothing
    ((D, D), (0, 1)),
    ((), ()),
])  # fmt: skip
def test_who_is_not_asked_for_dane(
    resolvers: tuple[Validation, ...], aside: tuple[int, ...]
) -> None:
    """Failing over to a resolver that may not validate would prove an absence that is none."""
    assert find_aside(dict(enumerate(resolvers))) == set(aside)
