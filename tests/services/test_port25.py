"""A firewall that blocks port 25 is told from mail servers that do not answer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.checks.evidence import Failure, SmtpSession, Stage, Trouble
from mailseal.names import Domain
from mailseal.services.port25 import Port25, blame_firewall
from mailseal.testing import FakeDns, FakeSmtp
from mailseal.testing.evidence import DOMAIN, MX_HOST, host, session
from tests.services.checkworld import MX_ADDRESS, good_world

SILENT, REFUSED, GONE = Trouble.TIMEOUT, Trouble.REFUSED, Trouble.UNREACHABLE
REFERENCES = (Domain("mx.example.net"), Domain("mx.example.org"))


def failed(
    address: str, trouble: Trouble, *, stage: Stage = Stage.NOTHING, at: str = MX_HOST
) -> SmtpSession:
    """Return a session that ended at a stage."""
    failure = Failure(trouble=trouble, reason="as the test says")
    return replace(session(at, address), stage=stage, failure=failure)


def weigh(*sessions: SmtpSession) -> bool | None:
    """Weigh sessions, each of a domain with a server of its own, with nobody else to ask."""
    port25 = Port25(smtp=FakeSmtp(), dns=FakeDns())
    for number, one in enumerate(sessions):
        port25.note(f"own{number}.example", [replace(one, host=f"mx.own{number}.example")])
    return port25.may_use


def note_dead(port25: Port25) -> None:
    """Note nine domains whose servers are silent."""
    for one in range(9):
        dead = failed(f"192.{one}.2.1", SILENT, at=f"mx.own{one}.example")
        port25.note(f"own{one}.example", [dead])


@pytest.mark.parametrize("trouble", [SILENT, REFUSED])
def test_three_domains_that_fail_alike_are_a_firewall(trouble: Trouble) -> None:
    """Whether it drops connections or refuses them."""
    addresses = ("192.0.2.1", "198.51.100.1", "2001:db8::1")
    assert weigh(*(failed(one, trouble) for one in addresses)) is False


@pytest.mark.parametrize("trouble", [SILENT, REFUSED])
@pytest.mark.parametrize("times", [1, 3])
def test_one_domain_proves_nothing_however_many_servers_it_has(
    trouble: Trouble, times: int
) -> None:
    """A second one at another provider may be as dead as the first, at each look."""
    port25 = Port25(smtp=FakeSmtp(), dns=FakeDns())
    for _ in range(times):
        port25.note(
            DOMAIN,
            [
                failed("192.0.2.1", trouble, at="mx1.example.com"),
                failed("2001:db8::1", trouble, at="mx1.example.com"),
                failed("198.51.100.1", trouble, at="mx2.example.com"),
                failed("203.0.113.1", trouble, at="mx.example.net"),
                failed("10.9.8.7", trouble, at="mx.example.org"),
            ],
        )

    assert port25.may_use is None


def test_domains_of_one_hoster_prove_nothing() -> None:
    """Its outage is not our firewall, in however many networks it has its servers."""
    port25 = Port25(smtp=FakeSmtp(), dns=FakeDns())
    for number in range(9):
        one = failed(f"192.{number}.2.1", REFUSED, at=f"mx{number}.hoster.example")
        port25.note(f"own{number}.example", [one])

    assert port25.may_use is None


async def test_the_failures_of_a_domain_on_its_own_stay_as_they_were() -> None:
    """Two hosts, one with both families, refuse: the owner is told of just that."""
    world = good_world()
    world.smtp.fail(MX_HOST, MX_ADDRESS, REFUSED)

    evidence = await world.checker_with(Port25(smtp=world.smtp, dns=world.dns)).gather(
        Domain(DOMAIN)
    )

    assert evidence.observer.may_use_port_25 is None
    failure = evidence.mx_hosts[0].sessions[0].failure
    assert failure is not None
    assert failure.trouble is REFUSED


@pytest.mark.parametrize(
    "sessions",
    [
        (),
        (failed("192.0.2.1", SILENT), failed("198.51.100.1", SILENT)),  # two only
        tuple(failed(f"192.0.2.{one}", SILENT) for one in range(9)),  # one network's trouble
        (
            failed("192.0.2.1", SILENT),
            failed("198.51.100.1", SILENT),
            failed("203.0.113.1", SILENT),
            failed("2001:db8::1", REFUSED),  # a firewall does the same to all
        ),
        tuple(failed(f"192.{one}.2.1", GONE) for one in range(9)),  # no way there is no firewall
        tuple(replace(failed(f"192.{one}.2.1", SILENT), port=2525) for one in range(9)),
    ],
)
def test_less_than_that_leaves_it_open(sessions: tuple[SmtpSession, ...]) -> None:
    """Nobody is told of a firewall that may be a server's own trouble."""
    assert weigh(*sessions) is None


def test_one_connection_proves_the_way_for_good() -> None:
    """Servers that do not answer are then to blame themselves, however many."""
    port25 = Port25(smtp=FakeSmtp(), dns=FakeDns())

    port25.note("a.example", [failed("203.0.113.1", Trouble.BUSY, stage=Stage.CONNECTED)])
    note_dead(port25)

    assert port25.may_use is True


def test_a_firewall_that_is_opened_is_noticed() -> None:
    """What was concluded before is no reason to disbelieve a connection."""
    port25 = Port25(smtp=FakeSmtp(), dns=FakeDns())
    note_dead(port25)
    assert port25.may_use is False

    port25.note(DOMAIN, [session()])

    assert port25.may_use is True


@pytest.mark.parametrize(
    ("troubles", "may_use"),
    [
        ((SILENT, SILENT), False),
        ((SILENT, None), True),  # one answers
        ((SILENT, GONE), None),  # not all say the same
    ],
)
async def test_references_are_asked_once_where_a_domain_leaves_it_open(
    troubles: tuple[Trouble | None, ...], may_use: bool | None
) -> None:
    """A domain with one mail server is told of the firewall, too."""
    dns, smtp = FakeDns(), FakeSmtp()
    for number, (name, trouble) in enumerate(zip(REFERENCES, troubles, strict=True)):
        address = f"198.51.{number}.1"
        dns.a(name, address)
        if trouble is None:
            smtp.serve(name, address)
        else:
            smtp.fail(name, address, trouble)
    port25 = Port25(smtp=smtp, dns=dns, references=REFERENCES)

    first = await port25.find_out(DOMAIN, [failed("192.0.2.1", SILENT)])
    second = await port25.find_out(DOMAIN, [failed("192.0.2.2", SILENT)])
    await port25.aclose()

    assert (first, second) == (may_use, may_use)
    assert len(smtp.probes) == 2


async def test_nobody_is_asked_who_was_not_named() -> None:
    """And the references stay unasked while servers answer."""
    silent, answering = FakeSmtp(), FakeSmtp()

    nobody = Port25(smtp=silent, dns=FakeDns())
    assert await nobody.find_out(DOMAIN, [failed("192.0.2.1", SILENT)]) is None
    unneeded = Port25(smtp=answering, dns=FakeDns(), references=REFERENCES)
    assert await unneeded.find_out(DOMAIN, [session()]) is True

    assert silent.probes == answering.probes == []


def test_what_a_firewall_did_is_not_laid_on_the_hosts() -> None:
    """Connects that failed are told as blocked; everything else stays as it was seen."""
    dead, alive, other = (
        failed("192.0.2.1", SILENT),
        failed("192.0.2.2", SILENT, stage=Stage.CONNECTED),
        failed("192.0.2.3", GONE),
    )

    (blamed,) = blame_firewall([host(sessions=(dead, alive, other))])

    assert [one.failure and one.failure.trouble for one in blamed.sessions] == [
        Trouble.BLOCKED,
        SILENT,
        GONE,
    ]


async def test_the_evidence_says_that_port_25_is_blocked_and_accuses_nobody() -> None:
    """A checker that shares what is known tells it with every domain."""
    world = good_world()
    world.smtp.fail(MX_HOST, MX_ADDRESS, SILENT)
    world.dns.a(REFERENCES[0], "198.51.100.1")
    world.smtp.fail(REFERENCES[0], "198.51.100.1", SILENT)
    port25 = Port25(smtp=world.smtp, dns=world.dns, references=REFERENCES[:1])

    evidence = await world.checker_with(port25).gather(Domain(DOMAIN))

    assert evidence.observer.may_use_port_25 is False
    failure = evidence.mx_hosts[0].sessions[0].failure
    assert failure is not None
    assert failure.trouble is Trouble.BLOCKED


async def test_references_that_are_late_do_not_hold_up_a_check() -> None:
    """What they say then counts for whoever asks next."""
    dns, smtp = FakeDns(), FakeSmtp()
    dns.a(REFERENCES[0], "198.51.100.1")
    smtp.serve(REFERENCES[0], "198.51.100.1")
    gate = smtp.hold("198.51.100.1")
    port25 = Port25(smtp=smtp, dns=dns, references=REFERENCES[:1])
    dead = failed("192.0.2.1", SILENT)

    assert await port25.find_out(DOMAIN, [dead], timeout=timedelta(0)) is None
    gate.set()
    assert await port25.find_out(DOMAIN, [dead]) is True
    await port25.aclose()
