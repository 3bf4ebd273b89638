"""Another daemon's entry becomes a policy of ours only where our own parser says so."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.mtasts.foreign import ForeignPolicy, ForeignPolicyError, take_over
from mailseal.mtasts.freshness import Intervals, Step, judge
from mailseal.mtasts.policy import Mode
from tests.moving.caches import POLICY

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def found(
    fields: object = POLICY,
    *,
    domain: str = "example.com",
    identifier: str = "20260601",
    at: float = (NOW - DAY).timestamp(),
) -> ForeignPolicy:
    """Make an entry; fields that are text stand as they are."""
    text = fields if isinstance(fields, str) else json.dumps(fields)
    return ForeignPolicy(domain=domain, id=identifier, fields=text, at=at)


def test_a_policy_keeps_its_id_and_date_and_is_due_at_once() -> None:
    """It rules as long as it did there, and a fetch of our own comes first of all."""
    policy = take_over(found(), NOW)

    assert (policy.domain, policy.id) == ("example.com", "20260601")
    assert policy.policy.mode is Mode.ENFORCE
    assert policy.policy.covers("mx.example.com")
    assert policy.policy.covers("a.example.net")
    assert policy.fetched_at == NOW - DAY
    assert policy.expires_at == NOW + 6 * DAY
    assert policy.refetch_at == NOW
    assert judge(policy, NOW, Intervals()).step is Step.CHECK_ID


def test_the_body_is_written_in_the_order_of_the_standard() -> None:
    """PostgreSQL has lost the order of the fields, and unknown ones are kept."""
    policy = take_over(found({**dict(sorted(POLICY.items())), "x-note": "hello", "": ""}), NOW)

    assert policy.body.decode() == (
        "version: STSv1\nmode: enforce\nmx: mx.example.com\nmx: *.example.net\n"
        "max_age: 604800\nx-note: hello\n"
    )


def test_a_date_of_the_future_counts_as_now() -> None:
    """A clock that was wrong must not make a policy last longer."""
    policy = take_over(found(at=(NOW + 300 * DAY).timestamp()), NOW)

    assert (policy.fetched_at, policy.expires_at) == (NOW, NOW + 7 * DAY)


@pytest.mark.parametrize(("entry", "reason"), [
    (found(domain="bad domain"), "bad domain"),
    (found(domain=""), "got 0"),
    (found(identifier=""), "id"),
    (found(identifier="2026-06-01"), "id"),                     # not letters and digits
    (found(at=0), "date"),
    (found(at=float("nan")), "date"),
    (found(at=1e18), "date"),
    (found(at=(NOW - 8 * DAY).timestamp()), "expired on 2026-06-30"),
    (found("{"), "JSON"),
    (found("[1]"), "no JSON object"),
    (found("[" * 100_000), "JSON"),
    (found(" " * 200_000), "over"),
    (found({**POLICY, "mode": "strict"}), "mode"),
    (found({**POLICY, "mx": []}), "mx"),
    (found({**POLICY, "mx": ["mx.example.com servername=evil.test"]}), "mx"),   # it smuggles
    (found({**POLICY, "mx": ["a.test\nmx: b.test"]}), "spans lines"),
    (found({**POLICY, "max_age": "a week"}), "max_age"),
    (found({**POLICY, "max_age": True}), "neither"),
    (found({**POLICY, "max_age": None}), "neither"),
    (found({**POLICY, "mx": [["mx.example.com"]]}), "neither"),
    (found(json.dumps(POLICY)[:-1] + ', "x": "\\ud800"}'), "half a character"),
    (found({"mode": "enforce"}), "version"),
])  # fmt: skip
def test_what_our_parser_refuses_is_refused_with_its_reason(
    entry: ForeignPolicy, reason: str
) -> None:
    """The other daemon let some of it through; the domain is looked up anew when asked for."""
    with pytest.raises(ForeignPolicyError, match=reason):
        take_over(entry, NOW)


@given(
    st.text(max_size=30),
    st.text(max_size=40),
    st.text(max_size=200)
    | st.dictionaries(st.text(max_size=9), st.lists(st.text(max_size=9)) | st.integers()),
    st.floats(),
)
def test_anything_is_taken_or_refused(
    domain: str, identifier: str, fields: object, at: float
) -> None:
    """A cache that others can write to makes nothing but our own error."""
    with contextlib.suppress(ForeignPolicyError):
        take_over(found(fields, domain=domain, identifier=identifier, at=at), NOW)
