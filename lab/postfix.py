"""A Postfix instance of the lab: its folders, its two files, its master process."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.accounts import POSTDROP_GID, POSTFIX_UID
from lab.namespace import Namespace
from lab.newer import inside
from lab.packages import Tree
from lab.service import Service, wait_until
from lab.unavailable import Unavailable

DAEMONS = "usr/lib/postfix/sbin"
AGE_SECONDS = 3600
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
          "private", "saved", "trace")  # fmt: skip

# Services that every instance has: name, type, whether private, limit, command.
SERVICES = """\
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
tlsproxy  unix  - - n - 0 tlsproxy
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One instance; ``settings`` go to main.cf, ``services`` to master.cf.

    It is started without the ``postfix`` command, whose checks take longer
    than everything else. ``newer`` is a tree of a newer Postfix to run instead
    of the lab's (``lab.newer``).
    """

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        name: str,
        *,
        settings: Mapping[str, str],
        services: str,
        newer: Tree | None = None,
    ) -> None:
        self.folder = folder
        self.queue = folder / "queue"
        self.log = folder / "mail.log"
        self._namespace = namespace
        self._newer = newer
        self._tree = newer or namespace.trees["postfix"]
        self._services = services
        self._settings = {**self._own_settings(name), **settings}
        self._make_folders()
        self.write_configuration()
        self.service = Service(
            namespace,
            f"postfix ({name})",
            self._command(f"{DAEMONS}/master", "-d", "-c", folder),
            log=folder / "master.log",
            environment=self._environment,
            ready=lambda: "daemon started" in self.read_log(),
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": self._tree.library_path(), "MAIL_CONFIG": str(self.folder)}

    def _command(self, program: str, *arguments: str | Path) -> list[str | Path]:
        command = [self._tree.file(program), *arguments]
        return command if self._newer is None else inside(self._newer, command)

    def change_settings(self, settings: Mapping[str, str]) -> None:
        """Change main.cf; takes effect with the next start."""
        self._settings.update(settings)
        self.write_configuration()

    def write_configuration(self) -> None:
        """Write main.cf and master.cf."""
        lines = (f"{name} = {value}\n" for name, value in self._settings.items())
        write_aged(self.folder / "main.cf", "".join(lines))
        write_aged(self.folder / "master.cf", SERVICES + self._services)

    def start(self) -> None:
        """Start the master and wait for its word."""
        self.log.write_text("")
        (self.queue / "pid" / "master.pid").unlink(missing_ok=True)
        self.service.start()

    def stop(self) -> None:
        """Stop it; queued mail stays."""
        self.service.stop()

    def read_log(self) -> str:
        """Return what it has logged since its start."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def run(self, command: str, *arguments: str) -> str:
        """Run one of Postfix's own commands (postqueue, postmap…), return its output.

        Raises ``Unavailable`` when the command fails.
        """
        done = self._run(command, "-c", self.folder, *arguments)
        if done.returncode not in (0, 1):  # postmap -q: 1 is "not found"
            raise Unavailable(f"{command} failed: {done.stderr.strip()}", f"read {self.log}")
        return done.stdout

    def finger(self, next_hop: str, level: str) -> str:
        """Let Postfix's own prober look at a next hop; return what it says, the chat left out."""
        done = self._run("posttls-finger", "-c", "-l", level, "-o",
                         "smtp_dns_support_level=dnssec", next_hop)  # fmt: skip
        return done.stdout + done.stderr

    def _run(self, command: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return self._namespace.run(
            self._command(f"usr/sbin/{command}", *arguments), environment=self._environment
        )

    def await_empty_queue(self, seconds: float) -> bool:
        """Wait until nothing is being delivered; tell whether that came."""

        def is_empty() -> bool:
            folders = [self.queue / name for name in ("maildrop", "incoming", "active")]
            return not any(any(folder.iterdir()) for folder in folders)

        return wait_until(is_empty, seconds)

    def _own_settings(self, name: str) -> dict[str, str]:
        daemons = str(self._tree.file(DAEMONS))
        libraries = f"LD_LIBRARY_PATH={self._tree.library_path()}"
        return {
            "compatibility_level": "3.6",
            "queue_directory": str(self.queue),
            "data_directory": str(self.folder / "data"),
            "daemon_directory": daemons,
            "command_directory": str(self._tree.file("usr/sbin")),
            "shlib_directory": str(self._tree.file("usr/lib/postfix")),
            "meta_directory": str(self._tree.file("etc/postfix")),
            "import_environment": f"MAIL_CONFIG TZ LANG=C {libraries}",
            "maillog_file": str(self.log),
            "maillog_file_prefixes": "/",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "myhostname": f"{name}.test",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "local_transport": "error:no local mail here",
            "notify_classes": "",
            "smtputf8_enable": "no",
            "tls_random_source": "dev:/dev/urandom",
            "smtpd_peername_lookup": "no",
            "smtpd_client_connection_count_limit": "0",
        }

    def _make_folders(self) -> None:
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.queue.mkdir(mode=0o755)
        for name in QUEUES:
            _make(self.queue / name, 0o700, POSTFIX_UID)
        _make(self.queue / "maildrop", 0o730, POSTFIX_UID, POSTDROP_GID)
        _make(self.queue / "public", 0o710, POSTFIX_UID, POSTDROP_GID)
        _make(self.queue / "pid", 0o755, 0)
        _make(self.folder / "data", 0o700, POSTFIX_UID)


def write_aged(path: Path, text: str) -> None:
    """Write a file of an earlier date: Postfix waits two seconds for one just edited."""
    path.write_text(text)
    old = time.time() - AGE_SECONDS
    os.utime(path, (old, old))


def _make(folder: Path, mode: int, uid: int, gid: int = 0) -> None:
    folder.mkdir()
    folder.chmod(mode)
    os.chown(folder, uid, gid)


def options(settings: Mapping[str, str]) -> Sequence[str]:
    """Render master.cf's ``-o`` lines for one service."""
    return [f"  -o {{ {name} = {value} }}" for name, value in settings.items()]
