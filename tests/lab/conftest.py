"""One lab for the whole session, restored after each test; mailseal in it, or a scripted daemon."""

import itertools
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from lab.daemon import Daemon
from lab.internet import Lab
from lab.newer import POSTFIX_3_10, fetch_newer
from lab.packages import Tree
from lab.sender import SendingPostfix
from lab.service import Service
from lab.unavailable import Unavailable
from tests.realservers import give_up_on_lab

_numbers = itertools.count(1)

BREAKER = Path(__file__).parents[2] / "lab" / "breaker.py"
FIRST_BREAKER_PORT = 9000  # each has its own


class ScriptedSocketmap(socketserver.ThreadingUnixStreamServer):
    """A socketmap server that answers from a table; what is not in it is not found."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path) -> None:
        """Listen on a UNIX socket that every user may use."""
        self.path = path
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []
        super().__init__(str(path), _Conversation)
        path.chmod(0o666)

    def table(self, name: str = "postfix") -> str:
        """Name the server as main.cf does."""
        return f"socketmap:unix:{self.path}:{name}"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, ScriptedSocketmap)
        while length := self._read_length():
            request = self.rfile.read(length + 1)[:-1].decode()
            server.asked.append(request)
            key = request.partition(" ")[2]
            reply = server.answers.get(key, "NOTFOUND ").encode()
            self.wfile.write(b"%d:%s," % (len(reply), reply))

    def _read_length(self) -> int:
        digits = b""
        while (byte := self.rfile.read(1)) not in (b":", b""):
            digits += byte
        return int(digits or 0)


@pytest.fixture(scope="session")
def whole_lab() -> Iterator[Lab]:
    """Start the lab once; tests that need it are skipped where it cannot run.

    With MAILSEAL_LAB=required they fail instead, for machines that must run them.
    """
    with ExitStack() as stack:
        try:
            lab = stack.enter_context(Lab.start())
        except Unavailable as unavailable:
            give_up_on_lab(unavailable)
        yield lab


@pytest.fixture
def lab(whole_lab: Lab) -> Iterator[Lab]:
    """Lend the lab to a test, and undo what the test changed."""
    yield whole_lab
    whole_lab.restore()


@pytest.fixture
def socketmap(lab: Lab) -> Iterator[ScriptedSocketmap]:
    """Run a scripted policy daemon where the lab's programs reach it."""
    with ScriptedSocketmap(lab.folder / f"scripted{next(_numbers)}.sock") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        with suppress(FileNotFoundError):
            server.path.unlink()


MakeBreaker = Callable[..., str]


@pytest.fixture
def make_breaker(lab: Lab) -> Iterator[MakeBreaker]:
    """Start daemons that break off connections as ``lab/breaker.py`` says; return HOST:PORT."""
    with ExitStack() as stack:

        def make(*deeds: str) -> str:
            number = next(_numbers)
            port = FIRST_BREAKER_PORT + number
            place = f"127.0.0.1:{port}"
            service = Service(
                lab.namespace,
                "breaker",
                [sys.executable, "-I", BREAKER, place, *deeds],
                log=lab.folder / f"breaker{number}.log",
                ready=lambda: lab.namespace.is_listening("127.0.0.1", port),
            )
            stack.callback(service.stop)
            service.start()
            return place

        yield make


@pytest.fixture
def sender(lab: Lab, socketmap: ScriptedSocketmap) -> Iterator[SendingPostfix]:
    """Run a Postfix that asks the scripted daemon."""
    with lab.sender(socketmap.table()) as postfix:
        yield postfix


# Times that a test can wait for; the rules behind them are the same at any length.
QUICK_TABLES = {
    "sts": {"id_ttl_min": '"1s"', "failed_txt_ttl": '"1s"'},
    "zones.postfix": {"profile": '"postfix"', "deadline": '"2s"'},
    "zones.sendmail": {"profile": '"sendmail"', "deadline": '"2s"'},
}


@pytest.fixture(scope="session")
def whole_daemon(whole_lab: Lab) -> Iterator[Daemon]:
    """Run one mailseal for all tests that leave it as it is."""
    daemon = Daemon(
        whole_lab.namespace,
        whole_lab.folder / "mailseal",
        ca_file=whole_lab.ca_file,
        tables=QUICK_TABLES,
        listeners=("127.0.0.1:8461", "127.0.0.1:5461"),
    )
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def whole_postfix(whole_lab: Lab, whole_daemon: Daemon) -> Iterator[SendingPostfix]:
    """Run one Postfix that asks the shared mailseal."""
    with whole_lab.sender(whole_daemon.table()) as postfix:
        yield postfix


@pytest.fixture
def daemon(lab: Lab, whole_daemon: Daemon) -> Daemon:
    """Lend the shared mailseal to a test, without a memory of the domains of the lab."""
    whole_daemon.forget(*lab.domains)
    return whole_daemon


@pytest.fixture(scope="session")
def newer() -> Tree:
    """Fetch Debian 13's Postfix, or skip with the reason."""
    try:
        return fetch_newer(POSTFIX_3_10)
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)


@pytest.fixture(scope="session")
def whole_newer_postfix(
    whole_lab: Lab, whole_daemon: Daemon, newer: Tree
) -> Iterator[SendingPostfix]:
    """Run one newer Postfix that asks the shared mailseal in the form for it."""
    with whole_lab.sender(whole_daemon.table("postfix-3.10"), newer=newer) as postfix:
        yield postfix


ONLY_3_7 = pytest.mark.parametrize("postfix", ["3.7"], indirect=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what a module does with ``postfix`` by each of its ``POSTFIX_VERSIONS``.

    A test with ``ONLY_3_7`` above it is about what that version cannot do.
    """
    versions = getattr(metafunc.module, "POSTFIX_VERSIONS", None)
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if versions and "postfix" in metafunc.fixturenames and "postfix" not in own:
        metafunc.parametrize("postfix", versions, indirect=True)


@pytest.fixture
def postfix(daemon: Daemon, request: pytest.FixtureRequest) -> Iterator[SendingPostfix]:
    """Lend the Postfix that asks the shared mailseal, with an empty queue; 3.7 unless told."""
    is_newer = getattr(request, "param", "3.7") == "3.10"
    whole = request.getfixturevalue("whole_newer_postfix" if is_newer else "whole_postfix")
    assert isinstance(whole, SendingPostfix)
    yield whole
    whole.drop_queue()


MakeDaemon = Callable[[Mapping[str, Mapping[str, str]]], Daemon]


@pytest.fixture
def make_daemon(lab: Lab) -> Iterator[MakeDaemon]:
    """Make a mailseal of a test's own, to be started, broken and restarted."""
    with ExitStack() as stack:

        def make(tables: Mapping[str, Mapping[str, str]]) -> Daemon:
            daemon = Daemon(
                lab.namespace,
                lab.folder / f"mailseal{next(_numbers)}",
                ca_file=lab.ca_file,
                tables=tables,
            )
            stack.callback(daemon.stop)
            return daemon

        yield make


@pytest.fixture
def own_daemon(make_daemon: MakeDaemon) -> Daemon:
    """Run a mailseal that the test may kill."""
    daemon = make_daemon(QUICK_TABLES)
    daemon.start()
    return daemon
