"""``mailseal doctor`` on a machine with real resolvers, a real service and a real main.cf."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.daemon import MAILSEAL, Daemon
from lab.internet import Lab
from lab.sender import SendingPostfix

pytestmark = pytest.mark.lab

Examine = Callable[..., dict[str, str]]


@pytest.fixture
def examine(lab: Lab, daemon: Daemon) -> Examine:
    """Run the doctor inside the lab; return the status of each finding by its code."""
    tree = lab.namespace.trees["postfix"]
    programs = lab.folder / "doctor"
    programs.mkdir(exist_ok=True)
    postconf = programs / "postconf"
    postconf.write_text(
        f'#!/bin/sh\nLD_LIBRARY_PATH="{tree.library_path()}" '
        f'exec "{tree.file("usr/sbin/postconf")}" "$@"\n'
    )
    postconf.chmod(0o755)

    def run(postfix: SendingPostfix, config: Path = daemon.config, *more: str) -> dict[str, str]:
        done = lab.run(
            [MAILSEAL, "doctor", "--config", config, "--postfix", postfix.postfix.folder,
             "--format", "json", *more],
            environment={"PATH": f"{programs}:/usr/bin:/bin"},
        )  # fmt: skip
        assert done.stdout, done.stderr
        return {one["code"]: one["status"] for one in json.loads(done.stdout)}

    return run


def test_the_lab_is_healthy(daemon: Daemon, postfix: SendingPostfix, examine: Examine) -> None:
    """What delivers mail in every other test has nothing wrong, but for the clock's keeper."""
    found = examine(postfix, daemon.config, "--domain", "dane-good.test")

    wrong = {code for code, status in found.items() if status != "ok"}
    assert wrong <= {"clock-not-synchronised", "clock-unknown"}
    assert {
        "resolver-validates", "trust-store", "state-folder", "service-running",
        "listener-answers", "domain-answered", "postfix-asks", "postfix-socket",
        "postfix-dnssec", "postfix-authorities", "postfix-level", "postfix-protocols",
    } <= set(found)  # fmt: skip


def test_postfix_own_default_lets_old_tls_pass(lab: Lab, daemon: Daemon, examine: Examine) -> None:
    """Which no other setting makes up for, so that it is told."""
    with lab.sender(daemon.table()) as postfix:
        default = postfix.postfix.run("postconf", "-d", "-h", "smtp_tls_mandatory_protocols")
        postfix.postfix.change_settings({"smtp_tls_mandatory_protocols": default.strip()})
        found = examine(postfix)

    wrong = {
        code: found[code] for code in found if code.startswith("postfix-") and found[code] != "ok"
    }
    assert wrong == {"postfix-allows-old-tls": "warning"}


@pytest.mark.parametrize(("settings", "code"), [
    ({"smtp_dns_support_level": "enabled"}, "postfix-without-dnssec"),
    ({"smtp_tls_CAfile": ""}, "postfix-without-authorities"),
    ({"smtp_tls_CAfile": "/nowhere.pem"}, "postfix-without-authorities"),
    ({"smtp_tls_security_level": "secure"}, "postfix-level-weakened"),
    ({"smtp_tls_mandatory_protocols": "<=TLSv1.1"}, "postfix-without-tls-1.2"),
    ({"smtp_tls_policy_maps": "socketmap:unix:/nowhere:postfix"}, "postfix-socket-missing"),
    ({"smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8461:postfix-3.10"}, "postfix-too-old"),
    ({"smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8461:typo"}, "postfix-unknown-map"),
])  # fmt: skip
def test_what_postconf_says_of_a_fault_is_understood(
    lab: Lab, daemon: Daemon, examine: Examine, settings: dict[str, str], code: str
) -> None:
    """As Postfix's own program prints it, continued lines, defaults and all."""
    with lab.sender(daemon.table()) as postfix:
        postfix.postfix.change_settings(settings)
        found = examine(postfix)

    assert found[code] == "error"
    assert [one for one in found if one.startswith("postfix-") and found[one] != "ok"] == [code]


def test_a_resolver_without_validation_and_a_service_that_is_down(
    lab: Lab, daemon: Daemon, postfix: SendingPostfix, examine: Examine
) -> None:
    """Both are errors, each with a name."""
    lab.dns.start_second_resolver(validates=False)
    config = lab.folder / "doctor.toml"
    config.write_text(
        f'state_dir = "{lab.folder / "nobody"}"\n[dns]\nresolvers = ["127.0.0.54"]\n'
        '[[listen]]\nprotocol = "socketmap"\naddress = "127.0.0.1:8499"\n'
    )
    found = examine(postfix, config)

    assert {code for code, status in found.items() if status == "error"} >= {
        "resolver-does-not-validate", "dane-is-off", "service-not-running", "listener-silent",
        "state-folder-missing",
    }  # fmt: skip
