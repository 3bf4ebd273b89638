"""A watched domain breaks and is mended: the news comes by mail and webhook, once each."""

import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.service import Service, wait_until

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

DOMAIN, HOST = "good.test", "mx.good.test"
BROKEN_HOST = "mx.expired.test"
MAIL_HOST = "mx.nopolicy.test"  # takes the mail; it is not what is watched
SECRET = "s3cret"
PORT = 8990
NEWS_SECONDS = 40.0  # a herald sends every half a minute
RECEIVER = Path(__file__).parents[2] / "lab" / "webhook.py"


@pytest.fixture
def posted(lab: Lab) -> Iterator[Path]:
    """Run a receiver of webhooks; give the file that it keeps them in."""
    kept = lab.folder / "posted"
    kept.unlink(missing_ok=True)
    service = Service(
        lab.namespace,
        "webhook",
        [sys.executable, "-I", RECEIVER, f"127.0.0.1:{PORT}", kept],
        log=lab.folder / "webhook.log",
        ready=lambda: lab.namespace.is_listening("127.0.0.1", PORT),
    )
    service.start()
    yield kept
    service.stop()


@pytest.fixture
def watching(lab: Lab, make_daemon: MakeDaemon, posted: Path) -> Daemon:
    """Run a service that watches, and tells by both ways."""
    secret = lab.folder / "webhook-secret"
    secret.write_text(SECRET)
    daemon = make_daemon(
        {
            "monitor": {
                "confirm_after": '"1s"',
                "mail_to": '["postmaster@elsewhere.test"]',
                "mail_from": '"mailseal@elsewhere.test"',
                "mail_host": f'"{MAIL_HOST}"',
                "webhook_url": f'"http://127.0.0.1:{PORT}/hook"',
                "webhook_secret_file": f'"{secret}"',
                "ca_file": f'"{lab.ca_file}"',
            },
            "check": {"pause_per_address": '"0s"', "name": '"checker.test"'},
        }
    )
    daemon.start()
    return daemon


def events(posted: Path) -> list[dict[str, Any]]:
    """Return what was posted, its signatures checked."""
    found = []
    for line in posted.read_bytes().splitlines() if posted.exists() else ():
        signature, _, body = line.partition(b" ")
        at, _, digest = signature.decode().removeprefix("t=").partition(",v1=")
        expected = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
        assert digest == expected.hexdigest()
        found += json.loads(body)["events"]
    return found


def told(posted: Path, kind: str) -> list[str]:
    """Return the codes of certificates that were told, each as often as it was."""
    codes = [one["code"] for event in events(posted) for one in event[kind]]
    return [code for code in codes if code.startswith("certificate-wrong")]


def look(daemon: Daemon) -> str:
    """Look now; the service may be at it already, and then once more."""
    printed = ""
    for _ in range(20):
        printed = watched_run(daemon)
        if "already" not in printed:
            return printed
        time.sleep(0.3)
    raise TimeoutError(printed)


def watched_run(daemon: Daemon) -> str:
    """Return what ``monitor run`` prints."""
    done = daemon.command("monitor", "run", DOMAIN)
    assert done.stderr == ""
    return done.stdout


def test_what_breaks_and_what_is_mended_is_told_once(
    lab: Lab, watching: Daemon, posted: Path
) -> None:
    """By mail over verified TLS and by a signed webhook, whatever restarts in between."""
    mailbox = lab.mailbox(MAIL_HOST)
    assert "from now on" in watching.command("monitor", "add", DOMAIN).stdout
    watching.await_log(f"watched domain looked at.*domain={DOMAIN}")
    assert told(posted, "added") == []

    # The name now leads to a server with another one's certificate.
    lab.dns.set_records(HOST, "A", lab.addresses.mx[BROKEN_HOST])
    assert "enforcing and losing mail" in look(watching)
    assert wait_until(lambda: len(told(posted, "added")) == 1, NEWS_SECONDS)
    assert wait_until(lambda: "certificate-wrong" in texts(mailbox.messages()), NEWS_SECONDS)
    watching.restart()
    look(watching)
    assert len(told(posted, "added")) == 1
    assert told(posted, "resolved") == []

    lab.dns.restore()
    for _ in range(2):
        assert "enforcing and losing mail" not in look(watching)
    assert wait_until(lambda: len(told(posted, "resolved")) == 1, NEWS_SECONDS)
    look(watching)
    assert (len(told(posted, "added")), len(told(posted, "resolved"))) == (1, 1)
    assert wait_until(lambda: "Resolved:" in texts(mailbox.messages()), NEWS_SECONDS)
    ids = [message["Message-ID"] for message in mailbox.messages()]
    assert len(ids) == len(set(ids))


def texts(messages: tuple[Any, ...]) -> str:
    """Return the text of all messages."""
    return "\n".join(str(message.get_payload(decode=True), "utf-8") for message in messages)


def test_alerts_can_be_tried(lab: Lab, watching: Daemon, posted: Path) -> None:
    """Both ways take a message about nothing."""
    done = watching.command("monitor", "test-alert")
    assert done.stdout == "mail: sent\nwebhook: sent\n", done.stderr
    assert [event["event"] for event in events(posted)] == ["test"]
    assert len(lab.mailbox(MAIL_HOST)) == 1
