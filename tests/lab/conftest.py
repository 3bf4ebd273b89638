"""One lab for the whole session, restored after each test; and a scripted policy daemon."""

import itertools
import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from lab.internet import Lab
from lab.sender import SendingPostfix
from lab.unavailable import Unavailable

_numbers = itertools.count(1)


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

    With MAILSEAL_LAB_REQUIRED set they fail instead, for machines that must run them.
    """
    with ExitStack() as stack:
        try:
            lab = stack.enter_context(Lab.start())
        except Unavailable as unavailable:
            if os.environ.get("MAILSEAL_LAB_REQUIRED"):
                raise
            pytest.skip(f"no lab: {unavailable}")
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


@pytest.fixture
def sender(lab: Lab, socketmap: ScriptedSocketmap) -> Iterator[SendingPostfix]:
    """Run a Postfix that asks the scripted daemon."""
    with lab.sender(socketmap.table()) as postfix:
        yield postfix
