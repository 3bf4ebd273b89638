"""Patterns: what may be one, what it covers, and what an MTA may be given (RFC 8461 §4.1)."""

import pytest

from mailseal.mtasts.pattern import AddressPatternError, MxPattern, PatternSyntaxError


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("*.example.net", "mx1.example.net", True),
        ("*.example.net", "mx_1.example.net", True),  # hosts have underscores in the wild
        ("*.example.net", "example.net", False),  # no label for the star
        ("*.example.net", ".example.net", False),  # an empty label is none
        ("*.example.net", "a.b.example.net", False),  # one label only
        ("*.example.net", "mx1example.net", False),  # whole labels
        ("*.example.net", "*.example.net", True),  # a host of that name would be one label below
        ("mx1.example.net", "mx1.example.net", True),
        ("mx1.example.net", "mx1xexample.net", False),  # the dot stands for itself
        ("mx1.example.net", "a.mx1.example.net", False),  # the whole name
        ("mx1.example.net", "", False),
        ("*.example.net", "", False),
        ("*.example.net", "." * 100_000, False),  # of any length, at no cost
    ],
)
def test_mx_pattern_covers_exactly_one_label(pattern: str, host: str, covered: bool) -> None:
    """A wildcard stands for one left-most label, never zero or two (RFC 8461 §4.1)."""
    assert MxPattern.parse(pattern).matches(host) is covered


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("MX1.Example.COM", "mx1.example.com"),
        ("*.Example.COM.", "*.example.com"),
        ("localhost", "localhost"),
        ("1mx.3com.example", "1mx.3com.example"),  # RFC 1123 §2.1 allows a leading digit
    ],
)
def test_pattern_is_kept_in_lower_case_without_final_dot(text: str, pattern: str) -> None:
    """Two spellings of one pattern are equal."""
    assert MxPattern.parse(text) == MxPattern(pattern)
    assert str(MxPattern.parse(text)) == pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "*",
        "*.",
        "*..",
        "a..b",
        "a.b..",  # only one final dot is dropped
        "*.*.b",
        "a*.b",
        "_a.b",
        "a\n.b",  # a `$` in a regular expression would let it pass
        "a.b\n",
        "a b",
        "\u212aa.example",  # lower() makes a k of the Kelvin sign
        "a" * 64 + ".b",
        "a." * 127 + "b",
        "a" * 10_000_000,  # refused before any work
    ],
)
def test_whatever_is_no_name_is_refused(text: str) -> None:
    """Only letters, digits and hyphens in labels, and at most one star at the beginning."""
    with pytest.raises(PatternSyntaxError):
        MxPattern.parse(text)


@pytest.mark.parametrize("text", ["192.0.2.1", "*.0.2.1", "1", "mx.0", "192.0.2.1."])
def test_address_is_told_apart(text: str) -> None:
    """A last label of digits makes an address, which an MTA would compare otherwise."""
    with pytest.raises(AddressPatternError):
        MxPattern.parse(text)


@pytest.mark.parametrize(
    ("text", "is_wildcard", "is_usable"),
    [
        ("mx.example.com", False, True),
        ("*.example.com", True, True),
        ("hostname", False, False),  # a strategy word in Postfix's match list
        ("nexthop", False, False),  # another one
        ("localhost", False, False),
    ],
)
def test_single_label_never_reaches_an_mta(text: str, is_wildcard: bool, is_usable: bool) -> None:
    """A single label may be a word with a meaning of its own."""
    pattern = MxPattern.parse(text)
    assert (pattern.is_wildcard, pattern.is_usable) == (is_wildcard, is_usable)
