"""What weighs DANE and an enforce policy beyond the table: reasons, coverage, doubt, narrowing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.dane.exchange import DaneSummary, Exchange, ExchangeUnknown, MxHost, MxSet
from mailseal.decision import (
    MAX_TEMP_UNLEARNT,
    DaneOpportunistic,
    DaneRequired,
    DeliveryPolicy,
    Opportunistic,
    PartialDane,
    Rules,
    StsEnforced,
    StsTesting,
    TlsOptional,
    Unavailable,
    decide,
)
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from tests.mxsets import DOMAIN, exchange, policy


def word(delivery: DeliveryPolicy) -> str:
    """Return Postfix's word for a decision, with the hosts it is narrowed to."""
    match delivery:
        case DaneRequired():
            return "dane-only"
        case DaneOpportunistic():
            return "dane"
        case StsEnforced(only_hosts=()):
            return "secure"
        case StsEnforced(only_hosts=hosts):
            return "secure " + " ".join(host.partition(".")[0] for host in hosts)
        case Unavailable():
            return "TEMP"
        case TlsOptional():
            return "may"
        case StsTesting() | Opportunistic():
            return "NOTFOUND"


def test_an_unreachable_dns_holds_mail_back_for_four_hours_at_most() -> None:
    """A TEMP for want of any verdict ends, and names the domain and the cause while it lasts."""
    just_before = ExchangeUnknown(
        reason="example.com: MX look-up: timeout",
        failing_for=MAX_TEMP_UNLEARNT - timedelta(seconds=1),
    )
    after = ExchangeUnknown(reason="", failing_for=MAX_TEMP_UNLEARNT)

    held = decide(DOMAIN, just_before, policy(), Rules())

    assert isinstance(held, Unavailable)
    assert "example.com: MX look-up: timeout" in held.reason
    assert held.enforced is not None  # what a sender without DANE goes by
    assert word(decide(DOMAIN, after, policy(), Rules())) == "secure"


def test_a_policy_that_allows_no_mx_host_holds_mail_back() -> None:
    """Postfix would bounce where one MX does not exist and another is not allowed."""
    delivery = decide(DOMAIN, exchange("N10 N20"), policy("mx.example.net"), Rules())

    assert isinstance(delivery, Unavailable)
    assert delivery.blames_policy
    assert "mx1.example.com, mx2.example.com" in delivery.reason
    assert delivery.enforced is None


def test_a_reason_names_three_hosts_at_most() -> None:
    """An MTA logs it with every mail; a set without any host is told as that."""
    many = decide(DOMAIN, exchange("N10 N20 N30 N40 N50"), policy("mx.example.net"), Rules())
    three = decide(DOMAIN, exchange("N10 N20 N30"), policy("mx.example.net"), Rules())
    none = decide(DOMAIN, exchange(""), policy("mx.example.net"), Rules())

    assert isinstance(many, Unavailable)
    assert many.reason.endswith("(mx1.example.com, mx2.example.com, mx3.example.com and 2 more)")
    assert isinstance(three, Unavailable)
    assert three.reason.endswith("mx3.example.com)")
    assert isinstance(none, Unavailable)
    assert none.reason.endswith("(none)")


@pytest.mark.parametrize(
    ("hosts", "answer"),
    [
        ("U10", "dane-only"),
        ("N10 U20", "dane-only"),  # mx1 is neither allowed nor under DANE; mx2 is under DANE
    ],
)
def test_dane_decides_whatever_hosts_the_policy_lists(hosts: str, answer: str) -> None:
    """MTA-STS must not override DANE (RFC 8461 §2)."""
    assert word(decide(DOMAIN, exchange(hosts), policy("mx.example.net"), Rules())) == answer


def test_only_hosts_that_the_policy_covers_are_left_after_narrowing() -> None:
    """A narrowed answer names the exact hosts, each allowed by the policy."""
    seen = exchange("N10 N10 U20")

    delivery = decide(DOMAIN, seen, policy("mx2.example.com"), Rules())

    assert word(delivery) == "secure mx2"


@pytest.mark.parametrize("patterns", [("localhost",), ("localhost", "mx")])
def test_a_policy_without_a_pattern_for_the_mta_holds_mail_back(patterns: tuple[str, ...]) -> None:
    """A single label is a word of its own in Postfix's match= and never gets there."""
    delivery = decide(DOMAIN, exchange("N10"), policy(*patterns), Rules())
    assert isinstance(delivery, Unavailable)
    assert delivery.blames_policy
    unknown = ExchangeUnknown(reason="", last=DaneSummary.NONE)
    assert word(decide(DOMAIN, unknown, policy(*patterns), Rules())) == "TEMP"


@pytest.mark.parametrize("hosts", ["U10", "N10", "U10 N20", "F10", "N10 U20"])
@pytest.mark.parametrize(
    ("last", "enforced"),
    [
        (DaneSummary.ALL_USABLE, "dane-only"),
        (DaneSummary.MIXED, "dane-only"),
        (DaneSummary.NONE, "secure"),
        (None, "secure"),
    ],
)
@pytest.mark.parametrize("is_secure", [True, False])
def test_what_no_resolver_has_validated_weakens_nothing(
    hosts: str, last: DaneSummary | None, enforced: str, is_secure: bool
) -> None:
    """Whatever DNS seems to say, what was proven stays, and the MTA may do DANE by itself."""
    seen = replace(exchange(hosts, is_secure=is_secure), unvalidated="no AD", last=last)

    assert seen.summary is None
    assert word(decide(DOMAIN, seen, policy(), Rules())) == enforced
    assert word(decide(DOMAIN, seen, None, Rules())) == "dane"
    assert word(decide(DOMAIN, seen, policy(mode=Mode.TESTING), Rules())) == "dane"
    assert word(decide(DOMAIN, seen, None, Rules(default_is_dane=True))) == "NOTFOUND"
    assert word(decide(DOMAIN, seen, None, Rules(has_dane=False))) == "NOTFOUND"
    assert word(decide(DOMAIN, seen, policy(), Rules(has_dane=False))) == "secure"


def test_a_policy_still_has_to_allow_an_mx_that_nobody_validated() -> None:
    """Its list of hosts is what protects where DNSSEC does not."""
    seen = replace(exchange("N10"), unvalidated="no AD")

    assert word(decide(DOMAIN, seen, policy("mx.example.net"), Rules())) == "TEMP"


@pytest.mark.parametrize(
    ("patterns", "answer"),
    [
        (("mx1.example.com",), "dane-only"),  # allows only the host that cannot be judged now
        (("mx2.example.com",), "secure mx2"),
        (("mx.example.net",), "TEMP"),
    ],
)
def test_a_host_that_cannot_be_judged_now_is_left_out_or_waited_for(
    patterns: tuple[str, ...], answer: str
) -> None:
    """With F and N, the N hosts that the policy covers count; else it is as strict as DANE."""
    assert word(decide(DOMAIN, exchange("F10 N20"), policy(*patterns), Rules())) == answer


@pytest.mark.parametrize(
    ("hosts", "answer"),
    [
        ("N10 U20", "dane-only"),      # the policy covers only the host with TLSA records
        ("X10 U20", "dane-only"),
        ("U10 N20", "dane-only"),
    ],
)  # fmt: skip
def test_narrowing_to_nobody_leaves_dane(hosts: str, answer: str) -> None:
    """Where the policy covers none of the hosts without DANE, those with it are what is left."""
    usable = "mx1" if hosts.startswith("U") else "mx2"
    seen, covering = exchange(hosts), policy(f"{usable}.example.com")

    for choice in PartialDane:
        assert word(decide(DOMAIN, seen, covering, Rules(partial_dane=choice))) == answer


@pytest.mark.parametrize("default_is_dane", [True, False])
@pytest.mark.parametrize("choice", list(PartialDane))
@pytest.mark.parametrize("hosts", ["U10", "X10", "N10", "F10", "U10 N20", "N10 U20", "N10 F20"])
def test_the_mtas_default_never_touches_an_enforce_policy(
    hosts: str, choice: PartialDane, default_is_dane: bool
) -> None:
    """``mta_default`` is about what is answered without one."""
    rules = Rules(partial_dane=choice, default_is_dane=default_is_dane)
    plain = Rules(partial_dane=choice)

    assert decide(DOMAIN, exchange(hosts), policy(), rules) == decide(
        DOMAIN, exchange(hosts), policy(), plain
    )


def test_without_a_host_that_has_an_address_the_policy_is_compared_with_the_names() -> None:
    """A host without any address is no host for DANE; its name still has to be allowed."""
    mx = MxSet(
        hosts=(MxHost(name=Domain("mx1.example.com"), preference=10),),
        is_secure=True,
        ttl=timedelta(minutes=5),
    )
    empty = Exchange(mx=mx, states=())

    assert word(decide(DOMAIN, empty, policy(), Rules())) == "secure"
    assert word(decide(DOMAIN, empty, policy("mx.example.net"), Rules())) == "TEMP"
    assert word(decide(DOMAIN, empty, None, Rules())) == "NOTFOUND"


def test_testing_mode_is_kept_for_profiles_that_report_it() -> None:
    """A testing policy changes no delivery but is handed on (RFC 8461 §5)."""
    delivery = decide(DOMAIN, exchange("N10"), policy(mode=Mode.TESTING), Rules())

    assert isinstance(delivery, StsTesting)
    assert delivery.policy.mode is Mode.TESTING
    assert decide(DOMAIN, exchange("N10"), policy(mode=Mode.NONE), Rules()) == Opportunistic()


@pytest.mark.parametrize(
    ("hosts", "rules", "enforced", "otherwise"),
    [
        # The operator requires DANE, whatever is published
        ("U10", Rules(requires_dane=True), "dane-only", "dane-only"),
        ("N10", Rules(requires_dane=True), "dane-only", "dane-only"),
        ("F10", Rules(requires_dane=True), "dane-only", "dane-only"),
        # ... or does without, although main.cf says dane
        ("U10", Rules(has_dane=False, overrules_default=True), "secure", "may"),
        ("N10", Rules(has_dane=False, overrules_default=True), "secure", "may"),
        ("U10", Rules(has_dane=False), "secure", "NOTFOUND"),
    ],
)
def test_an_operators_word_about_dane_goes_before_what_is_published(
    hosts: str, rules: Rules, enforced: str, otherwise: str
) -> None:
    """As written, whatever the hosts' states are; only a null MX needs no word."""
    seen = exchange(hosts)

    assert word(decide(DOMAIN, seen, policy(), rules)) == enforced
    assert word(decide(DOMAIN, seen, None, rules)) == otherwise
    assert word(decide(DOMAIN, seen, policy(mode=Mode.TESTING), rules)) == otherwise


def test_dane_that_is_required_comes_with_a_policy_only_where_that_can_be_kept() -> None:
    """Senders without DANE go by the policy; one that no host can match is none to go by."""
    rules = Rules(requires_dane=True)

    kept = decide(DOMAIN, exchange("U10"), policy(), rules)
    assert isinstance(kept, DaneRequired)
    assert kept.enforced == StsEnforced(domain=DOMAIN, policy=policy())
    assert decide(DOMAIN, exchange("U10"), policy("localhost"), rules) == DaneRequired()


@pytest.mark.parametrize(
    ("with_address", "answer"),
    [
        ("mx1", "TEMP"),  # the allowed host does not exist, the attacker's does
        ("mx2", "secure"),
        ("mx1 mx2", "secure"),
    ],
)
def test_an_allowed_name_that_does_not_exist_is_no_way_out(with_address: str, answer: str) -> None:
    """Beside a stranger it would let Postfix return the mail instead of keeping it."""
    seen = exchange("N10 N20", is_secure=False)
    states = tuple(
        pair for pair in seen.states if pair[0].name.partition(".")[0] in with_address.split()
    )

    delivery = decide(DOMAIN, replace(seen, states=states), policy("mx2.example.com"), Rules())

    assert word(delivery) == answer
    assert not isinstance(delivery, Unavailable) or delivery.blames_policy


def test_hosts_that_nobody_asked_about_may_have_addresses() -> None:
    """Only a survey can find an allowed host missing."""
    seen = replace(exchange("N10 N20", is_secure=False), states=(), is_surveyed=False)

    assert word(decide(DOMAIN, seen, policy("mx2.example.com"), Rules())) == "secure"
