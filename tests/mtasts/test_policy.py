"""Policies: what is kept, what is tolerated, what decides, what is bounded (RFC 8461 §3.2)."""

from datetime import timedelta

import pytest

import mailseal
from mailseal.deviations import Severity
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import (
    MAX_BODY_BYTES,
    MAX_DEVIATIONS,
    MAX_LINES,
    MAX_MX_PATTERNS,
    Mode,
    Policy,
    PolicySyntaxError,
    parse_policy,
    read_policy,
    render_policy,
)

HEAD = b"version: STSv1\r\nmode: enforce\r\nmax_age: 604800\r\n"
RFC_EXAMPLE = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
    b"mx: backupmx.example.com\r\nmax_age: 604800\r\n"
)


def test_the_example_of_the_rfc_has_nothing_to_find() -> None:
    """RFC 8461 §3.2's own policy reads without a deviation."""
    reading = read_policy(RFC_EXAMPLE)
    assert reading.deviations == ()
    assert reading.policy == Policy(
        mode=Mode.ENFORCE,
        max_age=timedelta(days=7),
        mx=tuple(map(MxPattern, ("mail.example.com", "*.example.net", "backupmx.example.com"))),
    )


def test_policy_renders_with_crlf() -> None:
    """RFC 8461 §3.2's prose asks for CRLF, which its grammar allows as well."""
    assert render_policy(parse_policy(RFC_EXAMPLE)) == RFC_EXAMPLE


def test_lines_are_kept_as_served() -> None:
    """TLSRPT's policy-string has every line, ignored and blank ones too (RFC 8460 §4.5)."""
    policy = parse_policy(b"mode:\ttesting \nnote: \xc3\xa4\r\n\n" + HEAD + b"mx: MX.example.com.")
    assert policy.lines == (
        "mode:\ttesting ",
        "note: \u00e4",
        "",
        "version: STSv1",
        "mode: enforce",
        "max_age: 604800",
        "mx: MX.example.com.",
    )


def test_policies_are_equal_whatever_their_lines() -> None:
    """How a policy was written does not change what it asks for."""
    spaced = RFC_EXAMPLE.replace(b": ", b":   ")
    assert parse_policy(spaced) == parse_policy(RFC_EXAMPLE)
    assert parse_policy(spaced).lines != parse_policy(RFC_EXAMPLE).lines


def test_usable_patterns_leave_out_what_an_mta_must_not_see() -> None:
    """Each usable pattern comes once, in the order of the file."""
    policy = parse_policy(HEAD + b"mx: b.example\nmx: hostname\nmx: a.example\nmx: B.example\n")
    assert [str(pattern) for pattern in policy.usable_patterns] == ["b.example", "a.example"]


def test_any_pattern_is_enough_to_cover_a_host() -> None:
    """One match suffices, whatever the order (RFC 8461 §4.1)."""
    policy = parse_policy(RFC_EXAMPLE)
    assert policy.covers("mx7.example.net")
    assert policy.covers("backupmx.example.com")
    assert not policy.covers("mx7.example.com")


def test_error_tells_line_value_and_expectation() -> None:
    """The exception can be shown to a mail admin as it is."""
    body = b"version: STSv1\nmode: none\nmx: a.example\nmax_age: 1 week\n"
    with pytest.raises(PolicySyntaxError) as raised:
        parse_policy(body)
    assert str(raised.value).startswith(
        'policy line 4: max_age is "1 week", expected 1 to 10 digits.'
    )
    assert raised.value.deviation.code == "bad-max_age"
    assert isinstance(raised.value, mailseal.Error)


def test_error_without_a_line_names_the_policy() -> None:
    """A field that is missing has no line."""
    with pytest.raises(PolicySyntaxError, match=r"^policy: there is no version\."):
        parse_policy(b"")


def test_deciding_deviation_comes_first_and_the_others_by_line() -> None:
    """What decided can be found without knowing the codes; the rest reads like the file."""
    reading = read_policy(b"\nmode: x\nmode: y\nmx: bad mx\nmax_age: 1\nmax_age: 2\n")
    assert [(one.code, one.line) for one in reading.deviations] == [
        ("missing-version", None),
        ("blank-line", 1),
        ("bad-mode", 2),
        ("duplicate-field", 3),
        ("bad-mx", 4),
        ("duplicate-field", 6),
    ]


@pytest.mark.parametrize(
    ("line", "code", "severity"),
    [
        (b"", "blank-line", Severity.ERROR),  # other senders refuse the policy
        (b"mx: a.example.", "mx-trailing-dot", Severity.ERROR),
        (b"mx: 192.0.2.1", "mx-address", Severity.ERROR),
        (b"mode: none", "duplicate-field", Severity.WARNING),  # every sender takes some mode
        (b"ms: a.example", "likely-typo", Severity.WARNING),  # every sender ignores it
    ],
)
def test_what_is_tolerated_is_told(line: bytes, code: str, severity: Severity) -> None:
    """Beyond the grammar is an error, within it and yet suspicious a warning."""
    reading = read_policy(HEAD + b"mx: b.example\r\n" + line + b"\r\n")
    assert reading.policy is not None
    assert [(one.code, one.severity, one.line) for one in reading.deviations] == [
        (code, severity, 5)
    ]


def test_blank_lines_are_told_once() -> None:
    """A thousand blank lines are one mistake."""
    (blank,) = read_policy(RFC_EXAMPLE + b"\r\n" * 1000).deviations
    assert (blank.code, blank.line) == ("blank-line", 7)
    assert "999 more" in blank.message


def test_max_age_is_clamped() -> None:
    """Beyond a year counts as a year (RFC 8461 §3.2, erratum 7282)."""
    reading = read_policy(RFC_EXAMPLE.replace(b"604800", b"4294967296"))
    assert reading.policy is not None
    assert reading.policy.max_age == timedelta(seconds=31_557_600)
    assert [one.code for one in reading.deviations] == ["max_age-above-bound"]


@pytest.mark.parametrize(
    "body",
    [
        RFC_EXAMPLE + b"n: " + b"x" * MAX_BODY_BYTES,  # too many bytes
        RFC_EXAMPLE + b"n: x\n" * MAX_LINES,  # too many lines
        RFC_EXAMPLE + b"mx: a.example\n" * MAX_MX_PATTERNS,  # too many patterns
    ],
    ids=["bytes", "lines", "patterns"],
)
def test_what_is_too_large_is_refused(body: bytes) -> None:
    """The work on a stranger's policy is bounded (RFC 8461 §3.3, §10.2)."""
    reading = read_policy(body)
    assert reading.policy is None
    assert reading.deviations[0].code == "too-large"


def test_the_largest_allowed_body_is_read() -> None:
    """64 KiB are allowed, one byte more is not."""
    filled = RFC_EXAMPLE + b"n: "
    filled += b"x" * (MAX_BODY_BYTES - len(filled))
    assert read_policy(filled).policy is not None
    assert read_policy(filled + b"x").policy is None


@pytest.mark.parametrize("line", [b"no field\n", b"mx: no name\n", b"mode: none\n"])
def test_deviations_are_bounded(line: bytes) -> None:
    """A report ends, whatever a stranger writes."""
    assert len(read_policy(HEAD + line * 1000).deviations) <= MAX_DEVIATIONS


@pytest.mark.parametrize(
    "body",
    [
        b"n:" + b" " * 60_000 + b"x\x00",  # a regular expression could take quadratic time
        b"mx:" + b" \t" * 30_000 + b"x",
        b"mx: " + b"*." * 30_000,
        b"mx: " + b"1 " * 30_000,
        b"max_age: " + b"9" * 60_000,  # int() of so many digits raises
        b"mode: " + b"mx \t" * 15_000,
        b"\xc3\xbc" * 30_000,
    ],
)
def test_long_lines_cost_little(body: bytes) -> None:
    """A hostile line neither raises nor takes more than a moment, which a time-out would show."""
    assert read_policy(body).policy is None


def test_patterns_with_only_bad_ones_give_one_verdict() -> None:
    """An address beside a broken name is not also called the absence of all names."""
    reading = read_policy(HEAD + b"mx: 192.0.2.1\nmx: a b\n")
    assert [one.code for one in reading.deviations] == ["bad-mx", "mx-address"]
