"""Keys as MTAs write them, and the next hops that they name."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(("key", "read"), [
    ("[IPv6:2001:db8::1]:25", NoLookup.LITERAL),
    ("IPv6:2001:db8::1", NoLookup.LITERAL),
    ("2001:db8::1", NoLookup.LITERAL),
    ("192.0.2.1:25", NoLookup.LITERAL),
    ("[IPv6:mx]", NoLookup.MALFORMED),  # tagged, and no address behind the tag
    ("ipv6:smtp", NextHop(domain=Domain("ipv6"), port="smtp")),  # a host whose name is the tag
])  # fmt: skip
def test_an_address_has_no_policy(key: str, read: NextHop | NoLookup) -> None:
    """Whatever it is written like; only what is an address behind the tag is one."""
    assert parse_next_hop(key) == read


@example("ipv6.:ip")
@given(st.text(alphabet="ipv6.:[]a1-", max_size=20))
def test_a_next_hop_reads_back_as_it_is_written(key: str) -> None:
    """Verdicts are kept, and answers compared, under its text."""
    hop = parse_next_hop(key)
    assert not isinstance(hop, NextHop) or parse_next_hop(str(hop)) == hop


@pytest.mark.parametrize(("key", "domain"), [
    ("Bücher.Example.", "xn--bcher-kva.example"),
    ("straße.example", "xn--strae-oqa.example"),              # IDNA2008: ß is a letter of its own
    ("bücher。example", "xn--bcher-kva.example"),             # an ideographic full stop is a dot
    ("mx_1.bücher.example", "mx_1.xn--bcher-kva.example"),    # no IDNA, but a name in DNS
    ("xn--a.bücher.example", "xn--a.xn--bcher-kva.example"),  # decodes to nothing: kept as it is
    ("xn--a.example", "xn--a.example"),
])  # fmt: skip
def test_u_labels_become_a_labels_and_others_stay(key: str, domain: str) -> None:
    """One label that IDNA does not know must not take the policy from the whole name."""
    assert parse_next_hop(key) == NextHop(domain=Domain(domain))


@pytest.mark.parametrize("key", [
    "☃.example", "a..bücher.example", "bü/cher.example", "e x.bücher.example", "\u200dü.example",
])  # fmt: skip
def test_what_has_no_a_label_form_is_not_looked_up(key: str) -> None:
    """Nor what is none of its own beside a label that has one."""
    assert parse_next_hop(key) is NoLookup.MALFORMED
