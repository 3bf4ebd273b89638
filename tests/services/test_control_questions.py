"""Questions that tell dead domains from a machine that sees nothing."""

import itertools
from datetime import timedelta

from mailseal.checks.evidence import Trouble
from mailseal.names import Domain
from mailseal.services.controlquestions import MAX_TRIES, ControlQuestions
from mailseal.services.port25 import Port25
from mailseal.testing import FakeDns, FakeSmtp

REFERENCE = Domain("mx.example.net")
ADDRESS = "198.51.100.1"


def controls(dns: FakeDns, port25: Port25 | None = None) -> ControlQuestions:
    labels = (f"label{number}" for number in itertools.count())
    return ControlQuestions(
        dns=dns, port25=port25, timeout=timedelta(seconds=5), make_label=lambda: next(labels)
    )


async def test_a_name_that_does_not_exist_is_an_answer() -> None:
    """Another one each time, which no resolver can know by heart."""
    dns = FakeDns()
    one = controls(dns)

    assert await one.can_resolve() is True
    assert await one.can_resolve() is True
    assert len(set(dns.queries)) == 2


async def test_a_resolver_that_is_away_is_asked_a_few_times() -> None:
    """Packets get lost."""
    dns = FakeDns()
    for number in range(MAX_TRIES + 1):
        dns.fail(f"label{number}.com")

    assert await controls(dns).can_resolve() is False
    assert len(dns.queries) == MAX_TRIES


async def test_a_reference_that_answers_proves_port_25() -> None:
    """It is asked again: what failed an hour ago may be mended."""
    dns, smtp = FakeDns(), FakeSmtp()
    dns.a(REFERENCE, ADDRESS)
    smtp.fail(REFERENCE, ADDRESS, Trouble.TIMEOUT)
    one = controls(dns, Port25(smtp=smtp, dns=dns, references=(REFERENCE,)))
    assert await one.can_use_port_25() is False

    smtp.serve(REFERENCE, ADDRESS)
    assert await one.can_use_port_25() is True
    assert await one.can_use_port_25() is True
    assert len(smtp.probes) == 2


async def test_without_references_and_connections_nothing_is_proven() -> None:
    """Nobody is asked who was not named."""
    smtp = FakeSmtp()

    assert await controls(FakeDns(), Port25(smtp=smtp, dns=FakeDns())).can_use_port_25() is False
    assert await controls(FakeDns()).can_use_port_25() is False
    assert smtp.probes == []
