"""Programs of a newer Debian than this machine's, for which the lab has to be a little of both.

A newer program needs its own C library, and that needs its own loader: all packages down to
libc6 are fetched from the newer release, by package lists of our own and signed with its keys,
and unpacked like the rest. ``inside`` runs a program with that tree mounted over ``/usr`` in a
mount namespace of its own; paths, sockets, accounts and network stay those of the lab.
"""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.packages import (
    AptError,
    Progress,
    Tree,
    cache_folder,
    fetched_once,
    print_progress,
    run_apt,
    unpack_archives,
)
from lab.unavailable import Unavailable

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_NEEDED = re.compile(r"^Inst (\S+) ", re.MULTILINE)
_SECURITY = re.compile(r"-security(/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerProgram:
    """What to fetch; ``proof`` is a file that must be there."""

    name: str
    release: str  # Debian's code name
    packages: tuple[str, ...]
    proof: str


# The first Debian whose Postfix knows the attributes of TLSRPT and matches MX names by them.
POSTFIX_3_10 = NewerProgram(
    name="trixie-postfix",
    release="trixie",
    packages=("postfix",),
    proof="usr/lib/postfix/sbin/smtp",
)


def fetch_newer(program: NewerProgram, progress: Progress = print_progress) -> Tree:
    """Return the tree to mount over ``/usr``, fetching it if the cache lacks it.

    Takes some ten seconds once. Raises ``Unavailable``.
    """
    if not Path("/lib64").is_symlink() or not Path("/lib").is_symlink():
        raise Unavailable(
            "this machine keeps libraries outside /usr",
            "run the lab on Debian 12 or later, where /lib leads to /usr/lib",
        )
    tree = fetched_once(
        cache_folder() / f"{program.name}-1", lambda final: _fetch_into(final, program, progress)
    )
    return Tree(tree, mounted=Path("/"))


def inside(tree: Tree, arguments: Sequence[str | Path]) -> list[str | Path]:
    """Wrap a command so that it runs with a newer tree over ``/usr``; its pid stays the same."""
    script = 'mount --bind "$0" /usr && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "--",
            "sh", "-c", script, tree.path / "usr", *arguments]  # fmt: skip


def _fetch_into(final: Path, program: NewerProgram, progress: Progress) -> None:
    progress(f"fetching {program.name} of Debian {program.release} (unpacked, not installed)")
    partial = Path(tempfile.mkdtemp(prefix=f"{program.name}-", suffix=".partial", dir=final.parent))
    try:
        options = _private_apt(partial / "apt", program.release)
        run_apt(*options, "update")
        simulated = run_apt(
            *options, "install", "--simulate", "--no-install-recommends", *program.packages
        )
        archives = partial / "archives"
        archives.mkdir()
        run_apt(*options, "download", *_NEEDED.findall(simulated), cwd=archives)
        count = unpack_archives(archives, partial)
        shutil.rmtree(partial / "apt")
        if not (partial / program.proof).is_file():
            raise AptError(f"its packages hold no {program.proof}")
        partial.chmod(0o755)
        partial.rename(final)
        progress(f"unpacked {program.name} ({count} packages)")
    except AptError as error:
        raise Unavailable(
            f"Debian {program.release}'s {program.name} could not be fetched ({error})",
            'check the network and apt\'s sources, then run "python -m lab fetch"',
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _private_apt(folder: Path, release: str) -> tuple[str, ...]:
    """Make what apt needs to see a newer release on a machine where nothing is installed."""
    for name in ("lists/partial", "cache/archives/partial", "preferences.d"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {_mirror()} {release} main\n")
    return tuple(
        f"-o{name}={value}"
        for name, value in {
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": folder / "preferences.d",
            "Dir::State::Lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Acquire::Languages": "none",
        }.items()
    )


def _mirror() -> str:
    """Return the mirror that this machine's own apt uses, so that none is written down."""
    sites = run_apt("indextargets", "--format", "$(SITE)", "Created-By: Packages").split()
    for site in sites:
        if not _SECURITY.search(site):
            return site
    raise AptError("apt's sources name no mirror")
