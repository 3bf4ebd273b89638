"""Whether a resolver validates, judged by names whose right answer is known (RFC 7672 §2.1.1).

Only positive proof counts against a resolver: a signed name that it answers without AD, or a
bogus one that it answers at all. Silence and failures prove nothing, or else whoever can block
a few datagrams could switch DANE off.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mailseal.answers import Absent, Answer, Found, LookupFailed

K = TypeVar("K")


class Validation(enum.StrEnum):
    """What is proven of a resolver, or of several together."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    DISPROVEN = "disproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """The outcome of one self-test; ``reason`` says what was seen unless all was well."""

    __test__ = False  # pytest takes it for a class of tests

    validation: Validation
    reason: str = ""


def judge_resolver(
    signed_name: str,
    signed: Answer[object],
    bogus_name: str = "",
    bogus: Answer[object] | None = None,
) -> TestResult:
    """Say what the answers for a signed name, and for a bogus one if there is one, prove."""
    if bogus is not None and _is_answered(bogus):
        return TestResult(
            validation=Validation.DISPROVEN,
            reason=f"{bogus_name} was answered although its signatures are wrong",
        )
    shown = signed_name or "the root"
    match signed:
        case LookupFailed():
            return TestResult(
                validation=Validation.UNPROVEN,
                reason=f"{shown} could not be looked up: {signed.reason}",
            )
        case Found(is_secure=True) | Absent(is_secure=True):
            return TestResult(validation=Validation.PROVEN)
        case _:
            return TestResult(
                validation=Validation.DISPROVEN,
                reason=f"{shown} was answered as if it were not signed",
            )


def _is_answered(bogus: Answer[object]) -> bool:
    """Tell whether a bogus name was believed.

    A proven denial or an NXDOMAIN means that the name is gone, which proves nothing: below an
    opt-out zone a validating resolver does not set AD for it either.
    """
    match bogus:
        case Found():
            return True
        case Absent():
            return bogus.is_name_known and not bogus.is_secure
        case _:
            return False


def together(resolvers: Iterable[Validation]) -> Validation:
    """Say what is proven where any of several resolvers may be asked; none at all is no proof."""
    seen = set(resolvers)
    if Validation.PROVEN in seen:
        return Validation.PROVEN
    return Validation.UNPROVEN if Validation.UNPROVEN in seen else Validation.DISPROVEN


def find_aside(resolvers: Mapping[K, Validation]) -> frozenset[K]:
    """Return which of several resolvers must not be asked for what DANE is to rest upon.

    Those are the ones that do not validate, and beside one that does those of which it is not
    known: what they say would be taken for as well proven (RFC 7672 §2.1.1).
    """
    has_better = Validation.PROVEN in resolvers.values()
    return frozenset(
        name
        for name, validation in resolvers.items()
        if validation is Validation.DISPROVEN or (has_better and validation is Validation.UNPROVEN)
    )
