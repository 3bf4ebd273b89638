"""What the doctor makes of the running service and its answers."""

import pytest

from mailseal.doctor import service
from mailseal.doctor.finding import Status


@pytest.mark.parametrize(("facts", "has_dane", "codes"), [
    (service.ServiceFacts(counters={"dane_is_on": 1}), True, ["service-running"]),
    (service.ServiceFacts(counters={"dane_is_on": 0}), True,
     ["service-running", "service-without-dane"]),
    (service.ServiceFacts(counters={"dane_is_on": 0}), False, ["service-running"]),
    (service.ServiceFacts(counters=None), True, ["service-not-running"]),
    (service.ServiceFacts(counters=None, refusal="not for you"), True, ["service-unasked"]),
])  # fmt: skip
def test_the_service(facts: service.ServiceFacts, has_dane: bool, codes: list[str]) -> None:
    """Whether it runs is what its control socket says."""
    assert [one.code for one in service.judge_service(facts, has_dane=has_dane)] == codes


@pytest.mark.parametrize(("reply", "error", "code"), [
    ("NOTFOUND ", "", "listener-answers"),
    ("NOTFOUND", "", "listener-answers"),               # the one-line protocol has no blank
    ("", "Connection refused", "listener-silent"),
    ("OK may", "", "listener-wrong"),                   # an address can have no policy
    ("550 Relaying denied", "", "listener-wrong"),
])  # fmt: skip
def test_a_listener_must_say_notfound_for_an_address(reply: str, error: str, code: str) -> None:
    """The answer is known beforehand, whatever DNS does."""
    probe = service.Probe(where="127.0.0.1:8461", key=service.TEST_KEY, reply=reply, error=error)

    assert service.judge_listener(probe).code == code


@pytest.mark.parametrize(("reply", "error", "code", "status"), [
    ("OK dane-only", "", "domain-answered", Status.OK),
    ("NOTFOUND ", "", "domain-answered", Status.OK),
    ("TEMP DNS is away", "", "domain-waits", Status.WARNING),
    ('PERM no map "x"', "", "domain-unanswered", Status.ERROR),
    ("", "timed out", "domain-unanswered", Status.ERROR),
])  # fmt: skip
def test_a_domain_of_the_operators_choice(
    reply: str, error: str, code: str, status: Status
) -> None:
    """Such as one that must always be deliverable."""
    probe = service.Probe(where="127.0.0.1:8461", key="example.com", reply=reply, error=error)
    finding = service.judge_domain(probe)

    assert (finding.code, finding.status) == (code, status)
