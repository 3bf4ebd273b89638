"""mailseal itself in the lab: ``mailseal serve`` inside the namespace, asked from outside.

Its state folder is looked at through the namespace, so that a file system that is mounted there
for a test is seen as the daemon sees it.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab.addresses import RESOLVER
from lab.namespace import Namespace
from lab.service import Service, wait_until

ANSWER_SECONDS = 30.0  # ours: longer than any deadline that a zone may have here
LOG_SECONDS = 10.0
PURGES_AT_ONCE = 16

CONFIGURATION = """\
state_dir = "{state}"

[[listen]]
protocol = "socketmap"
address = "unix:{socketmap}"

[[listen]]
protocol = "line"
address = "unix:{line}"

{listeners}
[dns]
resolvers = {resolvers}

[https]
ca_file = "{ca_file}"
allow_private_addresses = true

[http]
address = "unix:{http}"

{tables}
"""

MAILSEAL = Path(sys.executable).with_name("mailseal")


class Daemon:
    """A mailseal of the lab; ``start`` it, ask it, look into it, break it.

    ``tables`` are more tables of the configuration by name, each key with its value in TOML;
    ``listeners`` are more addresses for socketmap, such as ``127.0.0.1:8461``.
    """

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        *,
        ca_file: Path,
        tables: Mapping[str, Mapping[str, str]] | None = None,
        listeners: tuple[str, ...] = (),
        resolvers: tuple[str, ...] = (RESOLVER,),
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.state = folder / "state"
        self.config = folder / "mailseal.toml"
        self.socketmap = folder / "socketmap"
        self.line = folder / "line"
        self.http = folder / "http"
        self.log = folder / "mailseal.log"
        self._namespace = namespace
        self.config.write_text(
            CONFIGURATION.format(
                state=self.state,
                socketmap=self.socketmap,
                line=self.line,
                http=self.http,
                resolvers=json.dumps(list(resolvers)),
                ca_file=ca_file,
                listeners="".join(
                    f'[[listen]]\nprotocol = "socketmap"\naddress = "{address}"\n\n'
                    for address in listeners
                ),
                tables="".join(_table(name, keys) for name, keys in (tables or {}).items()),
            )
        )
        self.serve_command: list[str | Path] = [MAILSEAL, "serve", "--config", self.config]
        self._service = Service(
            namespace,
            "mailseal",
            self.serve_command,
            log=self.log,
            ready=self.has_resolver,
        )

    # -- its processes ----------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until both processes work. Takes 1 s."""
        self._service.start()

    def stop(self) -> None:
        """Stop it as a service manager would, with SIGTERM."""
        self._service.stop()

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Kill the answerer (``kill -9``), and wait until the resolver has ended too."""
        resolver = self.resolver_pid
        os.kill(self.pid, signal.SIGKILL)
        self._service.stop()
        if not wait_until(lambda: not Path(f"/proc/{resolver}").exists()):
            raise TimeoutError("the resolver has outlived the answerer")

    def kill_resolver(self) -> None:
        """Kill the resolver (``kill -9``); the answerer starts another."""
        os.kill(self.resolver_pid, signal.SIGKILL)

    def freeze_resolver(self) -> None:
        """Let the resolver do nothing, as one that is stuck."""
        os.kill(self.resolver_pid, signal.SIGSTOP)

    def thaw_resolver(self) -> None:
        """End a freeze."""
        os.kill(self.resolver_pid, signal.SIGCONT)

    @property
    def pid(self) -> int:
        """Give the process id of the answerer."""
        return self._service.pid

    @property
    def resolver_pid(self) -> int:
        """Give the process id of the resolver, waiting for one that is being started."""
        wait_until(lambda: bool(self._children()))
        return int(self._children()[0])

    def is_running(self) -> bool:
        """Tell whether the answerer runs."""
        return self._service.is_running()

    def await_resolver(self) -> None:
        """Wait until a resolver can be talked to, such as after ``kill_resolver``."""
        if not wait_until(self.has_resolver):
            raise TimeoutError(f"no resolver; see {self.log}")

    def _children(self) -> list[str]:
        return Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()

    def has_resolver(self) -> bool:
        """Tell whether there is a resolver that can be talked to."""
        try:
            return bool(self.control({"op": "counters"}))
        except (OSError, ValueError):
            return False

    # -- what it says -----------------------------------------------------------------------

    def table(self, zone: str = "postfix") -> str:
        """Name it as main.cf does."""
        return f"socketmap:unix:{self.socketmap}:{zone}"

    def connect(self) -> socket.socket:
        """Open a connection for socketmap."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(self.socketmap))
        return connection

    def ask(self, key: str, zone: str = "postfix") -> str:
        """Ask over socketmap with a connection of its own; the reply without its frame."""
        request = f"{zone} {key}".encode()
        with self.connect() as connection:
            connection.sendall(b"%d:%s," % (len(request), request))
            return read_reply(connection)

    def await_answer(
        self, key: str, start: str, seconds: float = ANSWER_SECONDS, zone: str = "postfix"
    ) -> str:
        """Ask until the reply begins with ``start``, and return it. Raises TimeoutError."""
        reply = ""

        def is_there() -> bool:
            nonlocal reply
            reply = self.ask(key, zone)
            return reply.startswith(start)

        if not wait_until(is_there, seconds):
            raise TimeoutError(f"{key} is still answered {reply!r}")
        return reply

    def control(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request to the control socket, as ``mailseal cache`` does."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self.inside(self.state / "control.sock")))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answers:
                reply = json.loads(answers.readline())
        if "ok" not in reply:
            raise ValueError(f"mailseal said {reply!r}")
        answer: dict[str, Any] = reply["ok"]
        return answer

    def policy(self, domain: str) -> dict[str, Any] | None:
        """Return what it holds of a domain's policy, with all dates."""
        policy: dict[str, Any] | None = self.control({"op": "show", "domain": domain})["policy"]
        return policy

    def forget(self, *domains: str) -> None:
        """Forget all that is known of these domains, in memory and in the store.

        Several at a time, since purges that come together share a commit.
        """
        requests = [{"op": "purge", "domain": domain} for domain in domains]
        with ThreadPoolExecutor(PURGES_AT_ONCE) as threads:
            list(threads.map(self.control, requests))

    def command(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run ``mailseal ARGUMENTS --config …`` inside the lab."""
        return self._namespace.run([MAILSEAL, *arguments, "--config", self.config])

    def inside(self, path: Path) -> Path:
        """Return a path of the namespace as it is seen from outside."""
        return Path(f"/proc/{self._namespace.holder_pid}/root") / path.relative_to("/")

    # -- its log ----------------------------------------------------------------------------

    def log_lines(self, start: int = 0) -> list[str]:
        """Return the lines that were logged, from the one with this number on."""
        if not self.log.exists():
            return []
        return self.log.read_text(errors="replace").splitlines()[start:]

    def await_log(self, pattern: str, start: int = 0, seconds: float = LOG_SECONDS) -> str:
        """Wait for a line in which a regular expression is found. Raises TimeoutError."""
        found: list[str] = []

        def is_there() -> bool:
            found[:] = [line for line in self.log_lines(start) if re.search(pattern, line)]
            return bool(found)

        if not wait_until(is_there, seconds):
            raise TimeoutError(f"{self.log} has no line like {pattern!r}")
        return found[-1]


def read_reply(connection: socket.socket) -> str:
    """Read one reply of socketmap. Raises EOFError when the connection ends before it does."""
    digits = b""
    while not digits.endswith(b":"):
        digits += _read(connection, 1)
    reply = b""
    wanted = int(digits[:-1]) + 1
    while len(reply) < wanted:
        reply += _read(connection, wanted - len(reply))
    return reply[:-1].decode()


def _read(connection: socket.socket, most: int) -> bytes:
    data = connection.recv(most)
    if not data:
        raise EOFError("the connection was closed before a whole reply")
    return data


def _table(name: str, keys: Mapping[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) + "\n"
