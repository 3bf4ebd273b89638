"""By which names the HTTP listener may be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.faces.http.authority import is_ours

NAMES = frozenset({"mx1.example.com", "scraped_here"})


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.0.0.1:8463", "192.0.2.10:8463", "[::1]", "[::1]:8463", "[2001:db8::1]",
    "localhost", "localhost:8463", "LocalHost.", "localhost.:8463",
    "mx1.example.com", "MX1.Example.COM.:8463", "scraped_here:8463",
    "127.0.0.1:",                       # RFC 9110 §4.2.3: an empty port is the default one
])  # fmt: skip
def test_an_address_localhost_or_a_configured_name_is_ours(host: str) -> None:
    """With or without a port: whoever forwards one may have changed it."""
    assert is_ours(host, NAMES)


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8463",
    "127.0.0.1.evil.example", "localhost.evil.example", "mx1.example.com.evil.example",
    "evil.localhost",                   # some resolvers ask DNS for it
    "example.com",                      # a parent of ours
    "", ":8463", ".",
    "::1",                              # an IPv6 address stands in brackets
    "[127.0.0.1]", "[evil.example]", "[::1", "[::1]x", "[]",
    "2130706433", "127.1", "0x7f000001",  # browsers send the usual form of these
    "user@127.0.0.1", "127.0.0.1 ", "127.0.0.1:8463:1", "127.0.0.1:x", "127.0.0.1/",
])  # fmt: skip
def test_any_other_name_is_not_ours(host: str) -> None:
    """Whoever owns it may have pointed it here."""
    assert not is_ours(host, NAMES)


def test_no_name_of_dns_is_ours_by_default() -> None:
    """An empty list takes none in, not even the empty name."""
    assert not is_ours("mx1.example.com", frozenset())
    assert not is_ours(".", frozenset({""}))


@given(st.text())
def test_any_header_is_judged(host: str) -> None:
    """Whatever a client sends is ours or not, never an accident."""
    assert is_ours(host, NAMES) in (True, False)
