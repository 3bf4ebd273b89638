"""What a checker writes down about a domain, and what it leaves alone."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.answers import Absent, Found, LookupFailed, RdType
from mailseal.checks.evidence import Depth, Stage, Trouble
from mailseal.checks.judge import judge
from mailseal.checks.saved import read_evidence, write_evidence
from mailseal.checks.verdict import Verdict
from mailseal.dane.host import TlsaState
from mailseal.dane.tlsa import TlsaRecord
from mailseal.services.checker import CheckLimits
from mailseal.services.gathering.budget import TIME_IS_UP
from mailseal.services.gathering.progress import Part, Progress
from mailseal.testing.evidence import DOMAIN, MX_HOST, POLICY, tls
from tests.services.checkworld import (
    LABEL,
    MX_ADDRESS,
    POLICY_ADDRESS,
    POLICY_HOST,
    World,
    good_world,
)

TLSA = TlsaRecord(usage=3, selector=1, matching_type=1, data=bytes(32))


async def test_a_good_domain_is_seen_from_end_to_end() -> None:
    """One pass writes down record, policy, host and session, and reads back as it was."""
    evidence = await good_world().gather()

    assert isinstance(evidence.records.sts, Found)
    assert evidence.policy_host is not None
    assert [fetch.body for fetch in evidence.policy_host.fetches] == [POLICY]
    assert [host.name for host in evidence.mx_hosts] == [MX_HOST]
    assert evidence.mx_hosts[0].sessions[0].stage is Stage.EHLO_AGAIN
    assert read_evidence(write_evidence(evidence)) == evidence


async def test_the_evidence_of_a_good_domain_is_judged() -> None:
    """Observation and judgement fit together: the policy is read, the host is covered."""
    reading = judge(await good_world().gather()).reading

    assert reading.policy is not None
    assert [host.is_covered for host in reading.hosts] == [True]


@pytest.mark.parametrize("is_deep", [False, True])
async def test_no_question_is_asked_twice(is_deep: bool) -> None:
    """Who has to be asked about for two reasons is asked once."""
    world = good_world()
    world.dns.mx(DOMAIN, (10, DOMAIN), (20, MX_HOST))  # the domain is a host and a recipient
    world.dns.a(DOMAIN, MX_ADDRESS)
    await world.gather(is_deep=is_deep, dkim_selectors=("a", "a", "b"))

    assert [query for query, times in Counter(world.dns.queries).items() if times > 1] == []


async def test_nothing_is_published_nothing_is_fetched() -> None:
    """A domain without any name has no host, and the policy host is none."""
    evidence = await World().gather()

    assert isinstance(evidence.records.mx, Absent)
    assert [host.sessions for host in evidence.mx_hosts] == [()]  # the domain itself (RFC 5321)
    assert evidence.policy_host is not None
    assert evidence.policy_host.fetches == ()
    assert judge(evidence).headline.verdict is Verdict.NOT_PUBLISHED


@pytest.mark.parametrize(
    ("depth", "fetches", "sessions"), [(Depth.DNS, 0, 0), (Depth.POLICY, 1, 0), (Depth.SMTP, 1, 1)]
)
async def test_depth_bounds_whom_we_connect_to(depth: Depth, fetches: int, sessions: int) -> None:
    """At depth dns nobody but resolvers hears of us."""
    world = good_world()
    evidence = await world.gather(depth=depth)

    assert evidence.depth is depth
    assert len(world.policies.probes) == fetches
    assert len(world.smtp.probes) == sessions


async def test_a_failed_mx_look_up_leaves_no_host() -> None:
    """Nobody knows where mail goes; the domain itself is not taken for its host."""
    world = good_world()
    world.dns.fail(DOMAIN, rdtype=RdType.MX)
    evidence = await world.gather()

    assert isinstance(evidence.records.mx, LookupFailed)
    assert evidence.mx_hosts == ()
    assert world.smtp.probes == []


async def test_every_address_of_a_host_has_a_session_of_its_own() -> None:
    """What one address of a load balancer does says nothing about the next one."""
    world = good_world()
    world.dns.a(MX_HOST, MX_ADDRESS, "192.0.2.2")
    world.dns.aaaa(MX_HOST, "2001:db8::1")
    world.smtp.fail(MX_HOST, "192.0.2.2", Trouble.BUSY, "421 too many", code=421)
    (host,) = (await world.gather()).mx_hosts

    assert [(one.address, one.failure and one.failure.trouble) for one in host.sessions] == [
        ("2001:db8::1", Trouble.REFUSED),
        (MX_ADDRESS, None),
        ("192.0.2.2", Trouble.BUSY),
    ]
    assert host.sessions[2].offers_starttls is None


async def test_sessions_stand_in_the_same_order_whatever_the_resolver_turns() -> None:
    """Two reports of the same thing differ in nothing but their times."""
    orders = []
    for addresses in (("192.0.2.10", "192.0.2.9"), ("192.0.2.9", "192.0.2.10")):
        world = good_world()
        world.dns.a(MX_HOST, *addresses)
        (host,) = (await world.gather()).mx_hosts
        orders.append([one.address for one in host.sessions])

    assert orders == [["192.0.2.9", "192.0.2.10"]] * 2


async def test_without_ipv6_nothing_is_said_about_ipv6() -> None:
    """A machine that has no such addresses cannot tell whether others could reach them."""
    world = good_world()
    world.observer = replace(world.observer, has_ipv6=False)
    world.dns.aaaa(MX_HOST, "2001:db8::1")
    world.dns.aaaa(POLICY_HOST, "2001:db8::2")
    evidence = await world.gather()

    assert world.smtp.probes == [(MX_HOST, MX_ADDRESS, 25)]
    assert evidence.policy_host is not None
    for seen in (evidence.mx_hosts[0].sessions[0], evidence.policy_host.fetches[0]):
        assert seen.failure is not None
        assert seen.failure.trouble is Trouble.NO_FAMILY


async def test_hosts_and_addresses_are_bounded() -> None:
    """A zone that names a thousand servers does not make us knock at a thousand doors."""
    world = good_world()
    world.limits = CheckLimits(max_mx_hosts=2, max_addresses=3)
    world.dns.mx(DOMAIN, *((10 + n, f"mx{n}.{DOMAIN}") for n in range(5)))
    for name in (f"mx0.{DOMAIN}", POLICY_HOST):
        world.dns.a(name, *(f"192.0.2.{n}" for n in range(1, 9)))
        world.dns.aaaa(name, *(f"2001:db8::{n}" for n in range(1, 9)))
    evidence = await world.gather()

    assert [host.name for host in evidence.mx_hosts] == [f"mx0.{DOMAIN}", f"mx1.{DOMAIN}"]
    assert [one.address for one in evidence.mx_hosts[0].sessions] == [
        "2001:db8::1",
        "2001:db8::2",
        "192.0.2.1",
    ]
    assert evidence.policy_host is not None
    assert len(evidence.policy_host.fetches) == 3


# -- TLSA and aliases -----------------------------------------------------------------------


async def test_tlsa_is_asked_at_every_base_domain() -> None:
    """The end of the aliases comes first, then the host's own name (RFC 7672 §2.2.2)."""
    world = good_world()
    world.dns.secure()
    world.dns.cname("mx2.example.com", "real.example.net")
    world.dns.a("real.example.net", MX_ADDRESS)
    world.dns.mx(DOMAIN, (10, "mx2.example.com"))
    world.dns.tlsa("_25._tcp.real.example.net", TLSA)
    evidence = await world.gather()
    (host,) = evidence.mx_hosts

    assert [one.base for one in host.tlsa] == ["real.example.net", "mx2.example.com"]
    assert isinstance(host.alias, Found)
    assert judge(evidence).reading.hosts[0].dane.state is TlsaState.USABLE


async def test_tlsa_is_asked_where_no_sender_would() -> None:
    """Records in an unsigned zone help nobody, and their owner wants to know."""
    world = good_world()
    world.dns.tlsa(f"_25._tcp.{MX_HOST}", TLSA)
    (host,) = (await world.gather()).mx_hosts

    assert isinstance(host.tlsa[0].answer, Found)
    assert not host.tlsa[0].answer.is_secure
    assert host.alias is None  # nothing asks for it


async def test_a_host_without_addresses_may_be_a_broken_alias() -> None:
    """An alias whose target is gone looks like a host without addresses."""
    world = good_world()
    world.dns.cname(MX_HOST, "gone.example.net")
    world.dns.remove(MX_HOST, RdType.A)
    (host,) = (await world.gather()).mx_hosts

    assert isinstance(host.alias, Found)
    assert host.alias.records == ("gone.example.net",)
    assert host.sessions == ()


async def test_only_a_deep_look_asks_for_addresses_at_tlsa_names() -> None:
    """A name server whose denials are broken fails that question too."""
    world = good_world()
    await world.gather()
    assert world.dns.count(f"_25._tcp.{MX_HOST}", RdType.A) == 0

    evidence = await world.gather(is_deep=True)
    assert isinstance(evidence.mx_hosts[0].tlsa[0].at_name, Absent)
    assert evidence.is_deep
    assert world.smtp.deep_probes == 1


# -- the policy host ------------------------------------------------------------------------


async def test_a_host_that_turns_programs_away_is_tried_as_a_browser() -> None:
    """A firewall in front of a policy keeps it from every sender, and nobody sees why."""
    world = good_world()
    world.policies.serve(POLICY_HOST, POLICY_ADDRESS, status=403)
    world.policies.serve(POLICY_HOST, POLICY_ADDRESS, POLICY, to_browsers=True)
    host = (await world.gather()).policy_host

    assert host is not None
    assert [one.status for one in host.fetches] == [403]
    assert [(one.status, one.body) for one in host.as_browser] == [(200, POLICY)]
    assert "Mozilla" in world.policies.probes[1][3]


async def test_a_file_in_the_wrong_place_is_found() -> None:
    """Behind a 404 the policy often stands at the root, on the domain itself or on www."""
    world = good_world()
    world.policies.serve(POLICY_HOST, POLICY_ADDRESS, status=404)
    world.policies.serve(POLICY_HOST, POLICY_ADDRESS, POLICY, path="/mta-sts.txt")
    world.dns.a(DOMAIN, "192.0.2.20")
    world.policies.serve(DOMAIN, "192.0.2.20", POLICY)
    world.dns.aaaa(POLICY_HOST, "2001:db8::1")  # where nothing listens: that says nothing of paths
    host = (await world.gather()).policy_host

    assert host is not None
    assert [(place, one.status) for place, one in host.elsewhere] == [
        ("/mta-sts.txt", 200),
        (f"https://{DOMAIN}/.well-known/mta-sts.txt", 200),
    ]


@pytest.mark.parametrize("status", [200, 301, 403, 500])
async def test_nobody_looks_elsewhere_unless_nothing_was_there(status: int) -> None:
    """Three more fetches are made only where they can explain something."""
    world = good_world()
    world.policies.serve(POLICY_HOST, POLICY_ADDRESS, status=status)
    host = (await world.gather()).policy_host

    assert host is not None
    assert host.elsewhere == ()


async def test_a_domain_too_long_for_a_policy_host_has_none() -> None:
    """With mta-sts. before it the name is longer than DNS allows."""
    world = World()
    domain = ".".join(["a" * 60] * 4)
    world.dns.a(f"mta-sts.{domain}", POLICY_ADDRESS)  # the fake knows no limit
    evidence = await world.gather(domain + ".example")

    assert world.policies.probes == []
    assert evidence.policy_host is not None


# -- the records ----------------------------------------------------------------------------


async def test_records_that_owners_expect_on_the_page_are_there() -> None:
    """SPF, DKIM and DMARC, wildcards, and where reports go."""
    world = good_world()
    world.dns.txt(DOMAIN, "v=spf1 -all")
    world.dns.txt(f"s1._domainkey.{DOMAIN}", "v=DKIM1; p=")
    world.dns.txt(f"_{LABEL}.{DOMAIN}", "a wildcard")
    world.dns.mx("reports.example.net", (10, "mx.example.net"))
    world.dns.txt(
        f"_smtp._tls.{DOMAIN}",
        "v=TLSRPTv1; rua=mailto:a@Reports.Example.net,https://x.example/,mailto:b@no..name",
    )
    records = (await world.gather(dkim_selectors=("s1",))).records

    assert isinstance(records.txt, Found)
    assert isinstance(records.dkim[0].answer, Found)
    assert isinstance(records.unlikely_txt, Found)
    assert isinstance(records.unlikely_a, Absent)
    assert [one.domain for one in records.recipients] == ["reports.example.net"]
    assert isinstance(records.recipients[0].mx, Found)


async def test_the_dmarc_record_of_the_organisation_is_looked_for() -> None:
    """A name without a record of its own has that of the next one above (RFC 7489 §6.6.3)."""
    world = World()
    world.dns.txt("_dmarc.example.com", "v=DMARC1; p=reject")
    records = (await world.gather("a.b.example.com")).records

    assert isinstance(records.dmarc, Absent)
    assert isinstance(records.parent_dmarc, Found)
    assert world.dns.count("_dmarc.com") == 0


@pytest.mark.parametrize("is_found", [True, False])
async def test_a_brief_look_leaves_the_policy_host_alone_without_a_record(is_found: bool) -> None:
    """A million domains have none: their name servers are asked six questions, not twenty."""
    world = good_world()
    if not is_found:
        world.dns.remove(f"_mta-sts.{DOMAIN}")
    evidence = await world.gather(is_brief=True)

    assert (evidence.policy_host is not None) is is_found
    assert len(world.policies.probes) == int(is_found)
    assert evidence.records.txt is None
    assert evidence.mx_hosts[0].caa is None
    assert len(world.dns.queries) == (8 if is_found else 6)


async def test_a_policy_host_with_an_address_of_its_own_is_asked_for_no_alias() -> None:
    """Where an address stands at the very name, no alias can stand there."""
    world = good_world()
    evidence = await world.gather()

    assert evidence.policy_host is not None
    assert evidence.policy_host.alias is None
    assert (POLICY_HOST, RdType.CNAME) not in world.dns.queries


@pytest.mark.parametrize("is_gone", [False, True])
async def test_the_alias_of_a_policy_host_is_written_down(is_gone: bool) -> None:
    """Whether its target has an address or none: a dangling alias looks like no host at all."""
    world = good_world()
    world.dns.remove(POLICY_HOST)
    world.dns.cname(POLICY_HOST, "sts.provider.example")
    if not is_gone:
        world.dns.a("sts.provider.example", POLICY_ADDRESS)
    evidence = await world.gather()

    assert evidence.policy_host is not None
    assert isinstance(evidence.policy_host.alias, Found)
    assert evidence.policy_host.alias.records == ("sts.provider.example",)


# -- time -----------------------------------------------------------------------------------


async def test_when_the_time_is_up_the_rest_is_written_down_as_not_asked() -> None:
    """One slow resolver ends the observation, and none of what is left becomes an absence."""
    world = good_world()
    world.limits = CheckLimits(total=timedelta(seconds=10), lookup_timeout=timedelta(seconds=60))
    world.dns.hold(MX_HOST)
    gathering = asyncio.create_task(world.gather())
    for _ in range(50):
        await asyncio.sleep(0)
    world.clock.advance(timedelta(seconds=10))
    evidence = await gathering
    (host,) = evidence.mx_hosts

    assert isinstance(host.a, LookupFailed)
    assert isinstance(host.tlsa[0].answer, LookupFailed)
    assert host.tlsa[0].answer.reason == TIME_IS_UP
    assert evidence.finished_at - evidence.started_at == timedelta(seconds=10)


async def test_a_server_that_is_late_gets_no_more_time_than_is_left() -> None:
    """Sessions and fetches begun late end with the whole."""
    world = good_world()
    world.limits = CheckLimits(total=timedelta(seconds=10))
    world.smtp.hold(MX_ADDRESS)
    world.policies.hold(POLICY_HOST)
    gathering = asyncio.create_task(world.gather())
    for _ in range(50):
        await asyncio.sleep(0)
    world.clock.advance(timedelta(seconds=10))
    evidence = await gathering

    session = evidence.mx_hosts[0].sessions[0]
    assert session.failure is not None
    assert session.failure.trouble is Trouble.TIMEOUT
    assert evidence.policy_host is not None
    assert evidence.policy_host.fetches[0].failure is not None


async def test_progress_is_told_step_by_step() -> None:
    """Whoever watches sees each kind of step, and all of them done at the end."""
    seen: list[Progress] = []
    await good_world().gather(on_progress=seen.append)

    assert {one.part for one in seen} == set(Part)
    counts = [(one.done, one.total) for one in seen]
    assert counts == sorted(counts)
    assert seen[-1].done == seen[-1].total == len(seen) / 2  # each begins and ends
    assert sorted({done for done, _ in counts}) == list(range(seen[-1].total + 1))


async def test_progress_names_what_is_under_way() -> None:
    """A step is waited for from its beginning until its end, the oldest before the others."""
    seen: list[Progress] = []
    await good_world().gather(on_progress=seen.append)

    under_way: list[str] = []
    done = 0
    for one in seen:
        if one.done > done:
            under_way.remove(one.subject)
            done = one.done
        else:
            under_way.append(one.subject)
        assert one.waits_for == (under_way[0] if under_way else "")
    assert not under_way


async def test_a_certificate_for_another_name_is_evidence_not_a_failure() -> None:
    """The body is kept, and nobody believes it."""
    world = good_world()
    world.policies.serve(POLICY_HOST, POLICY_ADDRESS, POLICY, tls=tls("other.example"))
    reading = judge(await world.gather()).reading

    assert reading.body == POLICY
    assert reading.policy is None
