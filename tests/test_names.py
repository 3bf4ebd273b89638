"""Keys as MTAs write them, and the next hops that they name."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailseal.names import (
    MAX_NAME_BYTES,
    Domain,
    NameSyntaxError,
    NextHop,
    NoLookup,
    parse_next_hop,
)

LABEL = "a" * 63
LONGEST = ".".join([LABEL, LABEL, LABEL, "a" * 61])
assert len(LONGEST) == MAX_NAME_BYTES


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


@pytest.mark.parametrize(("text", "domain"), [
    ("Example.COM", "example.com"),
    ("example.com.", "example.com"),        # one final dot is DNS's own way to write it
    ("localhost", "localhost"),
    ("_mx-1.example", "_mx-1.example"),     # seen in the wild
    ("1.2.3.4.example", "1.2.3.4.example"),  # digits are well, but at the end
    ("example.4a", "example.4a"),
    (f"{LABEL}.example", f"{LABEL}.example"),
    (LONGEST, LONGEST),
    (f"{LONGEST}.", LONGEST),               # the final dot does not count
])  # fmt: skip
def test_a_domain_is_kept_in_lower_case_without_its_final_dot(text: str, domain: str) -> None:
    """One name has one form, by which it is remembered."""
    assert Domain.parse(text) == domain


@pytest.mark.parametrize("text", [
    "", ".",                          # nothing is left
    "example.com..", ".example.com", "a..b",  # an empty label
    f"{LABEL}a.example",              # 64 bytes
    f"{LONGEST}a",                    # 254 bytes
    "-a.example", "a-.example",       # a hyphen at an edge
    "a b.example", "a\n.example", "a/b.example", "a@b.example", "a:b", "*.example",
    "192.0.2.1", "example.1",         # like an address: no such name can be delegated
])  # fmt: skip
def test_what_could_not_be_looked_up_is_no_domain(text: str) -> None:
    """What is a ``Domain`` may stand in questions to DNS and in answers to MTAs."""
    with pytest.raises(NameSyntaxError):
        Domain.parse(text)


@pytest.mark.parametrize(("text", "said"), [
    ("", "a domain name has 1 to 253 bytes, got 0"),
    (f"{LONGEST}a", "a domain name has 1 to 253 bytes, got 254"),
    ("-a.example", "label '-a' is not a host name label"),
    ("x" * 100, f"label '{'x' * 70}' is not a host name label"),
    ("example.1", "'example.1' ends in digits, like an address"),
])  # fmt: skip
def test_what_is_wrong_with_a_name_is_told(text: str, said: str) -> None:
    """It stands in messages about configuration and lists; none of it fills a screen."""
    with pytest.raises(NameSyntaxError) as caught:
        Domain.parse(text)
    assert str(caught.value) == said


@pytest.mark.parametrize(("name", "has_dot"), [("example.com", True), ("localhost", False)])
def test_a_single_label_is_told_apart(name: str, *, has_dot: bool) -> None:
    """Some words of an MTA's answer are single labels, too."""
    assert Domain.parse(name).has_dot is has_dot


@pytest.mark.parametrize(("key", "why"), [
    ("", NoLookup.EMPTY),
    (".example.com", NoLookup.PARENT),
    (".", NoLookup.PARENT),
    ("/var/spool/lmtp", NoLookup.PATH),
    ("unix:private/lmtp", NoLookup.PATH),
    ("[", NoLookup.MALFORMED),
    ("[]", NoLookup.MALFORMED),
    ("[mx.example.com", NoLookup.MALFORMED),      # no bracket closes
    ("[mx.example.com]25", NoLookup.MALFORMED),   # no colon before the port
    ("[mx.example.com]:", NoLookup.MALFORMED),    # no port behind it
    ("mx.example.com:", NoLookup.MALFORMED),
    ("mx.example.com:25:25", NoLookup.MALFORMED),
    ("mx.example.com]", NoLookup.MALFORMED),
    ("192.0.2.1", NoLookup.LITERAL),
    ("[192.0.2.1]", NoLookup.LITERAL),
    ("[192.0.2.1]:25", NoLookup.LITERAL),
    ("[2001:db8::1]", NoLookup.LITERAL),
    ("::", NoLookup.LITERAL),                     # no digit at its end
    ("192.0.2", NoLookup.MALFORMED),              # neither an address nor a name
    ("a" * 100_000, NoLookup.MALFORMED),
    ("ü" * 100_000, NoLookup.MALFORMED),
])  # fmt: skip
def test_a_key_without_a_policy_says_why(key: str, why: NoLookup) -> None:
    """Nothing is looked up for it, and ``query --explain`` has the reason."""
    assert parse_next_hop(key) is why


@pytest.mark.parametrize(("key", "hop"), [
    ("example.com", NextHop(domain=Domain("example.com"))),
    ("[mx.example.com]", NextHop(domain=Domain("mx.example.com"), is_host=True)),
    ("[MX.example.com.]:smtp", NextHop(domain=Domain("mx.example.com"), port="smtp", is_host=True)),
    ("example.com:65535", NextHop(domain=Domain("example.com"), port="65535")),
    ("example.com:1", NextHop(domain=Domain("example.com"), port="1")),
    ("unix", NextHop(domain=Domain("unix"))),
    (LONGEST, NextHop(domain=Domain(LONGEST))),
    ("\u00fc" * 20 + ".example", NextHop(domain=Domain.parse("\u00fc" * 20 + ".example"))),
])  # fmt: skip
def test_a_next_hop_is_read_with_its_port_and_its_brackets(key: str, hop: NextHop) -> None:
    """Brackets forbid the MX look-up, so they are another next hop than the bare name."""
    assert parse_next_hop(key) == hop
