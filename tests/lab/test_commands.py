"""``mailseal query`` and ``cache`` with real DNS and policy hosts, with and without a service."""

import json
import subprocess
from pathlib import Path

import pytest

from lab.daemon import MAILSEAL, Daemon
from lab.internet import Lab
from lab.unavailable import Unavailable
from tests.realservers import give_up_on_lab

from .conftest import QUICK_TABLES, MakeDaemon

pytestmark = pytest.mark.lab

SECURE = "OK secure match=mx.good.test servername=hostname"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def stopped(make_daemon: MakeDaemon) -> Daemon:
    """Give the configuration of a mailseal that does not run."""
    return make_daemon(QUICK_TABLES)


def test_query_says_what_postfix_is_told(daemon: Daemon) -> None:
    """The running service answers, and the command adds nothing."""
    done = daemon.command("query", "good.test")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"good.test: {SECURE}\n", "")


def test_query_explains_an_enforced_policy(daemon: Daemon) -> None:
    """Records, certificate, policy, dates, MX hosts, decision, and every profile's bytes."""
    daemon.ask("good.test")
    lines = [
        line.strip()
        for line in daemon.command("query", "good.test", "--explain").stdout.splitlines()
    ]

    assert '_mta-sts.good.test TXT "v=STSv1; id=1;"' in lines
    assert "certificate for mta-sts.good.test" in lines
    assert "issued by CN=Lab Issuing CA" in lines
    assert "mode enforce, id 1, max_age 604800 s" in lines
    assert "MX set not validated by DNSSEC" in lines
    assert "10 mx.good.test, allowed by the policy" in lines
    assert f"postfix       {SECURE}" in lines
    assert any(line.startswith(f"postfix-3.10  {SECURE} policy_type=sts") for line in lines)
    assert any(line.startswith("fetched ") and " expires " in line for line in lines)


@pytest.mark.parametrize(("domain", "said"), [
    ("policy-expired.test", "sts-webpki-invalid"),
    ("policy-404.test", "sts-policy-fetch-error"),
    ("policy-smuggle.test", "none: policy line 4: mx is "),
    ("nopolicy.test", "_mta-sts.nopolicy.test: none (NXDOMAIN)"),
    ("txt-duplicate.test", "error: "),
    ("txt-bogus.test", "could not be looked up: "),
    ("dane-good.test", "DANE usable: 3 1 1 "),
    ("dane-bogus.test", "DANE unknown: "),
    ("null-mx.test", "the domain takes no mail (null MX)"),
    ("uncovered.test", "mx.uncovered.test, NOT allowed by the policy"),
    ("none.test", "mode none, id 1"),
])  # fmt: skip
def test_query_explains_what_is_wrong_or_different(daemon: Daemon, domain: str, said: str) -> None:
    """The step at which it was decided can be read."""
    assert said in daemon.command("query", domain, "--explain").stdout


def test_query_looks_up_by_itself_without_a_service(stopped: Daemon) -> None:
    """It says so on standard error and leaves nothing behind."""
    done = stopped.command("query", "good.test")

    assert done.stdout == f"good.test: {SECURE}\n"
    assert done.stderr == "no service is running; looked up by this command\n"
    assert not stopped.state.exists()


@pytest.mark.parametrize(("domain", "code"), [("good.test", 0), ("uncovered.test", 1)])
def test_exit_codes_tell_whether_mail_has_to_wait(
    daemon: Daemon, stopped: Daemon, domain: str, code: int
) -> None:
    """The same with and without a service."""
    assert daemon.command("query", domain).returncode == code
    assert stopped.command("query", domain).returncode == code


def test_policies_are_listed_shown_refreshed_and_purged(lab: Lab, daemon: Daemon) -> None:
    """What an administrator does when a domain's owner calls."""
    daemon.ask("good.test")
    daemon.ask("none.test")
    listed = [json.loads(line) for line in
              daemon.command("cache", "list", "--format", "json").stdout.splitlines()]  # fmt: skip
    assert {each["domain"]: each["mode"] for each in listed} == {
        "good.test": "enforce", "none.test": "none",
    }  # fmt: skip
    assert "mx mx.good.test" in daemon.command("cache", "show", "good.test").stdout
    lab.policy_host.forget_requests("good.test")
    assert daemon.command("cache", "refresh", "good.test").returncode == 0
    assert lab.policy_host.requests("good.test") == 1

    lab.policy_host.stop("good.test")
    assert daemon.command("cache", "purge", "good.test").returncode == 0

    assert daemon.ask("good.test") == "NOTFOUND "
    assert daemon.command("cache", "show", "good.test").returncode == 1
    assert daemon.command("cache", "purge", "good.test").returncode == 1


def test_policies_can_be_seen_and_purged_while_the_service_is_down(own_daemon: Daemon) -> None:
    """The store is opened by the command; the next start knows of it."""
    own_daemon.ask("good.test")
    own_daemon.stop()

    assert "good.test" in own_daemon.command("cache", "list").stdout
    assert own_daemon.command("cache", "purge", "good.test").returncode == 0
    assert own_daemon.command("cache", "list").stdout == ""


def as_nobody(lab: Lab, daemon: Daemon, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a user without rights; give up where such a user cannot run it at all."""
    if lab.run([*NOBODY, MAILSEAL, "--version"]).returncode != 0:
        reason = "another user cannot run this mailseal"
        give_up_on_lab(Unavailable(reason, "let others read its folder and its Python"))
    return lab.run([*NOBODY, MAILSEAL, *arguments, "--config", daemon.config])


@pytest.mark.parametrize("arguments", [
    ("query", "good.test"),
    ("cache", "list"),
    ("cache", "show", "good.test"),
    ("cache", "purge", "good.test"),
])  # fmt: skip
def test_another_user_is_told_whom_to_be(
    lab: Lab, daemon: Daemon, arguments: tuple[str, ...]
) -> None:
    """Not an answer of its own, which might differ from the service's."""
    done = as_nobody(lab, daemon, *arguments)

    assert done.returncode == 3
    assert done.stdout == ""
    assert "run it as root or as the service's user" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_user_may_ask_without_a_service(lab: Lab, stopped: Daemon) -> None:
    """Looking things up takes no rights."""
    assert as_nobody(lab, stopped, "query", "good.test").stdout == f"good.test: {SECURE}\n"


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (("query",), 2, "Missing argument"),
    (("query", "good.test", "--profile", "nonsense"), 2, "there are postfix"),
    (("cache", "purge", "a..b"), 2, "Invalid value"),
    (("cache", "forget"), 2, "No such command"),
    (("serve", "--port", "1"), 2, "No such option"),
])  # fmt: skip
def test_wrong_usage_is_exit_code_2(
    daemon: Daemon, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """With the mistake named, and nothing done."""
    done = daemon.command(*arguments)

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_configuration_names_the_way_out(lab: Lab, tmp_path: Path) -> None:
    """Where it was looked for, and what would make one."""
    done = lab.run([MAILSEAL, "query", "good.test", "--config", tmp_path / "missing.toml"])

    assert done.returncode == 2
    assert "mailseal config init" in done.stderr
