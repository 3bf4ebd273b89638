"""The list of pinned policies: its form, its dates, and when it is refused."""

import json
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.envelope import EnvelopeError, PrivateKey, new_private_key, seal
from mailseal.mtasts import pins
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.pins import PAYLOAD_TYPE, Pin, PinList, PinListError, open_list, parse_list
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain

KEY = PrivateKey(new_private_key())
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def pin(*mx: str, mode: Mode = Mode.ENFORCE, hold: bool = False, comment: str = "") -> Pin:
    """Make a pin."""
    patterns = tuple(MxPattern(one) for one in mx)
    policy = Policy(mode=mode, max_age=pins.MAX_LIFE, mx=patterns)
    return Pin(policy=policy, hold=hold, comment=comment)


def pin_list(
    issued: datetime = NOW - DAY, expires: datetime = NOW + DAY, **policies: Pin
) -> PinList:
    """Make a list; ``example_com`` names example.com."""
    named = {Domain(name.replace("_", ".")): one for name, one in policies.items()}
    return PinList(issued=issued, expires=expires, pins=MappingProxyType(named))


def signed(found: PinList, key: PrivateKey = KEY) -> bytes:
    """Sign a list."""
    return seal(pins.render_list(found), PAYLOAD_TYPE, [key])


def opened(envelope: bytes, stored: PinList | None = None, now: datetime = NOW) -> PinList:
    """Open it as the service does."""
    return open_list(envelope, keys=(KEY.public,), now=now, stored=stored)


def test_a_list_is_read_as_it_was_written() -> None:
    """Every field survives signing and reading."""
    whole = pin_list(
        example_com=pin("mx.example.com", "*.example.net"),
        example_org=pin("mx.example.org", mode=Mode.TESTING, hold=True, comment="since 2026"),
    )
    assert opened(signed(whole)) == whole


def test_unknown_fields_are_passed_over() -> None:
    """A later version may add some without breaking this one."""
    document = json.loads(pins.render_list(pin_list(example_com=pin("mx.example.com"))))
    document["policies"]["example.com"]["new"] = 1
    document["new"] = {}
    assert parse_list(json.dumps(document).encode()).pins


@pytest.mark.parametrize(
    ("issued", "expires", "message"),
    [
        (NOW - 2 * DAY, NOW, "expired 2026-07-01T12:00:00Z"),
        (NOW + timedelta(hours=2), NOW + DAY, "is issued in the future"),
    ],
)
def test_a_list_out_of_its_time_is_refused(
    issued: datetime, expires: datetime, message: str
) -> None:
    """Neither too old nor dated wrongly."""
    with pytest.raises(PinListError, match=message):
        opened(signed(pin_list(issued, expires)))


def test_an_older_list_does_not_replace_a_newer_one() -> None:
    """Who can serve an old file again cannot bring back what was taken off."""
    stored = pin_list(NOW - DAY, example_com=pin("mx.example.com"))

    with pytest.raises(PinListError, match="older than the one in use"):
        opened(signed(pin_list(NOW - 2 * DAY)), stored)
    with pytest.raises(PinListError, match="differs from the one in use"):
        opened(signed(pin_list(NOW - DAY)), stored)
    assert opened(signed(stored), stored) == stored
    assert opened(signed(pin_list(NOW)), stored).pins == {}


def test_a_list_that_nobody_signed_is_refused() -> None:
    """By another key, or not at all."""
    whole = pin_list(example_com=pin("mx.example.com"))
    with pytest.raises(EnvelopeError, match="no signature is good"):
        opened(signed(whole, PrivateKey(new_private_key())))
    with pytest.raises(EnvelopeError, match="payloadType"):
        opened(pins.render_list(whole))


def test_a_list_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at before anything else."""
    monkeypatch.setattr(pins, "MAX_LIST_BYTES", 100)
    with pytest.raises(PinListError, match="has over 100 bytes"):
        opened(signed(pin_list()))


GOOD: dict[str, Any] = {
    "version": 1,
    "issued": "2026-07-01T00:00:00Z",
    "expires": "2026-08-01T00:00:00Z",
    "policies": {"example.com": {"mx": ["mx.example.com"]}},
}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": 2}, "version is 2, expected 1"),
        ({"issued": "yesterday"}, 'issued is "yesterday", expected an instant'),
        ({"issued": None}, "issued is null"),
        ({"expires": "2026-07-01T00:00:00Z"}, "not within 366 days"),  # ends as it begins
        ({"expires": "2028-07-01T00:00:00Z"}, "not within 366 days"),
        ({"policies": []}, r"policies is \[\], expected an object"),
        ({"policies": {"a b": {}}}, "policies: label"),
        ({"policies": {"example.com": 3}}, "example.com is 3, expected an object"),
        ({"policies": {"example.com": {}}}, "mx is not a list of 1 to"),
        ({"policies": {"example.com": {"mx": []}}}, "mx is not a list"),
        ({"policies": {"example.com": {"mx": ["a b.c"]}}}, "example.com: mx: "),
        ({"policies": {"example.com": {"mx": [3]}}}, "example.com: mx: "),
        ({"policies": {"example.com": {"mx": ["hostname"]}}}, "is a single label"),
        ({"policies": {"example.com": {"mx": ["a.b"], "mode": "none"}}}, 'mode is "none"'),
        ({"policies": {"example.com": {"mx": ["a.b"], "mode": ["x"]}}}, "mode is"),
        ({"policies": {"example.com": {"mx": ["a.b"], "hold": 1}}}, "hold is 1"),
        ({"policies": {"example.com": {"mx": ["a.b"], "comment": "x" * 201}}}, "comment is not"),
        ({"policies": {"example.com": {}, "EXAMPLE.com": {}}}, "mx is not a list"),
    ],
)
def test_a_fault_in_a_list_is_named(fields: dict[str, Any], message: str) -> None:
    """A list is taken as a whole or not at all."""
    with pytest.raises(PinListError, match=message):
        parse_list(json.dumps(GOOD | fields).encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "version": 1}',
        "[" * 100_000,
        "{",
        '{"a": ' + "9" * 5000 + "}",  # beyond what Python reads
    ],
)
def test_json_that_means_two_things_or_none_is_refused(text: str) -> None:
    """Of two equal names one would be lost unseen."""
    with pytest.raises(PinListError, match="is not JSON"):
        parse_list(text.encode())


def test_a_domain_is_there_once() -> None:
    """However it is written."""
    policies = {"example.com": {"mx": ["a.b"]}, "Example.COM.": {"mx": ["a.c"]}}
    with pytest.raises(PinListError, match="is there twice"):
        parse_list(json.dumps(GOOD | {"policies": policies}).encode())


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["version", "issued", "expires", "policies", "mx", "mode", "example.com"]), inner)
)))  # fmt: skip
def test_any_document_is_read_or_refused_in_our_own_words(document: object) -> None:
    """No other error gets out."""
    raw = json.dumps(document)
    for text in (raw, json.dumps(GOOD | {"policies": document})):
        try:
            parse_list(text.encode())
        except PinListError:
            continue
