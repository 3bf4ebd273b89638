"""What counts as a policy that is served: to a sender, and to one who looks for a mistake."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mailseal.checks.evidence import Failure, PolicyFetch, Trouble
from mailseal.checks.reading import read
from mailseal.testing.evidence import POLICY, domain_evidence, fetch, policy_host, records, tls, txt

from .stsworld import HOST, V4, V4_TOO, V6, serving

CUT = Failure(trouble=Trouble.CLOSED, reason="the connection was closed")


def test_a_whole_answer_over_a_good_chain_is_believed() -> None:
    """RFC 8461 §3.3: nothing else is asked of it."""
    assert read(serving(fetch())).served_policy is not None


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda one: replace(one, status=404), id="not-200"),
        pytest.param(lambda one: replace(one, status=203), id="not-exactly-200"),
        pytest.param(lambda one: replace(one, status=None), id="no-status"),
        pytest.param(lambda one: replace(one, is_whole=False), id="cut-by-our-bound"),
        pytest.param(lambda one: replace(one, failure=CUT), id="cut-by-the-server"),
        pytest.param(lambda one: replace(one, tls=None), id="nothing-known-of-tls"),
        pytest.param(lambda one: replace(one, tls=tls("example.org")), id="of-another-name"),
        pytest.param(
            lambda one: replace(one, tls=tls(HOST, distrust="self-signed")), id="of-no-authority"
        ),
        pytest.param(lambda one: replace(one, body=b"<html>"), id="no-policy"),
    ],
)
def test_what_a_sender_would_not_take_is_no_policy(
    spoil: Callable[[PolicyFetch], PolicyFetch],
) -> None:
    """However good the file in it reads."""
    reading = read(serving(spoil(fetch())))

    assert reading.served_policy is None
    assert reading.policy is None


@pytest.mark.parametrize(
    ("body", "is_meant"),
    [
        (POLICY, True),
        (b"version: STSv1", True),
        (b"VERSION=stsv1", True),
        ("version: STSv1\n".encode("utf-16"), True),
        (b"mode: enforce\nmx: mx1.example.com\n", True),  # the version is forgotten
        (b"Mode: enforce\r\n  max_age : 86400\r\n", True),
        (b"mode: dark\nmode: light\n", False),  # one field twice may be anything
        (b"mx: mx1.example.com\n", False),
        (b"<p>mode: enforce</p><p>mx: mx1.example.com</p>", False),
        (b"", False),
    ],
)
def test_a_broken_policy_is_told_from_a_page_of_something_else(
    body: bytes, *, is_meant: bool
) -> None:
    """A host that answers to any name has not tried to publish."""
    policy = policy_host(fetch(body))
    evidence = domain_evidence(own_records=records(sts=txt()), policy=policy)

    assert read(evidence).wants_sts is is_meant


@pytest.mark.parametrize(
    ("addresses", "name"),
    [
        ((), "the policy"),
        ((V4,), f"the policy that {V4} serves"),
        ((V4, V4_TOO), f"the policy that {V4}, {V4_TOO} serve"),
        ((V4, V4_TOO, "192.0.2.12"), f"the policy that {V4}, {V4_TOO} and 1 more serve"),
    ],
)
def test_a_policy_beside_another_is_named_by_its_addresses(
    addresses: tuple[str, ...], name: str
) -> None:
    """Alone it needs no name."""
    other = POLICY.replace(b"enforce", b"testing")
    if addresses:
        fetches = [fetch(address=V6, body=other), *(fetch(address=one) for one in addresses)]
    else:
        fetches = [fetch(), fetch(address=V6)]
    reading = read(serving(*fetches))
    assert reading.policy is not None

    assert reading.name_policy(reading.policy) == name
