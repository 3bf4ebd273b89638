"""The JSON form of an answer: what to do in one word, and everything it was made of."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from mailseal import decision
from mailseal.dane.exchange import Exchange, ExchangeUnknown, MxHost, MxSet
from mailseal.dane.host import HostState, TlsaState
from mailseal.dane.tlsa import TlsaRecord
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import Policy, parse_policy
from mailseal.names import Domain, NextHop
from mailseal.ruling import ModeChange, Ruling, Source
from mailseal.wire.policyjson import PolicyAnswer, action_of, describe

EXAMPLE = Domain("example.com")
MX = Domain("mx.example.com")
NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
TLSA = TlsaRecord(usage=3, selector=1, matching_type=1, data=bytes(32))


def policy(mode: str = "enforce", mx: str = "mx: *.example.com\n") -> Policy:
    """Parse a policy."""
    return parse_policy(f"version: STSv1\nmode: {mode}\n{mx}max_age: 86400\n".encode())


ENFORCED = decision.StsEnforced(domain=EXAMPLE, policy=policy())
UNKNOWN = ExchangeUnknown(reason="example.com: MX look-up: timeout")
HOSTS = Exchange(
    mx=MxSet(
        hosts=(MxHost(name=MX, preference=10), MxHost(name=Domain("b.example.net"), preference=20)),
        is_secure=True,
        ttl=timedelta(hours=1),
    ),
    states=(
        (
            MxHost(name=MX, preference=10),
            HostState(
                state=TlsaState.USABLE,
                ttl=timedelta(hours=1),
                base=Domain("real.example.com"),
                records=(TLSA,),
            ),
        ),
        (
            MxHost(name=Domain("b.example.net"), preference=20),
            HostState(state=TlsaState.FAILED, ttl=timedelta(0), reason="servfail"),
        ),
    ),
)


def answer(
    delivery: decision.DeliveryPolicy,
    *,
    ruling: Ruling | None = None,
    cached: CachedPolicy | None = None,
    exchange: Exchange | ExchangeUnknown = UNKNOWN,
) -> PolicyAnswer:
    """Describe an answer."""
    return describe(
        NextHop(domain=EXAMPLE),
        delivery,
        word="a-word",
        ruling=ruling or Ruling(policy=None, source=Source.NONE),
        cached=cached,
        exchange=exchange,
        fresh_for_s=1.04,
        usable_for_s=2.0,
        replies={"postfix": b"OK dane"},
    )


@pytest.mark.parametrize(("delivery", "action"), [
    (decision.DaneRequired(), "require-dane"),
    (decision.DaneOpportunistic(), "prefer-dane"),
    (ENFORCED, "require-certificate"),
    (decision.StsTesting(domain=EXAMPLE, policy=policy("testing")), "mta-default"),
    (decision.TlsOptional(), "any-tls"),
    (decision.Opportunistic(), "mta-default"),
    (decision.Unavailable(reason="no"), "defer"),
    # Nothing may be delivered by a policy without a usable pattern.
    (decision.StsEnforced(domain=EXAMPLE, policy=policy(mx="mx: localhost\n")), "defer"),
])  # fmt: skip
def test_every_decision_has_its_action(delivery: decision.DeliveryPolicy, action: str) -> None:
    """A simple sender looks at nothing else."""
    assert action_of(delivery) == action


def test_an_enforced_policy_names_the_hosts_that_are_allowed() -> None:
    """Patterns as they stand in the policy, or the hosts that it is narrowed to."""
    assert answer(ENFORCED).decision.allowed_mx == ["*.example.com"]
    narrowed = decision.StsEnforced(domain=EXAMPLE, policy=policy(), only_hosts=(MX,))
    assert answer(narrowed).decision.allowed_mx == ["mx.example.com"]
    assert answer(narrowed).tlsrpt[0].mx_host_pattern == ["mx.example.com"]


def test_a_policy_of_the_domains_own_has_its_dates_in_whole_seconds() -> None:
    """An override's or a pin's has none, whatever is cached."""
    cached = CachedPolicy(
        domain=EXAMPLE,
        id="7",
        policy=policy(),
        body=b"",
        fetched_at=NOW,
        expires_at=NOW + timedelta(days=1),
        id_checked_at=NOW,
        id_ttl=timedelta(hours=1),
        refetch_at=NOW,
    )
    own = answer(ENFORCED, ruling=Ruling(policy=policy(), source=Source.DOMAIN), cached=cached).sts
    assert own is not None
    assert (own.source, own.id, own.max_age_s) == ("domain", "7", 86400)
    assert msgspec.json.encode(own.fetched_at) == b'"2026-11-22T12:00:00Z"'

    ruling = Ruling(policy=policy(), source=Source.PIN, mode_changed_by=ModeChange.OVERRIDE)
    pinned = answer(ENFORCED, ruling=ruling, cached=cached).sts
    assert pinned is not None
    assert (pinned.source, pinned.id, pinned.expires_at) == ("pin", None, None)
    assert pinned.mode_changed_by == "override"


def test_hosts_are_told_with_their_dane_state() -> None:
    """Each with what was found, or why nothing was."""
    told = answer(decision.DaneRequired(), exchange=HOSTS).exchange

    assert (told.state, told.dnssec) == ("known", True)
    first, second = told.hosts
    assert (first.host, first.dane, first.tlsa_base) == (MX, "usable", "real.example.com")
    assert first.tlsa == ["3 1 1 " + "00" * 32]
    assert (second.dane, second.reason, second.covered) == ("failed", "servfail", None)


def test_reports_name_dane_by_host_under_its_base_domain() -> None:
    """RFC 8460 §4.4: the policy domain of DANE is where its records stand."""
    (told,) = answer(decision.DaneRequired(), exchange=HOSTS).tlsrpt

    assert (told.policy_type, told.policy_domain) == ("tlsa", "real.example.com")
    assert told.policy_string == ["3 1 1 " + "00" * 32]
    assert told.mx_host_pattern == []


@pytest.mark.parametrize(("delivery", "types"), [
    (decision.Opportunistic(), ["no-policy-found"]),
    (decision.DaneOpportunistic(), ["no-policy-found"]),  # no host has usable records
    (decision.StsTesting(domain=EXAMPLE, policy=policy("testing")), ["sts"]),
    (decision.DaneRequired(), []),                        # which host is not known
    (decision.Unavailable(reason="no"), []),              # nothing is delivered
])  # fmt: skip
def test_reports_name_what_applied(delivery: decision.DeliveryPolicy, types: list[str]) -> None:
    """And nothing where nothing can be said."""
    assert [one.policy_type for one in answer(delivery).tlsrpt] == types


@pytest.mark.parametrize("delivery", [
    ENFORCED,
    decision.StsEnforced(domain=EXAMPLE, policy=policy(), only_hosts=(MX,)),
    decision.DaneRequired(),
    decision.DaneOpportunistic(),
], ids=["enforced", "narrowed", "dane", "dane where there is"])  # fmt: skip
def test_an_answer_reads_back_as_it_was(delivery: decision.DeliveryPolicy) -> None:
    """The type is the format, both ways, whatever of it was a ``Domain`` before."""
    ruling = Ruling(policy=policy(), source=Source.OVERRIDE)
    made = answer(delivery, ruling=ruling, exchange=HOSTS)

    assert msgspec.json.decode(msgspec.json.encode(made), type=PolicyAnswer) == made
    assert made.decision.fresh_for_s == 1.0
    assert made.replies == {"postfix": "OK dane"}
