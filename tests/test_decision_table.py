"""The answer table whole, row by row and setting by setting, to the bytes that MTAs get.

A row's id is its words in the table, then the MX set it is tried with: ``U10 N20`` is a host with
usable TLSA records at preference 10 and one without any at 20; X is unusable, F failed.
"""

import re
from datetime import timedelta

import pytest

from mailseal.config import parse
from mailseal.dane.exchange import Exchange, ExchangeUnknown
from mailseal.decision import MAX_TEMP_UNLEARNT, PartialDane, Rules, decide
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import NoLookup, parse_next_hop
from mailseal.overrides import DaneOverride, Match, Override, Scope, StsOverride
from mailseal.ruling import rule_dane, rule_sts
from mailseal.wire import postfix, sendmail
from mailseal.wiring.rules import decision_rules
from tests.mxsets import DOMAIN, exchange, null_mx, policy, without_mx

Seen = Exchange | ExchangeUnknown

NO_ENFORCEMENT = (None, policy(mode=Mode.TESTING), policy(mode=Mode.NONE))
JUST_BEFORE = MAX_TEMP_UNLEARNT - timedelta(seconds=1)


def word(reply: bytes) -> str:
    """Shorten a reply to its word; of an answer that is narrowed, with the hosts it names."""
    status, _, rest = reply.decode().partition(" ")
    if status != "OK":
        return status
    level = rest.partition(" ")[0]
    named = re.findall(r"\b(mx\d)\.example\.com", rest)
    return " ".join([level, *named])


def answers(seen: Seen, found: Policy | None, rules: Rules | None = None) -> tuple[str, str]:
    """Give Postfix's word and Sendmail's, which is Exim's as well."""
    delivery = decide(DOMAIN, seen, found, rules or Rules())
    return word(postfix.render(delivery, with_tlsrpt=False)), word(sendmail.render(delivery))


def row(text: str, hosts: str, *answers: str) -> object:
    """Make a row with a signed MX set."""
    return pytest.param(exchange(hosts), *answers, id=f"{text}: {hosts}")


def insecure(text: str, hosts: str, *answers: str) -> object:
    """Make a row with an MX set that anybody can forge."""
    return pytest.param(exchange(hosts, is_secure=False), *answers, id=f"{text}: {hosts}")


def failed(text: str, seen: ExchangeUnknown, *answers: str) -> object:
    """Make a row without an MX set."""
    return pytest.param(seen, *answers, id=f"MX look-up failed, {text}")


@pytest.mark.parametrize("key", [
    pytest.param(".example.com", id="parent key"),
    pytest.param("[192.0.2.25]:25", id="literal"),
    pytest.param("[IPv6:2001:db8::25]", id="literal of IPv6"),
    pytest.param("unix:/run/lmtp.sock", id="path"),
    pytest.param("exa mple.com", id="unparsable"),
])  # fmt: skip
def test_a_key_that_can_have_no_policy_is_not_looked_up(key: str) -> None:
    """Nothing is asked for them; the answerer says NOTFOUND by itself."""
    assert isinstance(parse_next_hop(key), NoLookup)


@pytest.mark.parametrize(
    ("seen", "with_policy", "sendmail_with_policy", "otherwise"),
    [
        pytest.param(null_mx(), "NOTFOUND", "NOTFOUND", "NOTFOUND", id="null MX"),
        insecure("MX set insecure, all N", "N10 N20", "secure", "secure", "NOTFOUND"),
        insecure("MX set insecure, some host U", "U10", "secure", "secure", "dane"),
        insecure("MX set insecure, some host U", "N10 U20", "secure", "secure", "dane"),
        insecure("MX set insecure, some host X", "X10 N20", "secure", "secure", "dane"),
        insecure("MX set insecure, some host F", "F10", "secure", "secure", "dane"),
        row("all U", "U10", "dane-only", "secure", "dane-only"),
        row("all U", "U10 U20", "dane-only", "secure", "dane-only"),
        row("U and F only", "U10 F20", "dane-only", "secure", "dane"),
        row("U and F only", "F10 U20", "dane-only", "secure", "dane"),
        row("U with N or X, a best is U", "U10 N20", "dane-only", "secure", "dane"),
        row("U with N or X, a best is U", "U10 X20", "dane-only", "secure", "dane"),
        row("U with N or X, a best is U", "U10 N10", "dane-only", "secure", "dane"),
        # A host that cannot be judged now can be used by nobody, so it is not the best.
        row("U with N or X, a best is U", "F10 U20 N30", "dane-only", "secure", "dane"),
        row("U with N or X, best N or X", "N10 U20", "secure mx1", "secure", "dane"),
        row("U with N or X, best N or X", "X10 U20", "secure mx1", "secure", "dane"),
        row("U with N or X, best N or X", "N10 U20 X30", "secure mx1 mx3", "secure", "dane"),
        row("U with N or X, best N or X", "F10 N20 U30", "secure mx2", "secure", "dane"),
        row("X, or X and N", "X10", "secure", "secure", "dane"),
        row("X, or X and N", "X10 N20", "secure", "secure", "dane"),
        row("X, or X and N", "N10 X20", "secure", "secure", "dane"),
        row("N and F", "N10 F20", "secure mx1", "secure", "dane"),
        row("N and F", "F10 N20", "secure mx2", "secure", "dane"),
        row("X and F", "X10 F20", "secure mx1", "secure", "dane"),
        row("F only", "F10", "dane-only", "secure", "dane"),
        row("F only", "F10 F20", "dane-only", "secure", "dane"),
        failed("last U", without_mx("U"), "dane-only", "secure", "dane"),
        failed("last mixed", without_mx("mixed"), "dane-only", "secure", "dane"),
        failed("last all N", without_mx("N"), "secure", "secure", "dane"),
        failed("never learnt", without_mx(), "TEMP", "secure", "dane"),
        failed("never learnt, almost 4 hours", without_mx("", JUST_BEFORE),
               "TEMP", "secure", "dane"),
        failed("never learnt, 4 hours", without_mx("", MAX_TEMP_UNLEARNT),
               "secure", "secure", "dane"),
        row("N on all", "N10", "secure", "secure", "NOTFOUND"),
        row("N on all", "N10 N20", "secure", "secure", "NOTFOUND"),
    ],
)  # fmt: skip
def test_each_row_has_its_answer(
    seen: Seen, with_policy: str, sendmail_with_policy: str, otherwise: str
) -> None:
    """Each row, with an enforce policy that covers every host, and without one.

    A policy in mode testing or none counts as no enforce policy; Sendmail and Exim then get
    NOTFOUND in every row.
    """
    assert answers(seen, policy()) == (with_policy, sendmail_with_policy)
    for found in NO_ENFORCEMENT:
        assert answers(seen, found) == (otherwise, "NOTFOUND")


STRANGERS = policy("mx.example.net")  # covers none of the hosts
NO_PATTERN = policy("localhost")  # a single label never reaches match=


@pytest.mark.parametrize(("seen", "found", "expected"), [
    pytest.param(seen, found, expected, id=f"{about}, {where}")
    for where, seen, stranger, pattern in [
        ("MX set insecure", exchange("N10", is_secure=False), "TEMP", "TEMP"),
        ("N on all", exchange("N10 N20"), "TEMP", "TEMP"),
        ("X", exchange("X10"), "TEMP", "TEMP"),
        ("N and F", exchange("N10 F20"), "TEMP", "TEMP"),
        ("F only", exchange("F10"), "TEMP", "TEMP"),
        ("unless DANE decides, all U", exchange("U10"), "dane-only", "dane-only"),
        ("unless DANE decides, U and F", exchange("U10 F20"), "dane-only", "dane-only"),
        ("unless DANE decides, U first", exchange("U10 N20"), "dane-only", "dane-only"),
        ("MX look-up failed, last all N", without_mx("N"), "secure", "TEMP"),
    ]
    for about, found, expected in [
        ("E allows no MX name", STRANGERS, stranger),
        ("E has no usable pattern", NO_PATTERN, pattern),
    ]
])  # fmt: skip
def test_a_policy_that_allows_nobody_holds_mail_unless_dane_decides(
    seen: Seen, found: Policy, expected: str
) -> None:
    """TEMP, so that no MTA returns the mail; only DANE that decides stands above it."""
    assert answers(seen, found)[0] == expected


@pytest.mark.parametrize(("words", "hosts", "expected"), [
    pytest.param(words, hosts, expected, id=f"override {words}: {hosts}")
    for words, hosts, expected in [
        ("sts=off", "N10", ("NOTFOUND", "NOTFOUND")),
        ("sts=off", "U10", ("dane-only", "NOTFOUND")),
        ("sts=testing", "N10", ("NOTFOUND", "NOTFOUND")),
        ("sts=testing", "X10", ("dane", "NOTFOUND")),
        ("sts=enforce mx=mx2.example.com", "N10 N20", ("secure mx2", "secure mx2")),
        ("dane=off", "U10", ("secure", "secure")),
        ("dane=off", "F10", ("secure", "secure")),
        ("dane=testing", "U10", ("secure", "secure")),
        ("dane=enforce", "N10", ("dane-only", "secure")),
        ("dane=enforce", "X10", ("dane-only", "secure")),
        ("sts=off dane=off", "U10 N20", ("NOTFOUND", "NOTFOUND")),
        ("sts=off dane=enforce", "N10", ("dane-only", "NOTFOUND")),
    ]
])  # fmt: skip
def test_an_override_counts_as_written(words: str, hosts: str, expected: tuple[str, str]) -> None:
    """As written, for each protocol by itself, before what a domain with a policy publishes."""
    said = dict(one.split("=") for one in words.split())
    override = Override(
        domains=(Scope(DOMAIN),),
        sts=StsOverride(said["sts"]) if "sts" in said else None,
        dane=DaneOverride(said["dane"]) if "dane" in said else None,
        mx=(MxPattern(said["mx"]),) if "mx" in said else (),
    )
    match = Match(scope=Scope(DOMAIN), override=override)
    ruling = rule_sts(policy(), pin=None, match=match, strict_testing=False)
    rules = rule_dane(Rules(), match, default_wants_dane=False)

    assert answers(exchange(hosts), ruling.policy, rules) == expected


@pytest.mark.parametrize(("partial", "hosts", "expected"), [
    pytest.param(partial, hosts, expected, id=f"partial={partial}: {hosts}")
    for hosts, by_preference, dane_only, narrow in [
        ("U10 N20", "dane-only", "dane-only", "secure mx2"),
        ("U10 X20", "dane-only", "dane-only", "secure mx2"),
        ("U10 N10", "dane-only", "dane-only", "secure mx2"),
        ("N10 U20", "secure mx1", "dane-only", "secure mx1"),
        ("X10 U20", "secure mx1", "dane-only", "secure mx1"),
        ("F10 U20 N30", "dane-only", "dane-only", "secure mx3"),
        ("F10 N20 U30", "secure mx2", "dane-only", "secure mx2"),
        # Not partial: the setting changes nothing
        ("U10", "dane-only", "dane-only", "dane-only"),
        ("U10 F20", "dane-only", "dane-only", "dane-only"),
        ("X10 N20", "secure", "secure", "secure"),
        ("N10 F20", "secure mx1", "secure mx1", "secure mx1"),
        ("F10", "dane-only", "dane-only", "dane-only"),
        ("N10", "secure", "secure", "secure"),
    ]
    for partial, expected in zip(PartialDane, (by_preference, dane_only, narrow), strict=True)
])  # fmt: skip
def test_partial_chooses_for_mixed_mx_sets_alone(
    partial: PartialDane, hosts: str, expected: str
) -> None:
    """``partial`` in ``[dane]`` chooses between DANE and the policy for a mixed MX set alone."""
    rules = decision_rules(parse(f'[dane]\npartial = "{partial}"\n'))

    assert answers(exchange(hosts), policy(), rules) == (expected, "secure")
    assert answers(exchange(hosts), None, rules) == answers(exchange(hosts), None)


@pytest.mark.parametrize("seen", [
    *(pytest.param(exchange(hosts), id=f"dane off: {hosts}")
      for hosts in ("U10", "X10", "N10", "F10", "U10 N20", "N10 U20", "N10 F20")),
    pytest.param(exchange("U10", is_secure=False), id="dane off: MX set insecure"),
    *(pytest.param(without_mx(last), id=f"dane off: MX look-up failed, last {last or 'unknown'}")
      for last in ("U", "mixed", "N", "")),
])  # fmt: skip
def test_an_mta_without_dane_is_never_told_of_it(seen: Seen) -> None:
    """``enabled = false`` in ``[dane]``: the policy alone decides, and no word of DANE is said."""
    rules = decision_rules(parse("[dane]\nenabled = false\n"))

    assert answers(seen, policy(), rules) == ("secure", "secure")
    for found in NO_ENFORCEMENT:
        assert answers(seen, found, rules) == ("NOTFOUND", "NOTFOUND")


OPPORTUNISTIC = [
    *(pytest.param(exchange(hosts), id=hosts)
      for hosts in ("X10", "F10", "U10 F20", "U10 N20", "N10 U20", "N10 F20")),
    pytest.param(exchange("U10", is_secure=False), id="MX set insecure, U10"),
    pytest.param(without_mx("U"), id="MX look-up failed"),
]  # fmt: skip


@pytest.mark.parametrize("seen", OPPORTUNISTIC)
@pytest.mark.parametrize(("level", "expected"), [
    pytest.param(level, expected, id=f"mta_default={level}")
    for level, expected in [
        ("none", "dane"),
        ("may", "dane"),
        ("encrypt", "dane"),
        ("dane", "NOTFOUND"),
        ("dane-only", "NOTFOUND"),
        ("verify", "NOTFOUND"),
        ("secure", "NOTFOUND"),
    ]
])  # fmt: skip
def test_nothing_weaker_than_the_mtas_own_default_is_answered(
    level: str, expected: str, seen: Seen
) -> None:
    """Where main.cf says dane or more, "dane" would only weaken it; nothing else changes."""
    rules = decision_rules(parse(f'[answers]\nmta_default = "{level}"\n'))

    for found in NO_ENFORCEMENT:
        assert answers(seen, found, rules) == (expected, "NOTFOUND")
    assert answers(seen, policy(), rules) == answers(seen, policy())
    assert answers(exchange("U10"), None, rules) == ("dane-only", "NOTFOUND")
    assert answers(exchange("N10"), None, rules) == ("NOTFOUND", "NOTFOUND")
