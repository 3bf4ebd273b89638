"""Either process killed, stuck or without room to write: what was in force stays in force."""

import threading
import time
from pathlib import Path

import pytest

from lab.chaos.disk import fill
from lab.daemon import Daemon, read_reply
from lab.internet import Lab

from .conftest import QUICK_TABLES, MakeDaemon

pytestmark = pytest.mark.lab

SECURE = "OK secure match=mx.good.test servername=hostname"
DISK_BYTES = 4 * 1024 * 1024


def test_known_answers_keep_coming_while_the_resolver_is_dead(own_daemon: Daemon) -> None:
    """The answerer answers from its own table, all the time until another resolver works."""
    known = own_daemon.ask("good.test")
    assert known == SECURE
    first = own_daemon.resolver_pid

    own_daemon.kill_resolver()
    replies = {own_daemon.ask("good.test")}
    while not own_daemon.has_resolver() or own_daemon.resolver_pid == first:
        replies.add(own_daemon.ask("good.test"))

    assert replies == {known}
    own_daemon.await_log(f"the resolver has ended.*pid={first}.*action=restart-it")


def test_a_new_resolver_knows_all_policies_from_the_store(lab: Lab, own_daemon: Daemon) -> None:
    """Another zone's question is no hit in memory, and the policy host is gone."""
    own_daemon.ask("good.test")
    lab.policy_host.stop("good.test")
    own_daemon.kill_resolver()

    assert own_daemon.ask("good.test", "sendmail") == SECURE


def test_questions_that_a_dying_resolver_held_are_answered_by_the_next(own_daemon: Daemon) -> None:
    """Nobody who waits is forgotten."""
    own_daemon.freeze_resolver()
    replies: list[str] = []
    asking = [
        threading.Thread(target=lambda: replies.append(own_daemon.ask("good.test", "sendmail")))
        for _ in range(10)
    ]
    for thread in asking:
        thread.start()
    own_daemon.kill_resolver()
    for thread in asking:
        thread.join()

    assert replies == [SECURE] * 10


def test_a_stuck_resolver_costs_known_domains_nothing_and_others_a_deadline(
    own_daemon: Daemon,
) -> None:
    """Known: at once. Unknown: TEMP when the time is up, and the service goes on afterwards."""
    own_daemon.ask("good.test")
    own_daemon.freeze_resolver()
    try:
        began = time.monotonic()
        assert own_daemon.ask("good.test") == SECURE
        at_once = time.monotonic() - began
        reply = own_daemon.ask("wildcard.test")
        took = time.monotonic() - began
    finally:
        own_daemon.thaw_resolver()

    assert at_once < 1
    assert reply.startswith("TEMP ")
    assert took < 2 + 1 + 0.5 + 3  # the zone's deadline, the answerer's margin, its tick
    own_daemon.await_answer("wildcard.test", "OK secure ")


def test_nothing_outlives_a_killed_answerer(own_daemon: Daemon) -> None:
    """The resolver ends when its answerer is gone, so that a restart finds the way free."""
    resolver = own_daemon.resolver_pid

    own_daemon.kill()

    assert not Path(f"/proc/{resolver}").exists()


def test_a_killed_service_starts_again_with_all_its_policies(lab: Lab, own_daemon: Daemon) -> None:
    """The socket that ``kill -9`` left behind is no obstacle, and the store has everything."""
    own_daemon.ask("good.test")
    own_daemon.ask("wildcard.test")
    lab.policy_host.stop("good.test", "wildcard.test")

    own_daemon.kill()
    assert own_daemon.socketmap.exists()
    own_daemon.start()

    assert own_daemon.ask("good.test") == SECURE
    assert own_daemon.ask("wildcard.test").startswith("OK secure ")


ENFORCING = [
    "good.test", "stripped.test", "nostarttls.test", "wrongname.test", "expired.test",
    "selfsigned.test", "unknownca.test", "forged.test", "wildcard.test", "implicit-mx.test",
    "signed.test", "cname.test",
]  # fmt: skip


@pytest.mark.parametrize("delay_seconds", [0.0, 0.02, 0.1, 0.5])
def test_a_kill_at_any_moment_loses_no_policy_that_was_answered(
    lab: Lab, own_daemon: Daemon, delay_seconds: float
) -> None:
    """Who was told "secure" once is told so after the restart, whatever the kill cut short."""
    answered: dict[str, str] = {}
    requests = b"".join(b"%d:postfix %b," % (len(f"postfix {d}"), d.encode()) for d in ENFORCING)
    with own_daemon.connect() as connection:
        connection.sendall(requests)
        killing = threading.Timer(delay_seconds, own_daemon.kill)
        killing.start()
        try:
            for domain in ENFORCING:
                answered[domain] = read_reply(connection)
        except (EOFError, ConnectionResetError):
            pass  # the rest was not answered
        killing.join()
    lab.policy_host.stop(*ENFORCING)

    own_daemon.start()

    assert {domain: own_daemon.ask(domain) for domain in answered} == answered


def test_sigterm_answers_what_is_pending_and_leaves_nothing_behind(own_daemon: Daemon) -> None:
    """A question that came before the signal gets its answer; sockets and processes go."""
    resolver = own_daemon.resolver_pid
    with own_daemon.connect() as connection:
        connection.sendall(b"17:postfix good.test,")
        replies: list[bytes] = []
        reading = threading.Thread(
            target=lambda: replies.append(b"".join(iter(lambda: connection.recv(4096), b"")))
        )
        reading.start()
        own_daemon.stop()
        reading.join()

    assert replies == [b"%d:%s," % (len(SECURE), SECURE.encode())]
    assert not own_daemon.socketmap.exists()
    assert not own_daemon.line.exists()
    assert not (own_daemon.state / "control.sock").exists()
    assert not Path(f"/proc/{resolver}").exists()


def test_a_full_disk_takes_nothing_from_what_is_in_force(lab: Lab, make_daemon: MakeDaemon) -> None:
    """Policies stay in memory, the log says so, and what could not be stored is stored later."""
    daemon = make_daemon(QUICK_TABLES)
    daemon.state.mkdir(mode=0o700)
    disk: list[str | Path] = [
        "-t",
        "tmpfs",
        "-o",
        f"size={DISK_BYTES},mode=0700",
        "tmpfs",
        daemon.state,
    ]
    lab.run(["mount", *disk], check=True)
    try:
        daemon.start()
        assert daemon.ask("wildcard.test").startswith("OK secure ")
        ballast = daemon.inside(daemon.state) / "ballast"
        fill(ballast)

        assert daemon.ask("good.test") == SECURE
        daemon.await_log("policy cannot be stored.*domain=good.test.*action=kept-in-memory")
        assert daemon.ask("wildcard.test").startswith("OK secure ")
        assert daemon.ask("policy-404.test") == "NOTFOUND "

        ballast.unlink()
        lab.policy_host.stop("good.test", "wildcard.test")
        daemon.restart()
        assert daemon.ask("good.test") == SECURE
        assert daemon.ask("wildcard.test").startswith("OK secure ")
    finally:
        daemon.stop()
        lab.run(["umount", daemon.state], check=True)


def test_a_second_service_on_the_same_socket_does_not_start(own_daemon: Daemon, lab: Lab) -> None:
    """It says which socket is taken and by what sign, and leaves the first one alone."""
    second = lab.run(own_daemon.serve_command, timeout=20)

    assert second.returncode == 1
    assert str(own_daemon.socketmap) in second.stderr
    assert own_daemon.ask("good.test") == SECURE


def test_it_starts_without_dns_and_policy_hosts(lab: Lab, make_daemon: MakeDaemon) -> None:
    """A machine that boots before its network has a service that answers."""
    daemon = make_daemon(QUICK_TABLES)
    lab.dns.stop()
    try:
        daemon.start()
        assert daemon.ask("good.test") == "OK dane"
    finally:
        lab.dns.start()
    daemon.forget("good.test")
    assert daemon.ask("good.test") == SECURE
