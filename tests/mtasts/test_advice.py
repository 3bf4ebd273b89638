"""Advice: what is allowed and yet unwise is told, and a good policy is left alone."""

import pytest

from mailseal.mtasts.advice import advise
from mailseal.mtasts.policy import parse_policy


def policy(*, mode: str = "enforce", mx: str = "mail.example.com", max_age: int = 604800) -> bytes:
    """Return a clean policy with one value changed."""
    text = f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age}\r\n"
    return text.encode()


def codes(body: bytes) -> list[tuple[str, str, int | None]]:
    """Return what is found in a policy: code, severity and line."""
    found = advise(body, parse_policy(body))
    return [(one.code, one.severity.value, one.line) for one in found]


@pytest.mark.parametrize(
    "body",
    [
        policy(),
        policy(mode="testing", max_age=86400),  # short is right while testing
        policy(mode="none", max_age=60),  # and on the way out
        policy(mx="*.mail.example.co.uk"),
        policy(mx="mail.your-domains.example"),  # no placeholder
        policy() + b"mx: *.example.net\r\n",
    ],
)
def test_a_good_policy_is_left_alone(body: bytes) -> None:
    """Advice that comes without need is not read when it is needed."""
    assert codes(body) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (policy(max_age=604799), ("short-max_age", "warning", 4)),
        (policy(max_age=0), ("short-max_age", "warning", 4)),
        (policy(mode="testing", max_age=86399), ("short-max_age", "info", 4)),
        (policy() + b"mx: MAIL.example.com\r\n", ("duplicate-mx", "warning", 5)),
        (policy() + b"mx: mailhost\r\n", ("single-label-mx", "warning", 5)),
        (policy(mx="*.com"), ("broad-wildcard", "warning", 3)),
        (policy(mx="*.co.uk"), ("broad-wildcard", "warning", 3)),
        (policy(mx="mx.yourdomain.com"), ("placeholder-mx", "warning", 3)),
        (policy() + b"note: x\r\n", ("unknown-field", "info", 5)),
        (policy().replace(b"\r", b""), ("lf-line-ends", "info", None)),
        (policy().replace(b"\r", b"", 1), ("lf-line-ends", "info", None)),
        (policy()[:-2], ("no-final-newline", "info", None)),
        (policy(mode="testing "), ("trailing-blank", "info", 2)),
        (policy(mx="mail.example.com\t"), ("trailing-blank", "info", 3)),
    ],
)
def test_what_is_unwise_is_told_once(body: bytes, found: tuple[str, str, int | None]) -> None:
    """Each piece of advice has its code, and the line it is about."""
    assert codes(body) == [found]


def test_a_policy_that_no_mail_could_follow_is_told() -> None:
    """With single labels alone, enforce would hold all mail."""
    assert codes(policy(mx="localhost")) == [
        ("single-label-mx", "warning", 3),
        ("no-usable-mx", "warning", None),
    ]


def test_an_id_in_the_policy_is_sent_to_dns() -> None:
    """The id belongs in the record; here it is one more unknown field."""
    (found,) = advise(policy() + b"id: 5\r\n", parse_policy(policy() + b"id: 5\r\n"))
    assert "TXT record" in found.message
