"""Postfix' answers to the byte, and what a hostile policy cannot make of them."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal import decision
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain
from mailseal.wire import patterns, postfix, sendmail, socketmap

DOMAIN = Domain("example.com")


def make_policy(
    *mx: str, lines: tuple[str, ...] | None = None, mode: Mode = Mode.ENFORCE
) -> Policy:
    """Make a policy; its patterns are not checked, as if every parser had let them pass."""
    if lines is None:
        lines = ("version: STSv1", f"mode: {mode}", *(f"mx: {m}" for m in mx), "max_age: 604800")
    return Policy(
        mode=mode,
        max_age=timedelta(days=7),
        mx=tuple(MxPattern(text) for text in mx),
        lines=lines,
    )


def enforced(
    *mx: str, only_hosts: tuple[str, ...] = (), lines: tuple[str, ...] | None = None
) -> decision.StsEnforced:
    """Make the decision to enforce a policy with these patterns."""
    hosts = tuple(Domain(host) for host in only_hosts)
    return decision.StsEnforced(
        domain=DOMAIN, policy=make_policy(*mx, lines=lines), only_hosts=hosts
    )


def attributes(reply: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Read an OK reply as Postfix does: a level, then words or braced words ``name = value``."""
    assert reply.startswith(b"OK ")
    words = re.findall(r"\{[^{}]*\}|[^ ,\t\r\n{}]+", reply[3:].decode("ascii"))
    pairs = []
    for word in words[1:]:
        name, equals, value = word.strip("{}").partition("=")
        assert equals, word
        pairs.append((name.strip(), value.strip()))
    return words[0], pairs


RFC_EXAMPLE = enforced("mx1.example.com", "*.example.net")
PLAIN = b"OK secure match=mx1.example.com:.example.net servername=hostname"
FULL = PLAIN + (
    b" policy_type=sts policy_domain=example.com"
    b" mx_host_pattern=mx1.example.com mx_host_pattern=*.example.net"
    b" { policy_string = version: STSv1 } { policy_string = mode: enforce }"
    b" { policy_string = mx: mx1.example.com } { policy_string = mx: *.example.net }"
    b" { policy_string = max_age: 604800 }"
)
TESTING_WORDS = (
    b" policy_type=sts policy_domain=example.com"
    b" { policy_string = version: STSv1 } { policy_string = mode: testing }"
    b" { policy_string = mx: mx1.example.com } { policy_string = max_age: 604800 }"
)


@pytest.mark.parametrize(
    ("policy", "plain", "full"),
    [
        (RFC_EXAMPLE, PLAIN, FULL),
        (decision.DaneRequired(), b"OK dane-only", b"OK dane-only"),
        (decision.DaneRequired(enforced=RFC_EXAMPLE), b"OK dane-only", b"OK dane-only"),
        (decision.DaneOpportunistic(), b"OK dane", b"OK dane"),
        (decision.Opportunistic(), b"NOTFOUND ", b"NOTFOUND "),
        (
            decision.Unavailable(reason="no MX allowed"),
            b"TEMP no MX allowed",
            b"TEMP no MX allowed",
        ),
    ],
)
def test_decisions_to_the_byte(policy: decision.DeliveryPolicy, plain: bytes, full: bytes) -> None:
    """Each decision has one form in each dialect."""
    assert postfix.render(policy, with_tlsrpt=False) == plain
    assert postfix.render(policy, with_tlsrpt=True) == full


@pytest.mark.parametrize(
    ("testing", "full"),
    [
        (postfix.TestingAnswer.NOTFOUND, b"NOTFOUND "),
        (
            postfix.TestingAnswer.DANE,
            b"OK dane" + TESTING_WORDS,
        ),
        (
            postfix.TestingAnswer.MAY,
            b"OK may" + TESTING_WORDS,
        ),
    ],
)
def test_testing_mode_never_filters_hosts(testing: postfix.TestingAnswer, full: bytes) -> None:
    """Testing is NOTFOUND, or a level that delivers with the policy's text and no MX pattern."""
    policy = decision.StsTesting(
        domain=DOMAIN, policy=make_policy("mx1.example.com", mode=Mode.TESTING)
    )
    assert postfix.render(policy, with_tlsrpt=True, testing=testing) == full
    assert postfix.render(policy, with_tlsrpt=False, testing=testing) == b"NOTFOUND "


def test_a_narrowed_answer_names_exact_hosts_only() -> None:
    """Narrowing replaces the patterns in both places; the policy's text stays as served."""
    policy = enforced("*.example.net", only_hosts=("a.example.net", "b.example.net"))
    level, pairs = attributes(postfix.render(policy, with_tlsrpt=True))
    assert level == "secure"
    assert ("match", "a.example.net:b.example.net") in pairs
    assert [v for n, v in pairs if n == "mx_host_pattern"] == ["a.example.net", "b.example.net"]
    assert ("policy_string", "mx: *.example.net") in pairs


@pytest.mark.parametrize(
    "pattern",
    [
        "hostname",  # a strategy of Postfix: trust whatever name the MX has
        "nexthop",  # a strategy
        "localhost",  # a single label
        "192.0.2.1",  # an address
        "2001:db8::1",  # colons separate the words of match=
        "a.example.com:nexthop",  # smuggles a strategy
        "a.example.com servername=x",  # smuggles an attribute
        "a.example.com,none",  # a comma separates attributes too
        "a.example.com}",  # ends a braced attribute
        "a.example.com\nmx: b",  # a line feed
        "a.example.com.",  # Postfix compares without a final dot
        "*.*.example.com",  # one star only
        "m*.example.com",  # a star is a label of its own
        ".example.com",  # in match= it would mean any depth
        "-a.example.com",  # no host name
        "MX.example.com",  # names here are lower case already
        "bücher.example",  # and A-labels
        "",  # nothing
        "*.",  # a star over nothing
        "a" * 64 + ".example.com",  # a label has 63 bytes
        "a." * 126 + "example",  # a name has 253 bytes
    ],
)
def test_odd_patterns_never_reach_postfix(pattern: str) -> None:
    """Whatever is no plain host pattern is dropped; with nothing left the mail waits."""
    beside = enforced(pattern, "mx.example.com", lines=())
    for with_tlsrpt in (False, True):
        _, pairs = attributes(postfix.render(beside, with_tlsrpt=with_tlsrpt))
        assert ("match", "mx.example.com") in pairs
        alone = postfix.render(enforced(pattern), with_tlsrpt=with_tlsrpt)
        assert alone == b"TEMP the MTA-STS policy of example.com names no usable MX host"


def test_duplicates_are_said_once() -> None:
    """A pattern or line repeated in the policy is not repeated to Postfix."""
    policy = enforced("a.example.com", "a.example.com", lines=("mx: a.example.com",) * 3)
    assert postfix.render(policy, with_tlsrpt=True) == (
        b"OK secure match=a.example.com servername=hostname"
        b" policy_type=sts policy_domain=example.com mx_host_pattern=a.example.com"
        b" { policy_string = mx: a.example.com }"
    )


@pytest.mark.parametrize(
    "line",
    [
        "x: } none {",  # would end the attribute and begin another
        "x: {",  # opens a brace for ever
        "x: a\tb",  # a control byte
        "x: \x7f",  # a control byte
        "x: ü",  # not ASCII
        "",  # nothing to say
        "   ",  # nothing to say
    ],
)
def test_policy_lines_that_break_the_grammar_are_dropped(line: str) -> None:
    """Braces, control bytes and other alphabets do not reach the attribute list."""
    policy = enforced("a.example.com", lines=("version: STSv1", line))
    _, pairs = attributes(postfix.render(policy, with_tlsrpt=True))
    assert [v for n, v in pairs if n == "policy_string"] == ["version: STSv1"]


def test_a_reply_too_long_loses_text_first_and_match_never() -> None:
    """Over 100 000 bytes all policy_string go, then all mx_host_pattern, then mail waits."""
    few = [f"mx{i}.example.com" for i in range(10)]
    long_text = tuple(f"x{i}: " + "y" * 1000 for i in range(100))
    _, pairs = attributes(postfix.render(enforced(*few, lines=long_text), with_tlsrpt=True))
    assert {name for name, _ in pairs} == {
        "match",
        "servername",
        "policy_type",
        "policy_domain",
        "mx_host_pattern",
    }
    many = [f"mx{i}.{'a' * 50}.example.com" for i in range(1000)]
    reply = postfix.render(enforced(*many), with_tlsrpt=True)
    _, pairs = attributes(reply)
    assert {name for name, _ in pairs} == {"match", "servername", "policy_type", "policy_domain"}
    assert len(dict(pairs)["match"].split(":")) == 1000
    too_many = [f"mx{i}.{'a' * 60}.{'a' * 60}.example.com" for i in range(1000)]
    for with_tlsrpt in (False, True):
        assert postfix.render(enforced(*too_many), with_tlsrpt=with_tlsrpt).startswith(b"TEMP ")


ALLOWED = {
    "match": re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*)*"),
    "servername": re.compile(r"hostname"),
    "policy_type": re.compile(r"sts"),
    "policy_domain": re.compile(r"example\.com"),
    "mx_host_pattern": re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*"),
    "policy_string": re.compile(r"[ -z|~]+"),
}
hostile = st.text("ab.*-_:=,{} \n1é", max_size=20) | st.text(max_size=20)


@given(
    mx=st.lists(hostile, max_size=4), only=st.lists(hostile, max_size=3), lines=st.lists(hostile)
)
def test_no_policy_smuggles_an_attribute(mx: list[str], only: list[str], lines: list[str]) -> None:
    """Whatever a policy says, Postfix reads ``secure``, the six known attributes, good values."""
    policy = enforced(*mx, only_hosts=tuple(only), lines=tuple(lines))
    for with_tlsrpt in (False, True):
        reply = postfix.render(policy, with_tlsrpt=with_tlsrpt)
        assert len(reply) <= socketmap.MAX_REPLY_BYTES
        if reply.startswith(b"TEMP "):
            assert not any(patterns.is_pattern(text) for text in only or mx)
            continue
        level, pairs = attributes(reply)
        assert level == "secure"
        assert [name for name, _ in pairs][:2] == ["match", "servername"]
        for name, value in pairs:
            assert ALLOWED[name].fullmatch(value), (name, value)


@pytest.mark.parametrize("with_tlsrpt", [False, True])
def test_a_zone_can_leave_the_server_name_to_main_cf(with_tlsrpt: bool) -> None:
    """As postfix-mta-sts-resolver with ``require_sni: false``; nothing else changes."""
    with_sni = postfix.render(RFC_EXAMPLE, with_tlsrpt=with_tlsrpt)
    without = postfix.render(RFC_EXAMPLE, with_tlsrpt=with_tlsrpt, sni=False)

    assert without == with_sni.replace(b" servername=hostname", b"")
    assert postfix.render_secure(DOMAIN, ["mx1.example.com"], sni=False) == (
        b"OK secure match=mx1.example.com"
    )


def test_doing_without_dane_takes_a_word_where_main_cf_says_dane() -> None:
    """NOTFOUND would leave main.cf's level in force."""
    assert postfix.render(decision.TlsOptional(), with_tlsrpt=False) == b"OK may"
    assert sendmail.render(decision.TlsOptional()) == b"NOTFOUND "
