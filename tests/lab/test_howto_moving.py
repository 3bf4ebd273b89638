"""The how-tos for moving from the two other daemons, done as they stand there."""

import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.daemon import MAILSEAL, Daemon
from lab.internet import Lab
from lab.packages import Tree
from tests.moving.caches import write_sqlite

from .conftest import MakeDaemon

pytestmark = pytest.mark.lab

HOWTOS = Path(__file__).parents[2] / "docs" / "howto"
STS_RESOLVER = (HOWTOS / "move-from-postfix-mta-sts-resolver.md").read_text()
TLSPOL = (HOWTOS / "move-from-postfix-tlspol.md").read_text()

# What only the lab needs, behind what the import wrote.
LAB_TABLES = """
[https]
ca_file = "{ca_file}"
allow_private_addresses = true

[http]
enabled = false
"""
POLICY = {"mx": ["mx.good.test"], "version": "STSv1", "mode": "enforce", "max_age": 604_800}


def block(page: str, language: str) -> str:
    """Return a page's first block of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def policy_maps(page: str) -> str:
    """Return the value of smtp_tls_policy_maps that a page takes for granted."""
    found = re.search(r"^smtp_tls_policy_maps = (.+)$", page, re.MULTILINE)
    assert found is not None
    return found[1]


def mailseal_commands(page: str) -> list[list[str]]:
    """Return the words of every mailseal command in a page's console blocks, in order."""
    lines = re.findall(r"^# (?:runuser -u mailseal -- )?(mailseal .+)$", page, re.MULTILINE)
    return [shlex.split(line)[1:] for line in lines]


@pytest.fixture
def moved(lab: Lab, make_daemon: MakeDaemon) -> Callable[[str, str, dict[str, str]], Daemon]:
    """Do a page's commands with its file; ``places`` are paths of the page and those here."""

    def move(page: str, port: str, places: dict[str, str]) -> Daemon:
        daemon = make_daemon({})
        other, ours = daemon.folder / "other.yml", daemon.folder / "imported.toml"
        # The lab's shared mailseal has the ports that the daemons have.
        other.write_text(block(page, "yaml").replace(port, f"1{port}"))
        [import_words, *rest] = mailseal_commands(page)
        paths = {import_words[2]: str(other), import_words[4]: str(ours), **places}
        done = lab.run([MAILSEAL, *(paths.get(word, word) for word in import_words)])
        assert done.returncode == 0, done.stderr
        told = done.stdout
        assert all(
            line.startswith(("carried over: ", "different here: ", "not carried over: ", "wrote "))
            for line in told.splitlines()
        )
        daemon.config.write_text(
            f'state_dir = "{daemon.state}"\n'
            + ours.read_text()
            + LAB_TABLES.format(ca_file=lab.ca_file)
        )
        for words in rest:
            done = daemon.command(*(paths.get(word, word) for word in words))
            assert done.returncode == 0, done.stderr
        daemon.start()
        return daemon

    return move


Move = Callable[[str, str, dict[str, str]], Daemon]


def test_from_postfix_mta_sts_resolver(lab: Lab, moved: Move) -> None:
    """``main.cf`` as it was: the policy is enforced, DANE left alone, any map name answered.

    The imported policy is in force before anything was fetched.
    """
    cache = lab.folder / "old-cache.db"
    write_sqlite(cache, [("good.test", int(time.time()) - 3600, "old1", POLICY)])
    lab.dns.remove("_mta-sts.good.test")
    daemon = moved(STS_RESOLVER, "8461", {"/var/lib/mailseal/old-cache.db": str(cache)})
    maps = policy_maps(STS_RESOLVER).replace("8461", "18461")
    with lab.sender(maps) as postfix:
        assert postfix.deliver("someone@good.test").tls == "Verified"
        assert postfix.deliver("someone@stripped.test").status == "deferred"
        assert postfix.deliver("someone@nopolicy.test").status == "sent"
        assert postfix.look_up("dane-nopolicy.test", maps) == ""
        some = maps.removesuffix(":postfix")
        plain = "secure match=mx.signed.test servername=hostname"
        assert postfix.look_up("signed.test", f"{some}:whatever") == plain
        full = postfix.look_up("signed.test", f"{some}:reports")
        assert full.startswith(f"{plain} policy_type=sts policy_domain=signed.test ")
        daemon.stop()
        held = postfix.deliver("someone@nopolicy.test")
        assert (held.status, held.reason) == ("deferred", "client TLS configuration problem")


def test_from_postfix_tlspol(lab: Lab, moved: Move) -> None:
    """``main.cf`` as it was: DANE first, then the policy, in the form that Postfix 3.7 takes."""
    daemon = moved(TLSPOL, "8642", {})
    with lab.sender(policy_maps(TLSPOL).replace("8642", "18642")) as postfix:
        assert postfix.deliver("someone@good.test").tls == "Verified"
        assert postfix.deliver("someone@dane-good.test").tls == "Verified"
        assert postfix.deliver("someone@stripped.test").status == "deferred"
        daemon.stop()
        held = postfix.deliver("someone@nopolicy.test")
        assert (held.status, held.reason) == ("deferred", "client TLS configuration problem")


def test_from_postfix_tlspol_with_postfix_3_10(lab: Lab, newer: Tree, moved: Move) -> None:
    """``QUERYwithTLSRPT`` carries what Postfix 3.10 matches MX names by."""
    assert "`QUERYwithTLSRPT`" in TLSPOL
    moved(TLSPOL, "8642", {})
    maps = policy_maps(TLSPOL).replace("8642", "18642") + "withTLSRPT"
    with lab.sender(maps, newer=newer) as postfix:
        assert "mx_host_pattern=mx.good.test" in postfix.look_up("good.test", maps)
        assert postfix.deliver("someone@good.test").tls == "Verified"
        assert postfix.deliver("someone@dane-good.test").tls == "Verified"
