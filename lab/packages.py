"""Debian packages for the lab: fetched and unpacked into a cache, never installed.

Debian's MTAs conflict with each other and with the one a machine may have,
and installing any server would start it. So apt only resolves and downloads
here (``install --simulate``, ``download``), ``dpkg -x`` unpacks below
``$MAILSEAL_LAB_CACHE`` or ``~/.cache/mailseal/lab``, and the programs run from
there with ``LD_LIBRARY_PATH``. Neither root nor a change of apt's own state is
needed: where the machine's package lists are missing or old, a private copy
is fetched.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.unavailable import Unavailable

Progress = Callable[[str], None]

DOWNLOAD_TIMEOUT_SECONDS = 600  # ours: the largest set is 60 MB
_INSTALLED_LINE = re.compile(r"^Inst (\S+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to fetch for one program; ``proof`` is a file that must be there and run."""

    name: str
    packages: tuple[str, ...]
    proof: str  # a glob pattern below the unpacked tree


POSTFIX = Program(name="postfix", packages=("postfix",), proof="usr/lib/postfix/sbin/smtp")
SENDMAIL = Program(
    name="sendmail", packages=("sendmail-bin", "sendmail-cf"), proof="usr/libexec/sendmail/sendmail"
)
EXIM = Program(name="exim", packages=("exim4-daemon-light",), proof="usr/sbin/exim4")
KNOT = Program(name="knot", packages=("knot",), proof="usr/sbin/knotd")
UNBOUND = Program(name="unbound", packages=("unbound",), proof="usr/sbin/unbound")
NGINX = Program(name="nginx", packages=("nginx",), proof="usr/sbin/nginx")
POSTGRESQL = Program(
    name="postgresql", packages=("postgresql",), proof="usr/lib/postgresql/*/bin/postgres"
)
REDIS = Program(name="redis", packages=("redis-server",), proof="usr/bin/redis-check-rdb")

LIBFAKETIME = Program(
    name="libfaketime", packages=("libfaketime",), proof="usr/lib/*/faketime/libfaketime.so.1"
)

INTERNET = (KNOT, UNBOUND, NGINX, POSTFIX, SENDMAIL, EXIM)


@dataclass(frozen=True, slots=True)
class Tree:
    """An unpacked program: a folder laid out like ``/``.

    ``path`` is where it is, ``mounted`` where the namespace sees it.
    """

    path: Path
    mounted: Path | None = None

    def file(self, relative: str) -> Path:
        """Name a file of the tree by its path below ``/``, as its programs see it."""
        return (self.mounted or self.path) / relative

    def library_path(self) -> str:
        """Give the value of LD_LIBRARY_PATH that its programs need."""
        folders = (
            *self.path.glob("usr/lib/*-linux-gnu*"),
            *self.path.glob("lib/*-linux-gnu*"),
            *self.path.glob("usr/lib/postfix"),
            *self.path.glob("usr/lib/*-linux-gnu*/pulseaudio"),  # Chromium's
        )
        return ":".join(
            str(self.file(str(folder.relative_to(self.path))))
            for folder in folders
            if folder.is_dir()
        )


class AptError(Exception):
    """apt-get or dpkg ended with an error; the text is what it said."""


def cache_folder() -> Path:
    """Name the folder that holds the unpacked trees of this release and architecture."""
    own = os.environ.get("MAILSEAL_LAB_CACHE")
    if own:
        base = Path(own)
    else:
        home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        base = Path(home) / "mailseal" / "lab"
    release = dict(
        line.strip().split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    words = (release.get("ID", "linux"), release.get("VERSION_ID", "0"), os.uname().machine)
    return base / "-".join(word.strip('"') for word in words)


def print_progress(line: str) -> None:
    """Write one line of progress to standard error."""
    print(f"lab: {line}", file=sys.stderr, flush=True)


def fetch(program: Program, progress: Progress = print_progress) -> Tree:
    """Return the unpacked tree of a program, fetching it if the cache lacks it.

    A tree appears under its name only when it is complete; what a killed
    fetch left behind is removed by the next one. Raises ``Unavailable``.
    """
    digest = hashlib.sha256(repr(program).encode()).hexdigest()[:8]
    return Tree(
        fetched_once(
            cache_folder() / f"{program.name}-{digest}",
            lambda final: _fetch_into(final, program, progress),
        )
    )


def fetched_once(final: Path, fetch_into: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, having it made when it is not there yet.

    ``fetch_into`` makes it in a folder beside it that ends in ``.partial``
    and renames that. Raises ``Unavailable``.
    """
    if final.is_dir():
        return final
    name = final.name.rpartition("-")[0]
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Unavailable(
                f"{name} cannot be fetched: there is no {tool}",
                "run the lab on Debian or a system made from it",
            )
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the cache {final.parent} cannot be made ({error.strerror})",
            "set MAILSEAL_LAB_CACHE to a folder that can be written",
        ) from error
    with _locked(final.parent / f"{name}.lock"):
        if not final.is_dir():
            for leftover in final.parent.glob(f"{name}-*.partial"):
                shutil.rmtree(leftover, ignore_errors=True)
            fetch_into(final)
    return final


def fetch_all(
    programs: Sequence[Program] = INTERNET, progress: Progress = print_progress
) -> dict[str, Tree]:
    """Fetch several programs, one after the other; the result is by program name."""
    return {program.name: fetch(program, progress) for program in programs}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two fetches at once do the work once."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch_into(final: Path, program: Program, progress: Progress) -> None:
    progress(f"fetching {program.name} (downloaded and unpacked, not installed)")
    partial = Path(tempfile.mkdtemp(prefix=f"{program.name}-", suffix=".partial", dir=final.parent))
    partial.chmod(0o755)  # the MTAs' own users must be able to look inside
    try:
        try:
            _download_and_unpack(partial, program, (), progress)
        except AptError as first:
            progress(f"{first}; fetching package lists of our own")
            options = _update_private_lists(final.parent / "apt")
            _download_and_unpack(partial, program, options, progress)
        _prove_complete(Tree(partial), program)
        partial.rename(final)
    except AptError as error:
        raise Unavailable(
            f"the Debian package of {program.name} could not be fetched ({error})",
            'check the network and apt\'s sources, then run "python -m lab fetch"',
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _download_and_unpack(
    partial: Path, program: Program, options: tuple[str, ...], progress: Progress
) -> None:
    simulated = run_apt(
        *options, "install", "--simulate", "--no-install-recommends", *program.packages
    )
    missing = _INSTALLED_LINE.findall(simulated)
    if "libc6" in missing:
        raise AptError("it needs a newer libc6 than this machine has")
    wanted = sorted({*program.packages, *missing})
    archives = partial / "archives"
    archives.mkdir(exist_ok=True)
    run_apt(*options, "download", *wanted, cwd=archives)
    unpack_archives(archives, partial)
    progress(f"unpacked {program.name} ({len(wanted)} packages)")


def unpack_archives(archives: Path, tree: Path) -> int:
    """Unpack every package of a folder, note their names and remove the folder; count them."""
    found = sorted(archives.glob("*.deb"))
    for archive in found:
        _run(["dpkg", "-x", str(archive), str(tree)])
    (tree / "PACKAGES").write_text("".join(f"{archive.name}\n" for archive in found))
    shutil.rmtree(archives)
    return len(found)


def _update_private_lists(folder: Path) -> tuple[str, ...]:
    """Fetch package lists into a folder of our own; return the options that use them."""
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    options = (
        "-o", f"Dir::State::Lists={folder}/lists",
        "-o", f"Dir::Cache={folder}/cache",
    )  # fmt: skip
    run_apt(*options, "update")
    return options


def _prove_complete(tree: Tree, program: Program) -> None:
    found = sorted(tree.path.glob(program.proof))
    if not found:
        raise AptError(f"its packages hold no {program.proof}")
    listing = subprocess.run(
        ["ldd", str(found[0])],
        env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": tree.library_path()},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    lacking = [line.split()[0] for line in listing.splitlines() if "not found" in line]
    if lacking:
        raise AptError(f"libraries are missing: {', '.join(lacking)}")


def run_apt(*arguments: str, cwd: Path | None = None) -> str:
    """Run apt-get and return what it wrote; raises ``AptError``."""
    # The sandbox user could not write below a private home; the packages are
    # verified by apt's signatures either way.
    return _run(
        ["apt-get", "-q", "-y", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3",
         "-o", "Debug::NoLocking=1", *arguments],
        cwd=cwd,
    )  # fmt: skip


def _run(command: list[str], cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise AptError(f"{command[0]} took over {DOWNLOAD_TIMEOUT_SECONDS} s") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg"))]
        raise AptError((said or done.stderr.splitlines() or ["no message"])[0].strip())
    return done.stdout
