"""``mailseal doctor``: what is gathered, how it is told, and the exit code."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailseal.config import Config
from mailseal.dane.validation import TestResult, Validation
from mailseal.doctor.machine import ResolverFact, TrustStoreFact
from mailseal.faces import inspection
from mailseal.faces.doctor import DoorFacts
from mailseal.testing import ManualClock
from mailseal.wire import netstring
from tests.faces.world import World

MAIN_CF = """\
mail_version = 3.10.5
queue_directory = {queue}
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_CAfile = {queue}
smtp_tls_CApath =
smtp_tls_mandatory_protocols = >=TLSv1
smtp_tls_policy_maps = socketmap:unix:/mailseal:postfix
smtp_tls_security_level = may
"""


@dataclass
class Ward(World):
    """A world with a machine around it: all is well but for what a test changes."""

    validation: Validation = Validation.PROVEN

    def look_through_doors(self, _config: Config) -> DoorFacts:
        """Stand in for the resolvers and the trust store."""
        fact = ResolverFact(
            address="127.0.0.1:53",
            is_trusted=True,
            result=TestResult(validation=self.validation, reason="as the test wants it"),
        )
        return DoorFacts(
            resolvers=(fact,), trust_store=TrustStoreFact(source="/ca.pem", authorities=1)
        )

    def SystemClock(self) -> ManualClock:  # noqa: N802 -- wiring's class
        """Return a clock that is ahead of every file."""
        return ManualClock(self.clock.now().replace(year=2999))

    def examine(self, *arguments: str) -> tuple[int, dict[str, str]]:
        """Run the command; return its exit code and the status of each finding."""
        result = self.run("doctor", *arguments, "--format", "json")
        return result.exit_code, {one["code"]: one["status"] for one in json.loads(result.stdout)}


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    """Give a machine with no mail server, and a listener that answers as mailseal does."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(inspection, "_ADMIN_PATH", str(tmp_path / "sbin"))
    made = Ward(tmp_path)
    path = tmp_path / "socketmap"
    made.config_file.write_text(
        f'state_dir = "{tmp_path / "state"}"\n'
        f'[[listen]]\nprotocol = "socketmap"\naddress = "unix:{path}"\n'
    )
    made.config_file.chmod(0o644)  # whatever the umask
    with answering(path, lambda key: b"OK dane-only" if b"good" in key else b"NOTFOUND "):
        yield made


@contextmanager
def answering(path: Path, answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """Answer one request per connection until the block ends."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()

        def serve() -> None:
            while True:
                client, _ = listener.accept()
                with client:
                    request = client.recv(1000)
                    if request == b"end":
                        return
                    client.sendall(netstring.encode(answer(request)))

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))
            last.sendall(b"end")
        thread.join()


def install_postfix(ward: Ward, *, is_chrooted: bool, text: str = MAIN_CF, status: int = 0) -> None:
    """Put a postconf into PATH that prints a main.cf."""
    folder = ward.folder / "bin"
    folder.mkdir()
    (ward.folder / "main.cf").write_text(text.format(queue=ward.folder / "queue"))
    program = folder / "postconf"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *chroot) echo "smtp/unix/chroot = {"y" if is_chrooted else "n"}" ;;\n'
        f'*) while IFS= read -r line; do echo "$line"; done < {ward.folder / "main.cf"}; '
        f"exit {status} ;; esac\n"
    )
    program.chmod(0o755)


def test_a_healthy_machine(ward: Ward) -> None:
    """Every part is looked at, and each gets a line."""
    # The actors of the world have no self-test, as with DANE off.
    with ward.config_file.open("a") as config:
        config.write("[dane]\nenabled = false\n")
    with ward.running():
        _, found = ward.examine("--domain", "good.example")

    clock = found.pop(next(code for code in found if code.startswith("clock-")))
    assert clock in {"ok", "warning", "unknown"}  # the machine's own
    assert found == {
        "resolver-validates": "ok",
        "trust-store": "ok",
        "state-folder": "ok",
        "config-file": "ok",
        "socket-modes": "ok",
        "service-running": "ok",
        "listener-answers": "ok",
        "domain-answered": "ok",
        "mta-not-found": "ok",
    }  # fmt: skip


def test_the_running_service_is_asked_for_a_domain_that_it_knows(ward: Ward) -> None:
    """All of it takes part in that answer; a new service knows none, which is no fault."""
    with ward.running():
        _, before = ward.examine()
        ward.publish("good.example")
        ward.run("query", "good.example")
        told = ward.run("doctor").stdout

    assert before["domain-none-known"] == "ok"
    assert "domain-answered: good.example is answered 'OK dane-only'" in told
    assert "domain-none-known" not in told


def test_the_text_has_one_line_for_each_finding_with_its_remedy(ward: Ward) -> None:
    """For a terminal, and for a monitor that shows the first line."""
    ward.validation = Validation.DISPROVEN
    result = ward.run("doctor")

    assert result.exit_code == 2
    first = result.stdout.splitlines()[0]
    assert first.startswith("error    resolver-does-not-validate: resolver 127.0.0.1:53 does not")
    assert ". Do: turn DNSSEC validation on" in first


def test_a_password_that_everybody_can_read_is_told(ward: Ward) -> None:
    """The database's stands in the configuration file; without one, everybody may read it."""
    with ward.config_file.open("a") as config:
        config.write('[store]\nurl = "postgresql://mailseal:secret@db.example.com/mailseal"\n')

    _, found = ward.examine()

    assert found["config-readable"] == "warning"


def test_a_service_that_does_not_run_is_an_error(ward: Ward) -> None:
    """A mail server that asks it defers everything."""
    code, found = ward.examine()

    assert code == 2
    assert found["service-not-running"] == "error"
    assert found["state-folder-missing"] == "error"


def test_a_listener_where_nobody_is_is_an_error(ward: Ward) -> None:
    """Told with the system's own words."""
    ward.config_file.write_text(
        f'[[listen]]\nprotocol = "line"\naddress = "unix:{ward.folder / "nobody"}"\n'
    )
    result = ward.run("doctor")

    assert "listener-silent: unix:" in result.stdout
    assert "No such file or directory" in result.stdout


@pytest.mark.parametrize(("is_chrooted", "place", "path", "code"), [
    (True, "queue/mailseal", "/mailseal", "postfix-socket"),
    (True, None, "/mailseal", "postfix-socket-missing"),
    (False, "queue/mailseal", "/mailseal", "postfix-socket-missing"),    # is elsewhere
    (True, "queue/mailseal", "mailseal", "postfix-socket"),
    (False, "queue/mailseal", "mailseal", "postfix-socket"),    # Postfix works in its queue
])  # fmt: skip
def test_postfix_in_a_chroot_needs_its_socket_there(
    ward: Ward, is_chrooted: bool, place: str | None, path: str, code: str
) -> None:
    """The path in main.cf is below the queue then."""
    (ward.folder / "queue").mkdir()
    text = MAIN_CF.replace("unix:/mailseal", f"unix:{path}")
    install_postfix(ward, is_chrooted=is_chrooted, text=text)
    with socket.socket(socket.AF_UNIX) as listener:
        if place:
            listener.bind(str(ward.folder / place))
        _, found = ward.examine()

    assert code in found
    assert found["postfix-authorities"] == "ok"


def test_a_postconf_that_fails_is_told(ward: Ward) -> None:
    """What it looks like inside is unknown then, not good."""
    install_postfix(ward, is_chrooted=False, status=1)
    _, found = ward.examine()

    assert found["postfix-unseen"] == "unknown"


def test_sendmail_and_exim_are_pointed_to_their_how_to(ward: Ward) -> None:
    """Their configuration is not looked at."""
    (ward.folder / "sbin").mkdir()
    program = ward.folder / "sbin" / "exim4"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert "mta-found: Exim is installed here; see docs/howto/exim.md" in ward.run("doctor").stdout


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--domain", "[192.0.2.1]"], ["word"]])
def test_wrong_usage_is_no_finding(ward: Ward, arguments: list[str]) -> None:
    """Exit code 3: a monitor must not take it for a broken machine."""
    assert ward.run("doctor", *arguments).exit_code == 3


def test_an_unusable_configuration_is_an_error(ward: Ward) -> None:
    """The service would not start with it."""
    ward.config_file.write_text("[nonsense]\n")

    assert ward.run("doctor").exit_code == 2


def test_the_kernel_is_asked_about_the_clock() -> None:
    """Whatever it says on this machine, it is one of three words."""
    assert inspection.is_clock_synchronised() in {True, False, None}


def test_what_may_not_be_looked_at_is_unknown(tmp_path: Path) -> None:
    """A socket in a folder that this user may not enter, unless that is root."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)

    expected = False if os.geteuid() == 0 else None
    assert inspection._is_socket(closed / "socket") is expected
