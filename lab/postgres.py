"""A throw-away PostgreSQL server on a UNIX socket, for the tests of the store.

Independent of the rest of the lab: no namespace, no root needed. It takes the
machine's own programs below ``/usr/lib/postgresql`` or fetches Debian's
package into the lab's cache, and never touches a cluster that exists.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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


@contextmanager
def throwaway_postgres() -> Iterator[str]:
    """Run an empty PostgreSQL server and yield its libpq URL.

    The URL names a database ``mailseal`` and a superuser ``mailseal``, reached
    over a UNIX socket without a password. All of it is gone at the end, also
    after a crash of the caller. Takes about 1.5 s. Raises ``Unavailable``.
    """
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
        guard = _start(programs, folder, data, sockets, user)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        _wait_until_ready(guard, folder, sockets)
        _create_database(programs, sockets, user)
        yield f"postgresql://mailseal@/mailseal?host={quote(str(sockets), safe='/')}"
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()
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
    programs: Path, folder: Path, data: Path, sockets: Path, user: pwd.struct_passwd | None
) -> "subprocess.Popen[bytes]":
    settings = {**SETTINGS, "unix_socket_directories": str(sockets)}
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    command = _as_user(user)([str(programs / "postgres"), "-D", str(data), *options])
    guard = [sys.executable, "-I", str(Path(__file__).with_name("guard.py")), str(folder)]
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
