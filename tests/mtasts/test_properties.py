"""What holds for all inputs: only our own errors, bounds kept, what is rendered reads back."""

import itertools
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from mailseal.mtasts.advice import advise
from mailseal.mtasts.pattern import MxPattern, PatternSyntaxError
from mailseal.mtasts.policy import (
    MAX_DEVIATIONS,
    MAX_MAX_AGE,
    Mode,
    Policy,
    PolicySyntaxError,
    parse_policy,
    read_policy,
    render_policy,
)
from mailseal.mtasts.record import StsRecord, parse_records, read_records
from mailseal.quoting import MAX_SHOWN_CHARS, quote
from mailseal.txtrecords.reading import RecordSyntaxError

# Text made of the grammar's own pieces gets far deeper than random bytes do.
PIECES = st.sampled_from(
    b"version|mode|mx|max_age|STSv1|enforce|testing|none|:| |\t|\r\n|\n|\r|*.|a.example|604800|"
    b"9999999999|\xc3\xbc|version: STSv1\n|mode: enforce\n|mx: mx.example.com\n|max_age: 86400\n|"
    b"v=STSv1|;|id=|=|abc|\xff|\x00|_|-|.|192.0.2.1".split(b"|")
)
LIKE_INPUT = st.lists(PIECES | st.binary(max_size=4), max_size=30).map(b"".join)
ANYTHING = st.binary(max_size=400) | LIKE_INPUT

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z])?", fullmatch=True).filter(
    lambda label: not label.isdigit()
)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.builds("{}{}".format, st.sampled_from(["", "*."]), NAMES).map(MxPattern)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy as a publisher could have made it."""
    mode = draw(st.sampled_from(list(Mode)))
    least = 0 if mode is Mode.NONE else 1
    seconds = draw(st.integers(0, int(MAX_MAX_AGE.total_seconds())))
    patterns = draw(st.lists(PATTERNS, min_size=least, max_size=5))
    return Policy(mode=mode, max_age=timedelta(seconds=seconds), mx=tuple(patterns))


@given(policies())
def test_a_rendered_policy_reads_back_without_a_deviation(policy: Policy) -> None:
    """parse(render(x)) == x, and what we publish leaves the grammar nowhere."""
    reading = read_policy(render_policy(policy))
    assert reading.policy == policy
    assert reading.deviations == ()


@given(ANYTHING)
@example(b"version: STSv1\nmode: none\nmax_age: 1\r")
def test_any_body_is_a_policy_or_our_own_error(body: bytes) -> None:
    """Nothing but PolicySyntaxError is raised, and a policy keeps its own invariants."""
    try:
        policy = parse_policy(body)
    except PolicySyntaxError:
        return
    assert timedelta() <= policy.max_age <= MAX_MAX_AGE
    assert policy.mx or policy.mode is Mode.NONE
    assert all(MxPattern.parse(pattern.text) == pattern for pattern in policy.mx)
    assert parse_policy(render_policy(policy)) == policy
    assert all("\n" not in line for line in policy.lines)
    advise(body, policy)


@given(ANYTHING)
def test_every_deviation_can_be_shown(body: bytes) -> None:
    """Messages are single lines of printable ASCII and bounded, whatever they quote."""
    reading = read_policy(body)
    found = [*reading.deviations]
    found += advise(body, reading.policy) if reading.policy else []
    found += read_records([[body]]).deviations
    assert (reading.policy is None) <= bool(reading.deviations)
    for deviation in found:
        assert deviation.message.isascii()
        assert deviation.message.isprintable()
        assert deviation.message.endswith(".")
        assert len(deviation.message) < 600
        assert deviation.line is None or 1 <= deviation.line <= body.count(b"\n") + 1
    assert len(reading.deviations) <= MAX_DEVIATIONS


@given(st.lists(st.lists(ANYTHING, max_size=3), max_size=4))
def test_any_records_are_a_record_or_our_own_error(records: list[list[bytes]]) -> None:
    """Nothing but RecordSyntaxError is raised, and an id is 1 to 32 letters and digits."""
    try:
        record = parse_records(records)
    except RecordSyntaxError:
        return
    assert record.id.isascii()
    assert record.id.isalnum()
    assert 1 <= len(record.id) <= 32


@given(ANYTHING, st.lists(st.integers(0, 400), max_size=4))
def test_where_a_record_is_cut_into_strings_does_not_matter(text: bytes, cuts: list[int]) -> None:
    """Character-strings are joined without blanks (RFC 8461 §3.1)."""
    edges = [0, *sorted(cuts), len(text)]
    strings = [text[start:end] for start, end in itertools.pairwise(edges)]
    assert read_records([strings]) == read_records([[text]])


@given(st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True).filter(str.isascii))
def test_a_rendered_record_reads_back(identifier: str) -> None:
    """parse(render(x)) == x for every id that the grammar allows."""
    record = StsRecord(identifier)
    assert parse_records([[str(record).encode()]]) == record


@given(LIKE_INPUT)
def test_line_ends_do_not_change_a_policy(body: bytes) -> None:
    """LF and CRLF are the same to a reader (RFC 8461 §3.2, erratum 6253)."""
    with_lf = body.replace(b"\r", b"")
    with_crlf = with_lf.replace(b"\n", b"\r\n")
    assert read_policy(with_lf) == read_policy(with_crlf)


@given(policies(), st.data())
def test_the_order_of_fields_does_not_change_a_policy(policy: Policy, data: st.DataObject) -> None:
    """Only the mx lines have an order among themselves (RFC 8461 §3.2)."""
    lines = render_policy(policy).split(b"\r\n")[:-1]
    shuffled = parse_policy(b"\n".join(data.draw(st.permutations(lines))))
    assert (shuffled.mode, shuffled.max_age) == (policy.mode, policy.max_age)
    assert sorted(map(str, shuffled.mx)) == sorted(map(str, policy.mx))


@given(PATTERNS, NAMES)
def test_a_pattern_covers_what_the_definition_says(pattern: MxPattern, host: str) -> None:
    """A star covers exactly the hosts one label below; a name covers itself (RFC 8461 §4.1)."""
    parent = pattern.text.removeprefix("*.")
    if pattern.is_wildcard:
        assert not pattern.matches(parent)
        assert pattern.matches(f"mx.{parent}")
        assert not pattern.matches(f"a.mx.{parent}")
        assert pattern.matches(host) is (host.split(".")[1:] == parent.split("."))
    else:
        assert pattern.matches(host) is (host == pattern.text)


@given(st.text(max_size=300))
def test_any_text_is_a_pattern_or_our_own_error(text: str) -> None:
    """Nothing but PatternSyntaxError is raised."""
    try:
        pattern = MxPattern.parse(text)
    except PatternSyntaxError:
        return
    assert MxPattern.parse(pattern.text) == pattern


@given(st.text(max_size=200) | st.binary(max_size=200))
@example("\x1b[2J")  # a terminal would act on it
@example("\u202edrawkcab")
@example("\ud800")
def test_quoted_text_is_harmless(text: str | bytes) -> None:
    """What is shown is printable ASCII on one line, and bounded."""
    shown = quote(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= MAX_SHOWN_CHARS * 10 + 5
