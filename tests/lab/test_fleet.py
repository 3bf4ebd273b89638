"""Two whole mailseals on one PostgreSQL: what one does is what the other answers."""

import time
from collections.abc import Iterator

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.model import policy_text
from lab.postgres import Server
from lab.service import wait_until
from tests.realservers import postgres

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

DOMAIN = "wrongname.test"
MX = "mx.wrongname.test"
TO_ALL_SECONDS = 1.0  # what is promised
BACK_SECONDS = 30.0  # the listener's longest pause


@pytest.fixture
def server() -> Iterator[Server]:
    """Run a PostgreSQL beside the lab, on a UNIX socket that it reaches."""
    with postgres() as running:
        yield running


@pytest.fixture
def nodes(server: Server, make_daemon: MakeDaemon) -> tuple[Daemon, Daemon]:
    """Run two mailseals that would not look at a record again for an hour by themselves."""
    url = f'"{server.url}"'
    made = [make_daemon({"store": {"url": url}}) for _ in range(2)]
    for node in made:
        node.start()
    return made[0], made[1]


def publish(lab: Lab, mode: str, record_id: str) -> None:
    """Publish a policy whose record may be remembered for an hour."""
    lab.policy_host.set_policy(DOMAIN, policy_text(mode, MX, max_age=604_800))
    lab.dns.set_sts(DOMAIN, f"v=STSv1; id={record_id};", ttl=3600)


def test_a_policy_and_a_purge_reach_the_answers_of_all(
    lab: Lab, nodes: tuple[Daemon, Daemon]
) -> None:
    """Answers that were ready are dropped within a second, on the node that was not spoken to."""
    one, other = nodes
    publish(lab, "testing", "1")
    assert one.ask(DOMAIN) == other.ask(DOMAIN) == "NOTFOUND "
    publish(lab, "enforce", "2")
    assert other.ask(DOMAIN) == "NOTFOUND "

    assert one.command("cache", "refresh", DOMAIN).returncode == 0
    begun = time.monotonic()
    other.await_answer(DOMAIN, "OK secure", TO_ALL_SECONDS)
    assert time.monotonic() - begun < TO_ALL_SECONDS

    publish(lab, "none", "2")
    assert other.ask(DOMAIN).startswith("OK secure")
    assert one.command("cache", "purge", DOMAIN).returncode == 0
    other.await_answer(DOMAIN, "NOTFOUND", TO_ALL_SECONDS)


def test_a_fleet_goes_on_without_its_database(
    lab: Lab, server: Server, nodes: tuple[Daemon, Daemon]
) -> None:
    """Known and new domains are answered; what one learnt meanwhile the other knows afterwards."""
    one, other = nodes
    publish(lab, "testing", "1")
    assert one.ask(DOMAIN) == other.ask(DOMAIN) == "NOTFOUND "

    server.stop()
    one.await_log("changes of other nodes are not heard")
    assert other.ask(DOMAIN) == "NOTFOUND "
    assert other.ask("good.test").startswith("OK secure")
    publish(lab, "enforce", "2")
    one.control({"op": "refresh", "domain": DOMAIN})
    assert one.ask(DOMAIN).startswith("OK secure")
    assert other.ask(DOMAIN) == "NOTFOUND "
    server.start()

    other.await_answer(DOMAIN, "OK secure", BACK_SECONDS)
    assert wait_until(lambda: one.policy("good.test") is not None), "known to the other alone"


def test_a_node_that_starts_without_the_database_answers(
    lab: Lab, server: Server, nodes: tuple[Daemon, Daemon]
) -> None:
    """What it cannot read it looks up, and what it fetches is stored when the database is back."""
    _, other = nodes
    server.stop()
    other.restart()
    other.await_log("store cannot be reached")
    assert other.ask("good.test").startswith("OK secure")
    server.start()

    other.await_log("changes of other nodes are heard again", seconds=BACK_SECONDS)
    assert wait_until(lambda: other.policy("good.test") is not None)
