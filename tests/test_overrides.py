"""Which of the operator's overrides counts for a domain, and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain, NameSyntaxError
from mailseal.overrides import DaneOverride, Override, Overrides, Scope, StsOverride

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def override(*domains: str, comment: str = "", expires: datetime | None = None) -> Override:
    """Make one that says nothing."""
    scopes = tuple(Scope.parse(domain) for domain in domains)
    return Override(domains=scopes, comment=comment, expires=expires)


@pytest.mark.parametrize(
    ("scopes", "domain", "scope"),
    [
        (["example.com"], "example.com", "example.com"),
        (["example.com"], "a.example.com", None),
        ([".example.com"], "a.example.com", ".example.com"),
        ([".example.com"], "a.b.example.com", ".example.com"),
        ([".example.com"], "example.com", None),  # as in Postfix' tables
        ([".example.com"], "badexample.com", None),
        ([".com", ".example.com"], "a.example.com", ".example.com"),
        ([".com", "a.example.com"], "a.example.com", "a.example.com"),
        ([".com", ".example.com"], "example.com", ".com"),
        ([], "example.com", None),
    ],
)
def test_the_nearest_override_counts(scopes: list[str], domain: str, scope: str | None) -> None:
    """A name is nearer than its parents, a dot in front means what lies below."""
    overrides = Overrides([override(one) for one in scopes])

    match = overrides.find(Domain(domain), NOW)

    assert (match.scope.text if match else None) == scope


def test_an_override_ends_at_its_instant_and_the_next_one_counts() -> None:
    """It is then as if it had never been written, and can be told."""
    near = override("a.example.com", expires=NOW)
    overrides = Overrides([near, override(".example.com", comment="far")])
    domain = Domain("a.example.com")

    before = overrides.find(domain, NOW - timedelta(seconds=1))
    after = overrides.find(domain, NOW)

    assert before is not None
    assert before.override is near
    assert after is not None
    assert after.override.comment == "far"
    assert overrides.expired(domain, NOW - timedelta(seconds=1)) == ()
    assert [one.override for one in overrides.expired(domain, NOW)] == [near]


@pytest.mark.parametrize("text", ["", ".", "..com", "a..b", "192.0.2.1", "*.example.com"])
def test_what_is_no_domain_is_no_scope(text: str) -> None:
    """A star is no word here: what lies below is written with a dot."""
    with pytest.raises(NameSyntaxError):
        Scope.parse(text)


def test_two_dots_are_told_as_what_they_are() -> None:
    """Whoever meant one finds it in the message."""
    with pytest.raises(NameSyntaxError, match=r"'\.\.example\.com' begins with two dots"):
        Scope.parse("..example.com")


def test_a_scope_is_written_in_a_labels() -> None:
    """Look-ups are made with A-labels in lower case, so scopes are too."""
    assert Scope.parse(".BÜCHER.example").text == ".xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("sts", "mx", "mode", "settles"),
    [
        (StsOverride.ENFORCE, "mx.example.com", Mode.ENFORCE, True),
        (StsOverride.TESTING, "mx.example.com", Mode.TESTING, True),
        (StsOverride.OFF, "mx.example.com", None, True),
        (StsOverride.OFF, "", None, True),
        (StsOverride.ENFORCE, "", None, False),  # of the policy that is found
        (None, "", None, False),
    ],
)
def test_a_list_of_hosts_makes_a_fixed_policy(
    sts: StsOverride | None, mx: str, mode: Mode | None, settles: bool
) -> None:
    """With them the mode is that of a policy of its own; without, one for what is found."""
    patterns = (MxPattern(mx),) if mx else ()
    override = Override(domains=(), sts=sts, mx=patterns, dane=DaneOverride.OFF)
    fixed = override.fixed_policy

    assert (fixed.mode if fixed else None) is mode
    assert fixed is None or fixed.mx == patterns
    assert override.settles_sts is settles


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=5))
def test_whatever_is_found_covers_the_name(labels: list[str]) -> None:
    """A match is the name itself or ends it behind a dot."""
    domain = Domain(".".join([*labels, "example"]))
    overrides = Overrides([override(".a.example", "b.example", ".b.a.example", ".example")])

    match = overrides.find(domain, NOW)

    assert match is not None or domain == "example"
    if match is not None:
        text = match.scope.text
        assert domain.endswith(text) if text.startswith(".") else domain == text
