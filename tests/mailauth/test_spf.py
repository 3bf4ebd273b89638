"""SPF records: what receivers take for an error (RFC 7208)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.mailauth.spf import SpfSyntaxError, parse_record, select_records


@pytest.mark.parametrize(
    ("text", "default", "lookups"),
    [
        (b"v=spf1 -all", "fail", 0),
        (b"V=SPF1 mx ~ALL ", "softfail", 1),  # mechanisms have no case
        (b"v=spf1  a mx:mail.example.com/24//64 include:_spf.example.net ?all", "neutral", 3),
        (b"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 +all", "pass", 0),
        (b"v=spf1 exists:%{i}._spf.%{d2} redirect=_spf.example.net", "", 2),
        (b"v=spf1 -all redirect=_spf.example.net", "fail", 0),  # void behind all: RFC 7208 §6.1
        (b"v=spf1 a", "neutral", 1),  # RFC 7208 §4.7
        (b"v=spf1 all x-note=something exp=why.%{d}", "pass", 0),
        (b"v=spf1", "neutral", 0),
    ],
)
def test_a_good_record_tells_its_default_and_its_look_ups(
    text: bytes, default: str, lookups: int
) -> None:
    """What everybody else gets, and how many terms make receivers ask DNS."""
    record = parse_record(text)
    assert (record.default, record.lookups) == (default, lookups)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"v=spf1 ipv4:192.0.2.1 -all", 'Write "ip4:'),
        (b"v=spf1 ipv6:2001:db8::1 -all", 'Write "ip6:'),
        (b"v=spf1 192.0.2.1 -all", "bare address"),
        (b"v=spf1 ip4:192.0.2.256 -all", "no ip4 network"),
        (b"v=spf1 ip4:192.0.2.0/33 -all", "no ip4 network"),
        (b"v=spf1 ip4:192.0.2.0/024 -all", "no ip4 network"),  # no leading zero
        (b"v=spf1 ip4:192.0.2.0/255.255.255.0 -all", "no ip4 network"),  # a netmask
        (b"v=spf1 ip6:fe80::1%eth0 -all", "no ip6 network"),
        (b"v=spf1 ip4 -all", "lacks its colon"),
        (b"v=spf1 include -all", "lacks its colon"),
        (b"v=spf1 include:example -all", "no domain"),
        (b"v=spf1 a:example..com -all", "no domain"),
        (b"v=spf1 mx:example.-com -all", "no domain"),
        (b"v=spf1 a/33 -all", "no prefix length"),
        (b"v=spf1 a:mail.example.com//129 -all", "no prefix length"),
        (b"v=spf1 mx, -all", "does not belong there"),  # commas between terms
        (b"v=spf1 -all.", "does not belong there"),
        (b"v=spf1 exists:%{x}.example.com -all", "macro"),
        (b"v=spf1 a:%{c}.example.com -all", "macro"),  # only in explanations: RFC 7208 §7.2
        (b"v=spf1 x-note=%z -all", "macro"),
        (b"v=spf1 redirect=a.example redirect=b.example", "twice"),
        (b"v=spf1 sends=mail incl:example.com", "no mechanism"),
        (b"v=spf1 \xe2\x80\x93all", "not ASCII"),  # a dash by a word processor
        (b"v=spf1\t-all", "no mechanism"),
    ],
)
def test_the_mistake_is_named_in_words(text: bytes, words: str) -> None:
    """Receivers treat the whole record as an error, whatever else is in it (RFC 7208 §4.6)."""
    with pytest.raises(SpfSyntaxError) as raised:
        parse_record(text)
    assert words in str(raised.value)
    assert str(raised.value).isascii()


def test_only_records_of_spf_are_selected() -> None:
    """Version 10 is another one; strings are joined (RFC 7208 §3.3, §4.5)."""
    records = [[b"v=spf1 ", b"-all"], [b"v=spf10 -all"], [b"google-site=1"], [b"v=spf1"]]
    assert select_records(records) == (b"v=spf1 -all", b"v=spf1")


WORDS = "a mx all ip4 ip6 include exists ptr redirect exp : = / // % %{d} { } . , - + ~ \u00e9 \t"
PIECES = st.sampled_from((*WORDS.split(" "), "example.com", "192.0.2.1", "2001:db8::", " ", " "))


@given(st.lists(PIECES, max_size=20).map("".join))
def test_any_text_is_a_record_or_our_own_error(text: str) -> None:
    """Nothing but SpfSyntaxError is raised."""
    try:
        record = parse_record(b"v=spf1 " + text.encode())
    except SpfSyntaxError:
        return
    assert record.default or record.redirect
