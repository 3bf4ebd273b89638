"""docs/tutorial/is-it-safe-to-enforce.md, walked from its first block to its last."""

import re
import shlex
from pathlib import Path

import pytest

from lab.daemon import Daemon
from lab.internet import Lab

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "is-it-safe-to-enforce.md"
DOMAIN = "good.test"
NAMES = {  # of the lab, and as the page calls them; hosts before what their names end in
    "mx.good.test": "mx1.example.com",
    "mx.nopolicy.test": "mx2.example.com",
    DOMAIN: "example.com",
}
EXIT_CODES = [1, 0, 0, 0, 0]  # of the page's commands; it tells the first two


def as_on_the_page(text: str) -> str:
    """Rename the lab's hosts, and make alike what differs from day to day and line to line."""
    for ours, shown in NAMES.items():
        text = text.replace(ours, shown)
    text = re.sub(r"id=\d{8}T\d{6};", "id=NEW;", text)
    text = re.sub(r"\d{4}-\d\d-\d\d", "DATE", text)
    return " ".join(re.sub("─+", "─", text).split())


def as_in_the_lab(text: str) -> str:
    """Rename the page's hosts."""
    for ours, shown in NAMES.items():
        text = text.replace(shown, ours)
    return text


def publish(lab: Lab, text: str) -> bool:
    """Publish a policy or a record as the page's owner does; False for what is neither."""
    if text.startswith("version: STSv1"):
        lab.policy_host.set_policy(DOMAIN, text)
        return True
    if record := re.fullmatch(r'_mta-sts\.\S+ TXT "(.+)"\n', text):
        lab.dns.set_sts(DOMAIN, record[1])
        return True
    return False


def run(daemon: Daemon, command: str) -> tuple[int, str]:
    """Run a command of the page; return its exit code and what it prints."""
    words = shlex.split(as_in_the_lab(command))
    assert words[0] == "mailseal"
    done = daemon.command(*words[1:])
    assert done.stderr == ""
    if words[1:3] == ["monitor", "add"]:
        daemon.await_log(f"watched domain looked at.*domain={DOMAIN}")
    return done.returncode, as_on_the_page(done.stdout)


def test_every_step_does_what_the_page_shows(lab: Lab, make_daemon: MakeDaemon) -> None:
    """What is published is the page's, what is printed is as on the page, in this order."""
    lab.dns.set_mx(DOMAIN, "mx.good.test", "mx.nopolicy.test")
    daemon = make_daemon({"check": {"pause_per_address": '"0s"'}})
    daemon.start()
    codes, printed = [], ""

    fences = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for language, text in fences:
        if language == "console":
            code, printed = run(daemon, text[2:])
            codes.append(code)
        elif not publish(lab, as_in_the_lab(text)):
            assert as_on_the_page(text) in printed

    assert codes == EXIT_CODES
