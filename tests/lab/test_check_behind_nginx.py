"""The nginx lines of docs/howto/check-a-domain.md, as they stand there, before a real service."""

import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.nginx import HEAD
from lab.service import Service
from tests.test_docs import blocks

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "check-a-domain.md"
SETTINGS = [block for block in blocks(PAGE, "toml") if "trusted_proxies" in block]
LOCATIONS = blocks(PAGE, "nginx")
SHOWN_SOCKET = "/run/mailseal/http"
PORT = 8463
WEB = "127.0.70.1"
ANN, BOB, EVE = "127.0.71.1", "127.0.71.2", "127.0.71.3"

_numbers = itertools.count(1)

# Asks from an address of its own; prints status, type and body.
VISITOR = """\
import http.client, json, sys
place, port, source, target, headers = json.loads(sys.argv[1])
connection = http.client.HTTPConnection(place, port, timeout=30, source_address=(source, 0))
connection.request("GET", target, headers=headers)
response = connection.getresponse()
body = response.read().decode()
print(json.dumps([response.status, response.headers["content-type"], body]))
"""


class Site:
    """A service with nginx in front; each client may ask for one check an hour."""

    def __init__(self, lab: Lab, daemon: Daemon, location: str) -> None:
        self.lab = lab
        self.daemon = daemon
        folder = lab.folder / f"site{next(_numbers)}"
        (folder / "tmp").mkdir(parents=True)
        text = HEAD.format(folder=folder)
        text += f"    access_log off;\n    server {{\nlisten {WEB}:80;\n{location}\n}}\n}}\n"
        (folder / "nginx.conf").write_text(text)
        tree = lab.namespace.trees["nginx"]
        self.service = Service(
            lab.namespace,
            "nginx",
            [tree.file("usr/sbin/nginx"), "-c", folder / "nginx.conf", "-e", "stderr"],
            log=folder / "nginx.log",
            environment={"LD_LIBRARY_PATH": tree.library_path()},
            ready=lambda: lab.namespace.is_listening(WEB, 80),
        )

    def visit(
        self,
        source: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        at: tuple[str, int] = (WEB, 80),
    ) -> tuple[int, str, str]:
        """Ask from an address; return status, content type and body."""
        words = json.dumps([*at, source, target, dict(headers or {})])
        done = self.lab.namespace.run([sys.executable, "-I", "-c", VISITOR, words], check=True)
        status, content_type, body = json.loads(done.stdout)
        return status, content_type, body

    def check(self, source: str, domain: str, **headers: str) -> int | str:
        """Have a domain checked; return 200, or the code of what went wrong."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return outcome(self.visit(source, f"/v1/check/{domain}", sent))


def outcome(answer: tuple[int, str, str]) -> int | str:
    """Return 200, or the code of what went wrong."""
    status, _, body = answer
    document: dict[str, Any] = json.loads(body)
    return status if status == 200 else str(document["code"])


@pytest.fixture(params=range(len(SETTINGS)), ids=["tcp", "unix"])
def site(request: pytest.FixtureRequest, lab: Lab, make_daemon: MakeDaemon) -> Iterator[Site]:
    """Run the service and nginx with the page's lines."""
    daemon = make_daemon({})
    settings = SETTINGS[request.param].replace(SHOWN_SOCKET, str(daemon.http))
    location = LOCATIONS[request.param].replace(SHOWN_SOCKET, str(daemon.http))
    text = daemon.config.read_text()
    own = f'[http]\naddress = "unix:{daemon.http}"\n'
    assert own in text
    daemon.config.write_text(text.replace(own, f"{settings}check_per_client = 1\n"))
    daemon.start()
    with ExitStack() as stack:
        made = Site(lab, daemon, location)
        stack.callback(made.service.stop)
        made.service.start()
        yield made


def test_each_visitor_has_a_ration_of_his_own(site: Site) -> None:
    """Neither a header of his own nor the web server's address gets him another."""
    status, content_type, body = site.visit(
        ANN, "/v1/check/good.test", {"Accept": "text/event-stream"}
    )
    assert (status, content_type) == (200, "text/event-stream")
    assert "event: result\n" in body
    assert site.check(ANN, "unsigned.test") == "client-limit"
    for forged in (EVE, f"{EVE}, {EVE}", "127.0.0.1", "nonsense", ", " * 400, f"{EVE},"):
        refused = site.check(ANN, "unsigned.test", X_Forwarded_For=forged, Forwarded=f"for={EVE}")
        assert refused == "client-limit"

    assert site.check(BOB, "expired.test", X_Forwarded_For=EVE) == 200
    assert site.check(BOB, "good.test") == 200  # kept from a moment ago
    assert site.check(EVE, "null-mx.test") == 200  # nobody has used her ration up


def test_the_web_server_shows_checks_and_nothing_else(site: Site) -> None:
    """Metrics and policies stay inside, however a path is written."""
    for target in ("/metrics", "/v1/policy/good.test", "/v1/check/../policy/good.test"):
        assert site.visit(ANN, target)[0] == 404
    for target in (
        "/v1/policy/..%2fcheck/a..b",
        "/v1/policy/../check/a..b",
        f"/v1/check/a..b%20HTTP/1.1%0d%0aX-Forwarded-For:%20{EVE}%0d%0a%0d%0a",
    ):
        assert outcome(site.visit(ANN, target, {"Cookie": "c=" + "x" * 7000})) == "malformed"


@pytest.mark.parametrize("site", [0], indirect=True, ids=["tcp"])
def test_who_gets_past_the_web_server_counts_for_himself(site: Site) -> None:
    """Another address than the web server's is not believed about anybody."""
    direct = ("127.0.0.1", PORT)
    first = site.visit(EVE, "/v1/check/good.test", {"X-Forwarded-For": ANN}, at=direct)
    second = site.visit(EVE, "/v1/check/expired.test", {"X-Forwarded-For": BOB}, at=direct)
    assert (outcome(first), outcome(second)) == (200, "client-limit")
    assert site.check(ANN, "expired.test") == 200
