"""Keys as MTAs write them, and the next hops that they name."""

import pytest

from mailseal.names import Domain, NextHop, NoLookup, parse_next_hop


@pytest.mark.parametrize(("key", "port"), [
    ("[mx.example.com]:025", "25"),
    ("mx.example.com:00587", "587"),
    ("mx.example.com:25", "25"),
    ("mx.example.com:Submission", "submission"),
    ("mx.example.com", None),
])  # fmt: skip
def test_a_port_has_no_leading_zeros(key: str, port: str | None) -> None:
    """TLSA records of port 25 are at ``_25._tcp``, not at ``_025._tcp`` (RFC 6698 §3)."""
    assert parse_next_hop(key) == NextHop(
        domain=Domain("mx.example.com"), port=port, is_host=key.startswith("[")
    )


@pytest.mark.parametrize("port", [
    "0", "00000",                       # none is asked for by number zero
    "65536", "000025",                  # too large, too long
    "٢٥",                               # digits, but no ASCII
    "-25", "25-", "2 5",
])  # fmt: skip
def test_what_is_no_port_is_not_looked_up(port: str) -> None:
    """Neither a number from 1 to 65535 in five digits nor a service name."""
    assert parse_next_hop(f"[mx.example.com]:{port}") is NoLookup.MALFORMED
