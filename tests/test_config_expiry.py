"""``mailseal config check`` tells of exceptions that have ended or soon will."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailseal.config import parse
from mailseal.config.expiry import judge_expiry
from mailseal.envelope import PrivateKey, new_private_key, seal
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.pins import PAYLOAD_TYPE, Pin, PinList, render_list
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = PrivateKey(new_private_key())
PIN = Pin(policy=Policy(mode=Mode.ENFORCE, max_age=DAY, mx=(MxPattern.parse("mx.example.com"),)))


def override(expires: str, *names: str) -> str:
    """Return an override for some domains."""
    listed = ", ".join(f'"{name}"' for name in names or ("example.com",))
    line = f'expires = "{expires}"\n' if expires else ""
    return f'[[overrides]]\ndomains = [{listed}]\nsts = "off"\n{line}'


def signed(expires: datetime, *names: str, key: PrivateKey = KEY) -> bytes:
    """Return a signed list of pins."""
    pins = {Domain(name): PIN for name in names or ("example.com",)}
    found = PinList(issued=expires - 90 * DAY, expires=expires, pins=pins)
    return seal(render_list(found), PAYLOAD_TYPE, [key])


def pinned(source: object) -> str:
    """Return the configuration of a list of pins."""
    return f'[pins]\nsource = "{source}"\nkeys = ["{KEY.public}"]\n'


@pytest.mark.parametrize(("expires", "said"), [
    ("2026-06-30", "has expired 2026-06-30 and counts no more; remove it"),
    ("2026-07-01T12:00:00Z", "has expired 2026-07-01T12:00:00Z and"),   # this very moment
    ("2026-07-01T12:00:01Z", "expires 2026-07-01T12:00:01Z, and"),
    ("2026-07-02T01:00:00+01:00", "expires 2026-07-02, and"),           # a day's first moment
    ("2026-07-15T12:00:00Z", "expires 2026-07-15T12:00:00Z, and"),      # in 14 days
])  # fmt: skip
def test_an_override_at_its_end_is_told_with_domain_and_date(expires: str, said: str) -> None:
    """Both before it ends, and after it for as long as it stands there."""
    config = parse(override("", "forever.example") + override(expires))

    [warning] = judge_expiry(config, NOW)

    assert warning.startswith(f"[[overrides]] number 2 for example.com {said}")


@pytest.mark.parametrize("expires", ["", "2026-07-15T12:00:01Z", "2027-07-01"])
def test_an_override_that_lasts_is_not_told(expires: str) -> None:
    """Without a date, or with one that is further ahead."""
    assert judge_expiry(parse(override(expires)), NOW) == ()


def test_of_many_domains_the_first_are_named() -> None:
    """A warning stays a line that can be read."""
    names = [f"d{number}.example" for number in range(7)]

    [warning] = judge_expiry(parse(override("2026-07-02", *names)), NOW)

    assert "for d0.example, d1.example, d2.example, d3.example, d4.example and 2 more " in warning


@pytest.mark.parametrize(("expires", "said"), [
    (NOW - DAY, "has expired 2026-06-30T12:00:00Z and counts no more; sign it anew"),
    (NOW + 14 * DAY, "expires 2026-07-15T12:00:00Z, and counts no more from then on; sign"),
])  # fmt: skip
def test_a_list_of_pins_at_its_end_is_told(tmp_path: Path, expires: datetime, said: str) -> None:
    """With the domains that lose their pin."""
    source = tmp_path / "pins.json"
    source.write_bytes(signed(expires, "b.example", "a.example"))

    [warning] = judge_expiry(parse(pinned(source)), NOW)

    assert warning.startswith(f"[pins] source {source}, which pins a.example, b.example, {said}")


def test_a_list_of_pins_that_lasts_is_not_told(tmp_path: Path) -> None:
    """Nor one that comes from elsewhere, which the running service looks after."""
    source = tmp_path / "pins.json"
    source.write_bytes(signed(NOW + 15 * DAY))

    assert judge_expiry(parse(pinned(source)), NOW) == ()
    assert judge_expiry(parse(pinned("https://lists.example.com/pins.json")), NOW) == ()
    assert judge_expiry(parse(""), NOW) == ()


@pytest.mark.parametrize(("content", "reason"), [
    (b"{}", "payloadType is not"),
    (signed(NOW + 90 * DAY, key=PrivateKey(new_private_key())), "no signature is good"),
    (b" " * (16 * 1024 * 1024 + 1), "has over 16777216 bytes"),
])  # fmt: skip
def test_a_list_of_pins_that_is_refused_is_told(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """The service would go on with the last good one, and that one ends."""
    source = tmp_path / "pins.json"
    source.write_bytes(content)

    [warning] = judge_expiry(parse(pinned(source)), NOW)

    assert f"{source} is refused" in warning
    assert reason in warning


def test_a_list_of_pins_that_cannot_be_read_is_told_elsewhere(tmp_path: Path) -> None:
    """A missing file is told once; a FIFO keeps nobody waiting."""
    assert judge_expiry(parse(pinned(tmp_path / "missing.json")), NOW) == ()
    os.mkfifo(tmp_path / "fifo")
    [warning] = judge_expiry(parse(pinned(tmp_path / "fifo")), NOW)
    assert "is not JSON" in warning
