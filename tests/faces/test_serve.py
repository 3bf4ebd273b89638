"""``mailseal serve`` as a process: how it starts, why it does not, how it ends."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.serving import (
    GUARD_SECONDS,
    MAILSEAL,
    NOBODY,
    Serving,
    frame,
    open_to_everybody,
    program_for_everybody,
    until,
)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """Give a service that is not started yet; what a test leaves running is ended."""
    service = Serving(tmp_path)
    yield service
    if hasattr(service, "process"):
        service.stop()


def reload(config: Path) -> "subprocess.CompletedProcess[str]":
    """Run "mailseal reload" to its end."""
    return subprocess.run(
        [MAILSEAL, "reload", "--config", config],
        capture_output=True,
        text=True,
        timeout=GUARD_SECONDS,
        check=False,
    )


def serve(config: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end, which should come soon."""
    return subprocess.run(
        [MAILSEAL, "serve", "--config", config],
        capture_output=True,
        text=True,
        timeout=GUARD_SECONDS,
        check=False,
    )


def test_it_says_that_it_answers_and_that_it_has_ended(serving: Serving) -> None:
    """Two lines of the log frame a service's life; SIGTERM ends it with status 0."""
    serving.start()

    assert serving.stop() == 0

    lines = [
        line for line in serving.log.read_text().splitlines() if not line.startswith("warning: ")
    ]
    assert " mailseal answers listeners=2 " in lines[0]
    assert lines[-1].endswith(" mailseal has ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both_processes(serving: Serving, number: signal.Signals) -> None:
    """Neither the other process nor a socket remains."""
    serving.start()
    _, resolver = serving.pids
    sockets = (serving.socketmap, serving.line, serving.folder / "http")
    assert all(path.exists() for path in sockets)

    serving.process.send_signal(number)

    assert serving.process.wait(GUARD_SECONDS) == 0
    assert not Path(f"/proc/{resolver}").exists()
    assert not any(path.exists() for path in sockets)


def test_it_survives_sighup(running: Serving) -> None:
    """A terminal that goes away, or a reload, must not stop mail."""
    with running.reloading():
        assert running.ask(b"postfix a..b") == b"NOTFOUND "

    assert running.ask(b"postfix a..b") == b"NOTFOUND "


def test_a_reload_puts_the_changed_file_in_force(running: Serving) -> None:
    """On the same connection, and with a new resolver; the command waits until it is so."""
    _, before = running.pids
    with running.connect() as client:
        client.sendall(frame(b"new a..b"))
        assert client.recv(1000).split(b":", 1)[1].startswith(b'PERM no map "new"')
        with running.config.open("a") as config:
            config.write('[zones.new]\nprofile = "postfix"\n')

        done = reload(running.config)

        assert (done.returncode, done.stdout) == (0, "reloaded\n"), done.stderr
        client.sendall(frame(b"new a..b"))
        assert client.recv(1000) == b"9:NOTFOUND ,"
    until(lambda: not Path(f"/proc/{before}").exists())
    assert " configuration reloaded listeners=2 " in running.log.read_text()
    assert reload(running.config).returncode == 0  # the control socket is the new resolver's


def test_a_broken_file_is_refused_with_its_faults(running: Serving) -> None:
    """By the command, and by the log after a signal; the service goes on as it was."""
    with running.config.open("a") as config:
        config.write('[zones.broken]\nprofile = "no-such"\n')

    done = reload(running.config)
    running.process.send_signal(signal.SIGHUP)

    assert done.returncode == 2
    assert "no-such" in done.stderr
    until(lambda: " configuration refused reason=" in running.log.read_text())
    assert running.ask(b"broken a..b").startswith(b"PERM")
    assert running.ask(b"postfix a..b") == b"NOTFOUND "


def test_what_the_machine_lacks_refuses_a_reload_too(running: Serving) -> None:
    """The command sees a good file; the service knows better, and the command tells."""
    with running.config.open("a") as config:
        config.write('[[listen]]\nprotocol = "socketmap"\naddress = "unix:/nonexistent/s"\n')

    done = reload(running.config)

    assert done.returncode == 2
    assert "cannot listen on /nonexistent/s" in done.stderr


def test_a_reload_without_a_service_is_exit_code_3(serving: Serving) -> None:
    """Nothing was reloaded, and a script must notice."""
    assert reload(serving.config).returncode == 3


def test_its_state_is_its_own(running: Serving) -> None:
    """The folder is made with mode 0700, whatever the umask."""
    assert (running.folder / "state").stat().st_mode & 0o777 == 0o700


def test_a_taken_port_is_named(serving: Serving, tmp_path: Path) -> None:
    """Exit status 1, and nothing else is left open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving.config.open("a") as config:
            config.write(f'[[listen]]\nprotocol = "socketmap"\naddress = "127.0.0.1:{port}"\n')
        done = serve(serving.config)

    assert done.returncode == 1
    assert "mailseal cannot start" in done.stderr
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not serving.socketmap.exists()


def test_a_second_service_is_refused_and_the_first_goes_on(running: Serving) -> None:
    """Its sockets are in use, not left over."""
    done = serve(running.config)

    assert done.returncode == 1
    assert str(running.socketmap) in done.stderr
    assert running.ask(b"postfix a..b") == b"NOTFOUND "


@pytest.mark.parametrize("fault", ["a file is there", "its parent is a file"])
def test_a_state_folder_that_cannot_be_is_told_at_once(serving: Serving, fault: str) -> None:
    """Not by a resolver that is started again and again behind a service that looks well."""
    state = serving.folder / "state"
    if fault == "a file is there":
        state.write_text("")
    else:
        text = serving.config.read_text().replace(str(state), str(serving.config / "state"))
        serving.config.write_text(text)

    done = serve(serving.config)

    assert done.returncode == 1
    assert "state" in done.stderr
    assert "Traceback" not in done.stderr
    assert not serving.socketmap.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
def test_a_state_folder_that_may_not_be_written_is_told_at_once(serving: Serving) -> None:
    """As the service's own user, who is not root."""
    open_to_everybody(serving.folder)
    state = serving.folder / "state"
    state.mkdir(mode=0o755)
    program = program_for_everybody(serving.folder)

    done = subprocess.run(
        [*NOBODY, program, "serve", "--config", serving.config],
        capture_output=True,
        text=True,
        timeout=GUARD_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert str(state) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_store_holds_mail_until_it_is_mended(tmp_path: Path) -> None:
    """Mail waits rather than goes as without a policy; the log names the file and the remedy."""
    quick = '[zones.postfix]\nprofile = "postfix"\ndeadline = "200ms"\n'
    serving = Serving(tmp_path, quick)
    store = serving.folder / "state" / "mailseal.db"
    store.parent.mkdir(mode=0o700)
    store.write_bytes(b"GIF89a" * 1000)
    serving.launch()
    try:
        until(lambda: "mailseal.db is damaged" in serving.log.read_text())
        assert serving.ask(b"postfix never-asked.test").startswith(b"TEMP ")
        assert "Traceback" not in serving.log.read_text()

        store.unlink()
        until(lambda: serving.ask(b"postfix never-asked.test") == b"OK dane")
    finally:
        serving.stop()


@pytest.mark.parametrize(("text", "said"), [
    ("[dnss]\n", "dns"),                             # an unknown table: the nearest is named
    ('[dns]\nresolver = ["127.0.0.1"]\n', "resolvers"),
    ("state_dir = 3\n", "state_dir"),
    ("this is no TOML\n", "mailseal.toml"),
])  # fmt: skip
def test_an_unusable_configuration_is_exit_code_2(tmp_path: Path, text: str, said: str) -> None:
    """Before anything is opened."""
    config = tmp_path / "mailseal.toml"
    config.write_text(text)

    done = serve(config)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_configuration_that_is_not_there_is_exit_code_2(tmp_path: Path) -> None:
    """With what to do about it."""
    done = serve(tmp_path / "missing.toml")

    assert done.returncode == 2
    assert "missing.toml" in done.stderr
    assert "mailseal config init" in done.stderr


def test_a_dead_resolver_is_replaced(running: Serving) -> None:
    """And told in the log, with the status it ended with."""
    _, resolver = running.pids

    os.kill(resolver, signal.SIGKILL)

    until(lambda: "the resolver has ended" in running.log.read_text())
    until(lambda: len(running.children) == 1)
    assert f"pid={resolver} status=-9 action=restart-it" in running.log.read_text()
    assert running.ask(b"postfix never-asked.test") == b"OK dane"


def test_the_resolver_gives_way(running: Serving) -> None:
    """It runs at low priority, so that look-ups do not slow down answers from memory."""
    answerer, resolver = running.pids

    assert os.getpriority(os.PRIO_PROCESS, resolver) == 19
    assert os.getpriority(os.PRIO_PROCESS, answerer) < 19


@contextlib.contextmanager
def service_manager(path: Path, take: Callable[[str], None]) -> Iterator[None]:
    """Listen without a pause: only ten messages wait in a socket, and the service for nobody."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.fspath(path))

        def listen() -> None:
            while message := manager.recv(4096):
                take(message.decode())

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield
        finally:
            manager.sendto(b"", os.fspath(path))
            listener.join()


def test_a_service_manager_learns_how_it_is(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ready when both processes work, reloading and ready again, alive, stopping."""
    messages: queue.SimpleQueue[str] = queue.SimpleQueue()

    def hear(word: str) -> str:
        end = time.monotonic() + GUARD_SECONDS
        while True:
            message = messages.get(timeout=max(0.0, end - time.monotonic()))
            if message.startswith(word):
                return message
            assert message == "WATCHDOG=1"

    with service_manager(tmp_path / "notify", messages.put):
        monkeypatch.setenv("NOTIFY_SOCKET", os.fspath(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")

        serving.start()
        assert hear("READY=1") == "READY=1\nSTATUS=answers"
        assert reload(serving.config).returncode == 0
        assert "MONOTONIC_USEC=" in hear("RELOADING=1")
        hear("READY=1")
        hear("WATCHDOG=1")
        assert serving.stop() == 0
        hear("STOPPING=1")
