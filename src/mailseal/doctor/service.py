"""The running service: does it run, is DANE on in it, and what does each listener answer?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from mailseal.doctor.finding import Finding, Status, ok

# An address is never looked up, so that this is answered at once, whatever DNS does.
TEST_KEY = "[192.0.2.1]"

NO_DOMAIN = ok(
    "domain-none-known",
    "no policy is known yet, so that no domain was asked for; name one with --domain",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question to a listener: the reply without its frame, or why there was none."""

    where: str
    key: str
    reply: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """What the control socket said; ``counters`` is None when no service runs.

    ``refusal`` says why the service could not be asked although it runs.
    """

    counters: Mapping[str, int] | None
    refusal: str = ""


def judge_service(service: ServiceFacts, *, has_dane: bool) -> Iterator[Finding]:
    """Say whether the service runs with all it needs."""
    if service.refusal:
        yield Finding(
            code="service-unasked",
            status=Status.UNKNOWN,
            seen=service.refusal,
            remedy="run this as root or as the service's user",
        )
        return
    if service.counters is None:
        yield Finding(
            code="service-not-running",
            status=Status.ERROR,
            seen="no service runs with this configuration; a mail server that asks it defers",
            remedy='start it: "systemctl start mailseal", or "mailseal serve"',
        )
        return
    yield ok("service-running", "the service runs")
    if has_dane and service.counters.get("dane_is_on") == 0:
        yield Finding(
            code="service-without-dane",
            status=Status.ERROR,
            seen="the running service has turned DANE off, since no resolver validates",
            remedy='see what is said of the resolvers, and "DANE is off" in the log',
        )


def judge_listener(probe: Probe) -> Finding:
    """Say whether a listener answers the question to which the answer is known."""
    if probe.error:
        return Finding(
            code="listener-silent",
            status=Status.ERROR,
            seen=f"{probe.where} does not answer: {probe.error}",
            remedy="see whether the service runs, and whether this user may open the socket",
        )
    if probe.reply.strip() != "NOTFOUND":
        return Finding(
            code="listener-wrong",
            status=Status.ERROR,
            seen=f"{probe.where} answered {probe.reply[:80]!r} for {probe.key}, which must be "
            "NOTFOUND: something else listens there",
            remedy="find out what does (ss -lp), and give mailseal another address",
        )
    return ok("listener-answers", f"{probe.where} answers")


def choose_domain(fetched: Sequence[tuple[str, datetime]]) -> tuple[str, ...]:
    """Return the domain to ask for where the operator names none: whose policy came last."""
    return tuple(domain for domain, _ in sorted(fetched, key=itemgetter(1))[-1:])


def judge_domain(probe: Probe) -> Finding:
    """Say what a domain is answered, through the whole of the running service."""
    word = probe.reply.partition(" ")[0]
    if probe.error or word not in {"OK", "NOTFOUND", "TEMP"}:
        return Finding(
            code="domain-unanswered",
            status=Status.ERROR,
            seen=f"{probe.key} got {probe.error or repr(probe.reply[:80])} from {probe.where}",
            remedy=f"mailseal query {probe.key} --explain",
        )
    if word == "TEMP":
        return Finding(
            code="domain-waits",
            status=Status.WARNING,
            seen=f"mail to {probe.key} has to wait: {probe.reply.removeprefix('TEMP ')}",
            remedy=f"mailseal query {probe.key} --explain",
        )
    return ok("domain-answered", f"{probe.key} is answered {probe.reply.strip()!r}")
