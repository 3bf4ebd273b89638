"""The lab's own network and mount namespace, and how processes get into it.

Ports 25, 53 and 443 of its loopback never meet the machine's, and its
``/etc`` is not the machine's. UNIX sockets on the file system cross the
border, so the test process stays outside.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import IO

from lab.packages import Tree
from lab.unavailable import Unavailable

ETC_LAB = Path("/etc/lab")  # the lab's folder once more, seen inside only

RUN_TIMEOUT_SECONDS = 60.0  # ours: nothing that `run` is for takes longer

LISTEN, ESTABLISHED, CLOSE_WAIT = "0A", "01", "08"  # <net/tcp_states.h>


@dataclass(frozen=True, slots=True)
class Namespace:
    """An open namespace; ``folder`` holds everything and goes with it."""

    folder: Path
    holder_pid: int
    guard: "subprocess.Popen[str]"
    trees: Mapping[str, Tree]
    spawned: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, etc: Mapping[str, str], trees: Mapping[str, Tree]) -> "Namespace":
        """Make a namespace whose life ends with ``close`` or with this process.

        ``etc`` are the files that differ from the machine's, ``trees`` the
        programs to mount. The folder is removed with the namespace. Takes
        0.15 s. Raises ``Unavailable``.
        """
        require_root()
        spec = {
            "etc": dict(etc),
            "machine_etc": str(folder / "machine-etc"),
            "programs": str(folder / "programs"),
            "trees": {name: str(tree.path) for name, tree in trees.items()},
        }
        (folder / "namespace.json").write_text(json.dumps(spec))
        here = Path(__file__).parent
        with (folder / "namespace.log").open("w") as log_file:
            guard = subprocess.Popen(
                [sys.executable, "-I", str(here / "guard.py"), str(folder),
                 "unshare", "--net", "--mount", "--propagation", "private", "--",
                 sys.executable, "-I", str(here / "holder.py"), str(folder / "namespace.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
                start_new_session=True,
            )  # fmt: skip
        assert guard.stdout is not None
        words = guard.stdout.readline().split()
        if len(words) != 2 or words[0] != "ready":
            log = (folder / "namespace.log").read_text().strip().splitlines()
            _end(guard)
            raise Unavailable(
                f"no namespace could be made: {log[-1] if log else 'no message'}",
                "run the lab as root with CAP_SYS_ADMIN (in a container: --privileged)",
            )
        mounted = {
            name: Tree(tree.path, folder / "programs" / name) for name, tree in trees.items()
        }
        return cls(folder, int(words[1]), guard, mounted)

    def close(self) -> None:
        """Kill every process of the namespace and remove its folder."""
        _end(self.guard)
        for process in self.spawned:
            process.wait()

    def command(self, arguments: Sequence[str | Path], cwd: Path = Path("/")) -> list[str]:
        """Wrap a command so that it runs inside; the process id stays the same."""
        proc = f"/proc/{self.holder_pid}/ns"
        enter = ["nsenter", f"--net={proc}/net", f"--mount={proc}/mnt", "--"]
        return [*enter, "env", "-C", str(cwd), *(str(word) for word in arguments)]

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        cwd: Path = Path("/"),
        timeout: float = RUN_TIMEOUT_SECONDS,
        check: bool = False,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command inside to its end; output is captured as text.

        ``environment`` is added to the caller's. Raises what ``subprocess.run``
        raises.
        """
        return subprocess.run(
            self.command(arguments, cwd),
            input=stdin,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
        )

    def spawn(
        self,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path = Path("/"),
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a command inside, in a session of its own, and return at once.

        Its ``pid`` is the program's own, so that it can be signalled from
        outside; what is still running when the lab ends is killed.
        """
        process = subprocess.Popen(
            self.command(arguments, cwd),
            env={**os.environ, **(environment or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self.spawned.append(process)
        return process

    def tcp_sockets(self, *states: str) -> frozenset[tuple[str, int]]:
        """List the local (address, port) of the namespace's TCP sockets in these states."""
        lines = Path(f"/proc/{self.holder_pid}/net/tcp").read_text().splitlines()[1:]
        fields = (line.split() for line in lines)
        return frozenset(_address(words[1]) for words in fields if words[3] in states)

    def is_listening(self, address: str, port: int) -> bool:
        """Tell whether a TCP port is open inside (wildcard listeners included)."""
        listeners = self.tcp_sockets(LISTEN)
        return (address, port) in listeners or ("0.0.0.0", port) in listeners


def require_root() -> None:
    """Raise ``Unavailable`` where no namespace can be made."""
    if os.geteuid() != 0:
        raise Unavailable(
            "the lab needs a network namespace of its own, which takes root",
            'run it as root, for example "sudo make test"',
        )


def _address(text: str) -> tuple[str, int]:
    """Read ``0100007F:0019`` of /proc/net/tcp, whose words are in machine order."""
    address, port = text.split(":")
    number = int.from_bytes(bytes.fromhex(address), sys.byteorder)
    return str(IPv4Address(number)), int(port, 16)


def _end(guard: "subprocess.Popen[str]") -> None:
    assert guard.stdin is not None
    assert guard.stdout is not None
    guard.stdin.close()
    guard.wait()
    guard.stdout.close()
