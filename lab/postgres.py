"""A throw-away PostgreSQL server on a UNIX socket, for the tests of the store.

Independent of the rest of the lab: no namespace, no root needed. It takes the
machine's own programs below ``/usr/lib/postgresql`` or fetches Debian's
package into the lab's cache, and never touches a cluster that exists.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from lab.packages import POSTGRESQL, fetch
from lab.unavailable import Unavailable

START_SECONDS = 30.0  # ours: takes 0.2 s on an idle machine
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # nothing here outlives the test
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "50",
    "autovacuum": "off",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

_NOT_NEEDED = shutil.ignore_patterns("libLLVM*", "doc", "man", "locale")


class Server:
    """A throw-away server that can be stopped, frozen and started again."""

    def __init__(
        self,
        programs: Path,
        folder: Path,
        user: pwd.struct_passwd | None,
        settings: Mapping[str, str],
    ) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        self._settings = settings
        self._guards: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """Return the libpq URL of the database ``mailseal``, without a password."""
        return f"postgresql://mailseal@/mailseal?host={quote(str(self.sockets), safe='/')}"

    @property
    def data(self) -> Path:
        """Return the folder of the cluster."""
        return self._folder / "data"

    @property
    def sockets(self) -> Path:
        """Return the folder of the UNIX socket."""
        return self._folder / "s"

    def start(self) -> None:
        """Start the server, for the first time or again, and wait until it takes connections."""
        # The first guard removes the folder at its end, the others nothing.
        spare = self._folder if not self._guards else self._folder / "nothing"
        guard = _start(
            self._programs, self._folder, self.data, self.sockets, self._user, self._settings, spare
        )
        self._guards.append(guard)
        _wait_until_ready(guard, self._folder, self.sockets)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends it in order, SIGQUIT drops all and leaves recovery to the start."""
        pid = self._pid()
        os.kill(pid, number)
        deadline = time.monotonic() + START_SECONDS
        while (self.data / "postmaster.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def freeze(self) -> None:
        """Let every process of the server stand still, with all connections open."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        """Stop it for good and remove everything."""
        for guard in reversed(self._guards):
            assert guard.stdin is not None
            guard.stdin.close()
            guard.wait()

    def _pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def _signal_all(self, number: signal.Signals) -> None:
        pid = self._pid()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            os.kill(one, number)


@contextmanager
def throwaway_postgres() -> Iterator[str]:
    """Run an empty PostgreSQL server and yield its libpq URL.

    The URL names a database ``mailseal`` and a superuser ``mailseal``, reached
    over a UNIX socket without a password. All of it is gone at the end, also
    after a crash of the caller. Takes about 1.5 s. Raises ``Unavailable``.
    """
    with throwaway_server() as server:
        yield server.url


@contextmanager
def throwaway_server(**settings: str) -> Iterator[Server]:
    """Run an empty server likewise and yield it; ``settings`` are some of postgresql.conf's."""
    folder = Path(tempfile.mkdtemp(prefix="mailseal-pg-"))
    folder.chmod(0o755)
    user = _unprivileged_user()
    try:
        programs = _programs(folder)
        data, sockets = folder / "data", folder / "s"
        for place in (data, sockets):
            place.mkdir(mode=0o700)
            if user is not None:
                os.chown(place, user.pw_uid, user.pw_gid)
        _initialise(programs, data, user)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    server = Server(programs, folder, user, SETTINGS | settings)
    try:
        server.start()
        _create_database(programs, sockets, user)
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Pick whom to run as: PostgreSQL refuses root; others run it as themselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _programs(folder: Path) -> Path:
    """Find the folder of initdb and postgres, where the chosen user can run them."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if installed:
        return installed[-1].parent
    tree = fetch(POSTGRESQL).path
    if os.geteuid() == 0:
        # The cache of root is mostly below a private home, which nobody may enter.
        reachable = folder / "programs"
        shutil.copytree(tree, reachable, symlinks=True, ignore=_NOT_NEEDED)
        tree = reachable
    return max(tree.glob("usr/lib/postgresql/*/bin"))


def _environment(programs: Path) -> dict[str, str]:
    environment = {"PATH": f"{programs}:{os.environ.get('PATH', '')}", "LC_ALL": "C", "TZ": "UTC"}
    root = programs.parents[4]
    libraries = [str(path) for path in root.glob("usr/lib/*-linux-gnu*")]
    if root != Path("/") and libraries:
        environment["LD_LIBRARY_PATH"] = ":".join(libraries)
    return environment


def _as_user(user: pwd.struct_passwd | None) -> Callable[[list[str]], list[str]]:
    def wrap(command: list[str]) -> list[str]:
        if user is None:
            return command
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, "--", *command]

    return wrap


def _initialise(programs: Path, data: Path, user: pwd.struct_passwd | None) -> None:
    command = [
        str(programs / "initdb"), "--pgdata", str(data), "--username", "mailseal",
        "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync",
        "--no-instructions",
    ]  # fmt: skip
    _check(_as_user(user)(command), programs, "initdb")


def _create_database(programs: Path, sockets: Path, user: pwd.struct_passwd | None) -> None:
    command = [str(programs / "createdb"), "-h", str(sockets), "-U", "mailseal", "mailseal"]
    _check(_as_user(user)(command), programs, "createdb")


def _check(command: list[str], programs: Path, what: str) -> None:
    done = subprocess.run(
        command, cwd="/", env=_environment(programs), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(
            f"PostgreSQL cannot run here: {what} said {last!r}",
            "apt-get install postgresql, or run the tests where PostgreSQL works",
        )


def _start(
    programs: Path,
    folder: Path,
    data: Path,
    sockets: Path,
    user: pwd.struct_passwd | None,
    settings: Mapping[str, str],
    spare: Path,
) -> "subprocess.Popen[bytes]":
    own = {**settings, "unix_socket_directories": str(sockets)}
    options = [word for key, value in own.items() for word in ("-c", f"{key}={value}")]
    command = _as_user(user)([str(programs / "postgres"), "-D", str(data), *options])
    guard = [sys.executable, "-I", str(Path(__file__).with_name("guard.py")), str(spare)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*guard, *command],
            cwd="/",
            env=_environment(programs),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )


def _wait_until_ready(guard: "subprocess.Popen[bytes]", folder: Path, sockets: Path) -> None:
    """Wait for the server's own word that it takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        log = (folder / "log").read_text(errors="replace")
        if "ready to accept connections" in log and _connects(sockets / ".s.PGSQL.5432"):
            return
        if guard.poll() is not None or "FATAL:" in log:
            break
        time.sleep(0.02)
    lines = (folder / "log").read_text(errors="replace").splitlines() or ["no message"]
    raise Unavailable(
        f"PostgreSQL did not start: {lines[-1]}",
        "run the tests where PostgreSQL works",
    )


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
