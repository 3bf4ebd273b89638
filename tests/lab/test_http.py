"""HTTP of a real mailseal in the lab: the same decisions as over socketmap, metrics, health."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lab.addresses import RESOLVER
from lab.daemon import ANSWER_SECONDS, Daemon
from lab.service import wait_until

pytestmark = pytest.mark.lab

ZONES = ("postfix", "postfix-3.10", "sendmail")


class Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket, by Python's own client."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the path instead of the host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER_SECONDS)
        self.sock.connect(str(self._path))


def get(daemon: Daemon, target: str) -> tuple[int, bytes]:
    """Make one request; return status and body."""
    connection = Connection(daemon.http)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def document(daemon: Daemon, key: str, zone: str | None = None) -> tuple[int, dict[str, Any]]:
    """Ask for a policy; return status and document."""
    query = f"?zone={zone}" if zone else ""
    status, body = get(daemon, f"/v1/policy/{quote(key, safe='')}{query}")
    return status, json.loads(body)


def samples(daemon: Daemon) -> dict[tuple[str, tuple[str, ...]], float]:
    """Scrape; return the samples by name and the values of their labels."""
    status, body = get(daemon, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(("key", "postfix", "action"), [
    ("good.test", "OK secure match=mx.good.test servername=hostname", "require-certificate"),
    ("[mx.good.test]:587", "NOTFOUND ", "mta-default"),     # the host has no policy
    ("bücher.test",
     "OK secure match=mx.xn--bcher-kva.test servername=hostname", "require-certificate"),
    ("dane-good.test", "OK dane-only", "require-dane"),
    ("[mx.dane-good.test]:smtp", "OK dane-only", "require-dane"),
    ("dane-insecure-mx.test",
     "OK secure match=mx.dane-good.test servername=hostname", "require-certificate"),
    ("nopolicy.test", "NOTFOUND ", "mta-default"),
    ("nxdomain.test", "NOTFOUND ", "mta-default"),
    ("servfail.test", "OK dane", "prefer-dane"),
])  # fmt: skip
def test_http_and_socketmap_decide_alike(
    daemon: Daemon, key: str, postfix: str, action: str
) -> None:
    """For every zone, whichever of the two is asked first."""
    first = {zone: document(daemon, key, zone) for zone in ZONES}
    over_socketmap = {zone: daemon.ask(key, zone) for zone in ZONES}
    status, whole = document(daemon, key)

    assert over_socketmap["postfix"] == postfix
    assert {zone: one["reply"] for zone, (_, one) in first.items()} == over_socketmap
    assert {zone: whole["replies"][zone] for zone in ZONES} == over_socketmap
    assert status == 200
    assert whole["decision"]["action"] == action


@pytest.mark.parametrize(("key", "status"), [
    ("good.test\r\nX-Evil: 1", 400),
    ("good.test match=evil.test", 400),    # attributes for Postfix
    ("good.test\0", 400),
    ("../../metrics", 404),                # a path, as of a next hop that is none of the Internet
    ("a..b", 400),
    ("x" * 300 + ".test", 400),
    (".good.test", 404),                   # a parent's policy never applies
    ("[127.0.0.1]", 404),
    ("unix:/run/lmtp.sock", 404),
])  # fmt: skip
def test_a_hostile_name_is_a_problem_where_socketmap_finds_nothing(
    daemon: Daemon, key: str, status: int
) -> None:
    """Nothing is decided for it, and nothing of it reaches a reply."""
    before = samples(daemon)
    start = len(daemon.log_lines())

    told, problem = document(daemon, key)
    assert (told, problem["status"]) == (status, status)
    assert problem["code"] in {"malformed", "no-policy"}
    assert daemon.ask(key) == "NOTFOUND "

    after = samples(daemon)
    route = ("mailseal_http_requests_total", ("/v1/policy/{next_hop}", str(status)))
    assert after[route] == before.get(route, 0) + 1
    assert not [line for line in daemon.log_lines(start) if "decision" in line]


def test_metrics_tell_what_the_network_gave(daemon: Daemon) -> None:
    """A decision over socketmap, its look-ups and its fetch, the resolver that validates."""
    before = samples(daemon)
    daemon.ask("good.test")
    after = samples(daemon)

    for name, labels in (
        ("mailseal_decisions_total", ("sts-enforced", "postfix", "postfix")),
        ("mailseal_policy_fetches_total", ("ok", "ok")),
        ("mailseal_dns_lookups_total", ("found", "TXT")),
    ):
        assert after[name, labels] == before.get((name, labels), 0) + 1, name
    # The answering process is asked for its numbers once a second at most.
    waited = ("mailseal_requests_total", ("waited",))
    assert wait_until(lambda: samples(daemon)[waited] > before[waited])
    assert after["mailseal_dns_resolver_validates", (f"{RESOLVER}:53",)] == 1
    assert after["mailseal_dane_on", ()] == 1
    assert after["mailseal_store_up", ()] == 1


def test_a_service_that_answers_is_live_and_ready(daemon: Daemon) -> None:
    """With every check told."""
    assert get(daemon, "/health/live") == (200, b'{"live":true}')
    status, body = get(daemon, "/health/ready")
    readiness = json.loads(body)
    assert (status, readiness["ready"]) == (200, True)
    assert {name: one["ok"] for name, one in readiness["checks"].items()} == {
        "answerer": True, "listeners": True, "store": True,
    }  # fmt: skip
