"""Rations: so much an hour for each, in a table that does not grow."""

import pytest

from mailseal.faces.http.checks.rations import Rations, client_key


def test_a_ration_is_used_up_and_comes_back() -> None:
    """Six at once, then one every ten minutes."""
    rations = Rations(6, max_keys=10)
    for _ in range(6):
        assert rations.wait("a", 0.0) == 0
        rations.take("a", 0.0)

    assert rations.wait("a", 0.0) == 600
    assert rations.wait("a", 300.0) == 300
    assert rations.wait("a", 600.0) == 0
    assert rations.wait("b", 0.0) == 0


def test_a_ration_never_grows_beyond_its_size() -> None:
    """A day without a wish gives no more than an hour."""
    rations = Rations(2, max_keys=10)
    rations.take("a", 0.0)
    for _ in range(2):
        assert rations.wait("a", 86_400.0) == 0
        rations.take("a", 86_400.0)
    assert rations.wait("a", 86_400.0) > 0


def test_the_table_is_bounded() -> None:
    """A crowd of addresses takes no more memory than its bound."""
    rations = Rations(1, max_keys=100)
    for number in range(10_000):
        rations.take(str(number), 0.0)

    assert len(rations) == 100
    assert rations.wait("9999", 0.0) > 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),  # one customer has all of these
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_clients_are_told_apart_by_what_they_cannot_change(address: str, key: str) -> None:
    """An IPv6 customer has more addresses than any table."""
    assert client_key(address) == key
