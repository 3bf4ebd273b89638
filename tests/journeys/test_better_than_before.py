"""What the policy daemons before mailseal got wrong, and the test that shows it right.

``SHOWN_BY`` names the tests of each such thing. Most stand where the part itself is tested; those
that need the whole way from DNS and policy host to an MTA's bytes stand here.
"""

import ast
import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailseal.config import Config
from mailseal.names import NextHop, parse_next_hop
from mailseal.services.policyservice import PolicyService
from mailseal.wire import postfix
from tests.faces.world import World

TESTS = Path(__file__).parents[1]

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "an enforce policy never overrides DANE": (
        "test_a_signed_domain_with_tlsa_goes_by_dane_beside_an_enforce_policy",
        "test_postfix_delivers_by_dane_first_and_by_the_policy_else",
    ),
    "TLSA records are found at the CNAME-expanded name": (
        "test_tlsa_is_looked_up_at_the_cname_expanded_name_first",
    ),
    "a TLSA record 3 1 0 needs no certificate to be usable": ("test_which_records_smtp_can_use",),
    "one look-up that fails concerns its own host": (
        "test_one_host_whose_tlsa_cannot_be_looked_up_spoils_no_other",
    ),
    "TEMP has a reason": ("test_a_policy_that_allows_no_mx_holds_mail_with_its_reason",),
    "partial DANE beside an enforce policy follows preference": (
        "test_each_row_has_its_answer",
        "test_a_worse_host_with_tlsa_does_not_go_before_a_better_one_without",
    ),
    "DANE on an unsigned MX set leaves an enforce policy enforced": (
        "test_each_row_has_its_answer",
        "test_each_kind_of_domain_gets_the_answer_of_the_table",
    ),
    "an id is checked on its TTL, behind the answer": (
        "test_the_records_ttl_counts_within_bounds",
        "test_a_new_id_brings_the_new_policy_without_a_restart",
    ),
    "an old id is checked before the answer": (
        "test_an_id_checked_over_an_hour_ago_is_checked_before_the_answer",
        "test_a_policy_withdrawn_before_the_last_attempt_no_longer_holds_mail",
    ),
    "only a fetch extends a policy": ("test_an_id_that_stays_never_extends_a_policy",),
    "a policy is fetched at least daily": ("test_a_policy_nobody_asks_for_is_fetched_daily",),
    "negative answers are cached": ("test_absence_is_remembered_for_its_ttl_and_an_hour_at_most",),
    "many callers make one fetch": ("test_ten_thousand_first_askers_make_one_fetch",),
    "failures are answered from memory, DNS gone or not": (
        "test_a_known_domain_is_answered_from_memory_while_dns_is_gone",
        "test_known_domains_are_answered_at_once_without_dns",
    ),
    "the first duplicate wins": ("test_the_first_of_two_fields_counts",),
    "blank lines are tolerated": ("test_blank_lines_do_not_kill_a_policy",),
    "no attribute is smuggled through mx": (
        "test_nothing_of_a_policy_but_host_names_reaches_match",
        "test_no_policy_smuggles_an_attribute",
        "test_a_policy_smuggles_nothing_into_an_answer",
    ),
    "match= is never empty": ("test_a_policy_without_usable_pattern_is_never_match_of_none",),
    "hostile keys are not found": ("test_an_odd_key_is_not_found",),
    "U-labels are looked up and answered as A-labels": (
        "test_u_labels_become_a_labels_in_look_ups_and_reply",
        "test_an_internationalised_domain_is_known_in_both_forms",
    ),
    "[host] and [host]:port have the host as policy domain": (
        "test_a_bracketed_relay_is_its_own_host_and_policy_domain",
        "test_a_relay_host_is_held_to_its_own_policy",
    ),
    "testing mode is not found, and its id is checked": (
        "test_a_policy_in_testing_becomes_enforced_without_a_restart",
        "test_a_stricter_policy_is_seen_as_well",
    ),
    "a cache is shared": ("test_two_stores_on_one_database_see_each_other",),
    "a cache forgets what has expired": (
        "test_expired_policies_and_old_verdicts_are_removed_together",
        "test_expired_policies_leave_the_store_after_a_while",
    ),
    "an answer can be explained": ("test_explain_shows_every_step_to_an_enforced_policy",),
    "one domain can be purged": ("test_purge_forgets_one_domain",),
}


def every_test() -> set[str]:
    """Collect the names of all tests there are, of the lab's too where there is no lab."""
    trees = [ast.parse(path.read_text()) for path in TESTS.rglob("test_*.py")]
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for tree in trees for node in tree.body if isinstance(node, kinds)}


def test_what_was_wrong_before_is_shown_right() -> None:
    """Each test that is named exists, so that renaming one is noticed here."""
    shown_by = {name for names in SHOWN_BY.values() for name in names}

    assert shown_by - every_test() == set()


@pytest.fixture
async def service(world: World) -> AsyncIterator[PolicyService]:
    """Open a service on the world's doors."""
    with capture_logs():
        async with world.open_service(Config(), lambda _domain: None) as opened:
            yield opened


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a world in which a test publishes."""
    return World(tmp_path)


async def reply(service: PolicyService, key: str = "example.com") -> str:
    """Answer as Postfix would be answered."""
    next_hop = parse_next_hop(key)
    assert isinstance(next_hop, NextHop)
    resolution = await service.views.default.resolver.resolve(
        next_hop, timeout=timedelta(seconds=10)
    )
    return postfix.render(resolution.delivery, with_tlsrpt=False).decode()


def serve(world: World, *lines: str) -> None:
    """Let ``example.com`` serve a policy of these lines."""
    world.publish()
    world.hosts.serve("example.com", "".join(f"{line}\r\n" for line in lines))


async def test_the_first_of_two_fields_counts(world: World, service: PolicyService) -> None:
    """RFC 8461 §3.2: all but the first are ignored, mx apart."""
    serve(world, "version: STSv1", "mode: enforce", "mode: none", "mx: mx.example.com",
          "max_age: 86400", "max_age: 1")  # fmt: skip

    assert await reply(service) == "OK secure match=mx.example.com servername=hostname"
    (cached,) = await service.store.list()
    assert cached.expires_at - cached.fetched_at == timedelta(days=1)


async def test_blank_lines_do_not_kill_a_policy(world: World, service: PolicyService) -> None:
    """Editors leave them; refusing the policy would leave the domain without protection."""
    serve(world, "version: STSv1", "", "mode: enforce", "mx: mx.example.com", "max_age: 86400", "")

    assert await reply(service) == "OK secure match=mx.example.com servername=hostname"


@pytest.mark.parametrize("pattern", [
    "mx.example.com servername=evil",      # a second attribute
    "mx.example.com:*",                    # a second pattern, of everything
    "hostname", "nexthop", "dot-nexthop",  # words that mean a strategy to Postfix
    "{ policy_string = x }",
    "192.0.2.1",
    "mx.example.com\tmatch=x",
])  # fmt: skip
async def test_nothing_of_a_policy_but_host_names_reaches_match(
    world: World, service: PolicyService, pattern: str
) -> None:
    """Whether the policy is refused or the pattern left out, Postfix reads no word of it."""
    serve(world, "version: STSv1", "mode: enforce", f"mx: {pattern}", "mx: mx.example.com",
          "max_age: 86400")  # fmt: skip

    assert await reply(service) in {
        "NOTFOUND ",
        "OK secure match=mx.example.com servername=hostname",
    }


@pytest.mark.parametrize("pattern", ["hostname", "192.0.2.1", "", "*"])
async def test_a_policy_without_usable_pattern_is_never_match_of_none(
    world: World, service: PolicyService, pattern: str
) -> None:
    """With an empty ``match=`` Postfix rejects its configuration: mail waits with our reason."""
    serve(world, "version: STSv1", "mode: enforce", f"mx: {pattern}", "max_age: 86400")

    said = await reply(service)

    assert said == "NOTFOUND " or said.startswith("TEMP ")


async def test_u_labels_become_a_labels_in_look_ups_and_reply(
    world: World, service: PolicyService
) -> None:
    """Postfix rejects an answer with any other name."""
    world.publish("xn--bcher-kva.example")

    assert await reply(service, "bücher.example") == (
        "OK secure match=mx.example.com servername=hostname"
    )
    assert all(name.isascii() for name, _ in world.dns.queries)
    assert ("_mta-sts.xn--bcher-kva.example") in {name for name, _ in world.dns.queries}


async def test_a_policy_in_testing_becomes_enforced_without_a_restart(
    world: World, service: PolicyService
) -> None:
    """Its id is looked at on its TTL like any other's."""
    world.publish(mode="testing")
    assert await reply(service) == "NOTFOUND "
    world.publish()
    world.dns.txt("_mta-sts.example.com", "v=STSv1; id=20260702;")
    world.clock.advance(timedelta(minutes=6))  # the record's TTL is five

    assert await reply(service) == "NOTFOUND "  # and asks behind the answer
    for _ in range(20):
        await asyncio.sleep(0)

    assert (await reply(service)).startswith("OK secure ")
