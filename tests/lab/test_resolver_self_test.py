"""With real resolvers: one that does not validate, or cannot be tested, weakens nothing."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lab.addresses import RESOLVER, SECOND_RESOLVER
from lab.daemon import Daemon
from lab.internet import Lab
from lab.sender import SendingPostfix

from .conftest import QUICK_TABLES

pytestmark = pytest.mark.lab

_numbers = itertools.count(1)
SECURE = "OK secure match=mx.dane-good.test servername=hostname"
TEST_NAME = "selftest.signed.test"

Begin = Callable[..., Daemon]


@pytest.fixture
def begin(lab: Lab) -> Iterator[Begin]:
    """Start a mailseal with resolvers of the test's choice, and a test every second."""
    with ExitStack() as stack:

        def start(*resolvers: str, **dane: str) -> Daemon:
            daemon = Daemon(
                lab.namespace,
                lab.folder / f"tested{next(_numbers)}",
                ca_file=lab.ca_file,
                tables={**QUICK_TABLES, "dane": {"self_test_interval": '"1s"', **dane}},
                resolvers=resolvers,
            )
            stack.callback(daemon.stop)
            daemon.start()
            return daemon

        yield start


@pytest.mark.parametrize("order", [(SECOND_RESOLVER, RESOLVER), (RESOLVER, SECOND_RESOLVER)])
def test_a_second_resolver_without_validation_is_not_asked_for_dane(
    lab: Lab, begin: Begin, order: tuple[str, str]
) -> None:
    """Wherever it stands in the configuration; it is told in the log."""
    lab.dns.start_second_resolver(validates=False)
    daemon = begin(*order)

    assert daemon.ask("dane-good.test") == "OK dane-only"
    assert daemon.ask("dane-nopolicy.test") == "OK dane-only"
    assert daemon.ask("nopolicy.test") == "NOTFOUND "
    daemon.await_log(f"resolver does not validate resolver={SECOND_RESOLVER}:53")
    counters = daemon.control({"op": "counters"})
    assert counters["dane_is_on"] == 1
    assert counters[f"resolver_validates {SECOND_RESOLVER}:53"] == 0
    assert counters[f"resolver_validates {RESOLVER}:53"] == 1


def test_silencing_the_good_resolver_leads_to_no_verdict_of_the_other(
    lab: Lab, begin: Begin
) -> None:
    """An attacker who keeps the validating one from answering makes nobody fail over to less."""
    lab.dns.start_second_resolver(validates=False)
    daemon = begin(RESOLVER, SECOND_RESOLVER)
    assert daemon.ask("dane-good.test") == "OK dane-only"
    lab.dns.freeze()
    try:
        assert daemon.ask("dane-good.test") == "OK dane-only"
        assert daemon.ask("dane-nopolicy.test") == "OK dane"  # not NOTFOUND
    finally:
        lab.dns.thaw()


def test_blocking_tlsa_at_the_good_resolver_leads_to_no_verdict_of_the_other(
    lab: Lab, begin: Begin
) -> None:
    """Only these queries vanish; the one that does not validate would answer them at once."""
    for host in ("mx.dane-good.test", "mx.dane-nopolicy.test"):
        lab.dns.drop_queries(f"_25._tcp.{host}")
    lab.dns.start_second_resolver(validates=False)
    daemon = begin(RESOLVER, SECOND_RESOLVER)

    assert daemon.ask("dane-good.test") == "OK dane-only"
    assert daemon.ask("dane-nopolicy.test") == "OK dane"  # not NOTFOUND


def test_with_no_validating_resolver_postfix_still_does_dane(lab: Lab, begin: Begin) -> None:
    """What mailseal cannot prove it leaves to Postfix, whose own resolver validates here."""
    lab.dns.start_second_resolver(validates=False)
    daemon = begin(SECOND_RESOLVER)

    daemon.await_log("DANE is off")
    assert daemon.control({"op": "counters"})["dane_is_on"] == 0
    assert daemon.ask("dane-nopolicy.test") == "OK dane"
    assert daemon.ask("dane-good.test") == SECURE  # by the policy, as nothing was ever proven
    assert daemon.ask("dane-nopolicy.test", "sendmail") == "NOTFOUND "
    said = daemon.command("query", "dane-nopolicy.test", "--explain").stdout
    assert f"nothing here is proven: {SECOND_RESOLVER}:53: the root was answered as if" in said
    with lab.sender(daemon.table()) as postfix:
        assert_verified(postfix, "someone@dane-nopolicy.test")


def test_a_resolver_that_stops_validating_takes_nothing_away(lab: Lab, begin: Begin) -> None:
    """What was proven stays required, over a restart too, until validation is back."""
    lab.dns.start_second_resolver(validates=True)
    daemon = begin(SECOND_RESOLVER)
    assert daemon.ask("dane-good.test") == "OK dane-only"
    lab.dns.start_second_resolver(validates=False)
    daemon.await_log("DANE is off")
    assert daemon.ask("dane-good.test") == "OK dane-only"

    start = len(daemon.log_lines())
    daemon.restart()
    daemon.await_log("DANE is off", start)
    assert daemon.ask("dane-good.test") == "OK dane-only"
    assert daemon.ask("dane-issuer.test").startswith("OK secure ")  # not known before


def test_dane_is_on_again_when_a_later_test_passes(lab: Lab, begin: Begin) -> None:
    """Without a restart, and for domains that were answered meanwhile as well."""
    lab.dns.start_second_resolver(validates=False)
    daemon = begin(SECOND_RESOLVER)
    daemon.await_log("DANE is off")
    lab.dns.start_second_resolver(validates=True)
    daemon.await_log("DANE is on again")

    assert daemon.ask("dane-nopolicy.test") == "OK dane-only"
    assert daemon.control({"op": "counters"})["dane_is_on"] == 1


def test_a_self_test_that_times_out_switches_nothing_off(lab: Lab, begin: Begin) -> None:
    """Somebody drops the test's queries, from the beginning: records that validate still count."""
    lab.dns.drop_queries(TEST_NAME)
    daemon = begin(RESOLVER, self_test_name=f'"{TEST_NAME}"')

    daemon.await_log(r"resolver test has no result .*reason=.*selftest")
    assert daemon.ask("dane-nopolicy.test") == "OK dane-only"
    assert daemon.ask("dane-good.test") == "OK dane-only"
    assert daemon.ask("nopolicy.test") == "OK dane"  # unproven absence is no NOTFOUND
    counters = daemon.control({"op": "counters"})
    assert (counters["dane_is_on"], counters[f"resolver_validates {RESOLVER}:53"]) == (1, -1)


def test_a_resolver_that_answers_bogus_names_is_caught(lab: Lab, begin: Begin) -> None:
    """A name of one's own whose signatures are broken tells what AD does not."""
    lab.dns.start_second_resolver(validates=False)
    daemon = begin(
        SECOND_RESOLVER, self_test_name='"nopolicy.test"', self_test_bogus_name='"mx.bogus.test"'
    )

    line = daemon.await_log("resolver does not validate")
    assert "mx.bogus.test was answered" in line


def assert_verified(postfix: SendingPostfix, recipient: str) -> None:
    """Mail goes out, and the host was authenticated."""
    delivery = postfix.deliver(recipient)
    assert (delivery.status, delivery.tls) == ("sent", "Verified")
