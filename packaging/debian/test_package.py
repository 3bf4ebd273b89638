"""The package's life in a Debian root of its own: installed, upgraded, removed, purged.

Run by "make package-test", not by "make test": it takes minutes, root, debootstrap and lintian.
The root has no systemd; the service is started as the unit would start it, in a network
namespace with nothing but loopback. A newer version is made of the same sources with one
migration more.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mailseal" / "package"
BUILD_SECONDS = 600  # ours: libraries are fetched once, which takes a minute
STEP_SECONDS = 300  # ours: debootstrap fetches 60 MB
NEEDED_INSIDE = "python3.11,ca-certificates,systemd-standalone-sysusers"
NEWER = "99.0"
SITE = "usr/lib/mailseal/lib/python3.11/site-packages"
CONFIGURATION = "etc/mailseal/mailseal.toml"
EDIT = "# edited by the administrator\n"

# What the unit does, without systemd: start it as its user, wait until it is ready, ask it over
# socketmap as Postfix does and over its control socket, and stop it.
ASK = """
import socket, urllib.request
urllib.request.urlopen("http://127.0.0.1:8463/health/ready", timeout=10).close()  # store included
with socket.create_connection(("127.0.0.1", 8461), timeout=10) as connection:
    connection.sendall(b"19:postfix [192.0.2.1],")
    print(connection.recv(100).decode())
"""
SERVE = """
set -e
setpriv --reuid mailseal --regid mailseal --clear-groups mailseal serve >/tmp/serve.log 2>&1 &
service=$!
tries=0
until /usr/lib/mailseal/bin/python3 -I -c "$1" 2>/tmp/ask.log; do
    tries=$((tries + 1))
    if [ $tries = 40 ]; then cat /tmp/serve.log /tmp/ask.log; exit 1; fi
    sleep 0.5
done
mailseal cache list >/tmp/list 2>&1
kill $service
wait $service
"""
ANSWERED = "9:NOTFOUND ,\n"  # an address has no policy: the one answer that needs no network


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A Debian root in a folder; every command runs in namespaces that end with it."""

    path: Path

    def run(self, *command: str, expect: int | None = 0) -> str:
        """Run a command inside and return all that it said; ``expect`` is its exit code."""
        script = 'mount -t proc proc "$0/proc" && ip link set lo up && exec chroot "$0" "$@"'
        ended = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
             "sh", "-c", script, self.path, "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
             "DEBIAN_FRONTEND=noninteractive", *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=STEP_SECONDS, check=False,
        )  # fmt: skip
        assert expect is None or ended.returncode == expect, ended.stdout
        return ended.stdout

    def install(self, package: Path, *, expect: int | None = 0) -> str:
        """Install a package file."""
        shutil.copy(package, self.path / "root")
        return self.run("dpkg", "--install", f"/root/{package.name}", expect=expect)

    def serve_once(self) -> str:
        """Start the service, ask it, stop it; return its answer."""
        return self.run("sh", "-c", SERVE, "sh", ASK)

    def installed(self) -> str:
        """Return dpkg's status and version of the package."""
        return self.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", "mailseal")

    def revision(self) -> str:
        """Return the revision of the database, as the package's own tool tells it."""
        return self.run("runuser", "-u", "mailseal", "--", "/usr/lib/mailseal/schema-revision")


def build(source: Path, dist: Path) -> Path:
    """Build the package of a source tree."""
    subprocess.run(
        [source / "tools/package", Path(sys.executable).parent, "/usr/bin/python3", dist],
        cwd=source,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
        timeout=BUILD_SECONDS,
        check=True,
    )
    (package,) = dist.glob("*.deb")
    return package


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy these sources as they are now, so that all builds are of the same."""
    source = tmp_path_factory.mktemp("source")
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in names:
        if name and (REPOSITORY / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, source / name)
    return source


@pytest.fixture(scope="session")
def package(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package of these sources."""
    return build(source, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def newer(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a newer version, whose database has one revision more."""
    source = Path(shutil.copytree(source, tmp_path_factory.mktemp("newer") / "source"))
    substitute(source / "pyproject.toml", r'(?m)^version = ".*"$', f'version = "{NEWER}"')
    substitute(source / "src/mailseal/__init__.py", r'"[0-9.]+"', f'"{NEWER}"')
    store = source / "src/mailseal/store"
    substitute(store / "schema.py", r"(?m)^(REVISIONS: Final = \(.*)\)$", r'\1, "9999")')
    newest = max((store / "migrations/versions").glob("r*.py")).name[1:5]
    (store / "migrations/versions/r9999_more.py").write_text(
        f'from alembic import op\nrevision = "9999"\ndown_revision = "{newest}"\n'
        'branch_labels = None\ndepends_on = None\n'
        'def upgrade():\n    op.execute("CREATE TABLE more (one INTEGER)")\n'
    )  # fmt: skip
    return build(source, tmp_path_factory.mktemp("dist-newer"))


def substitute(file: Path, pattern: str, replacement: str) -> None:
    """Change the one place in a file that a pattern finds."""
    text, count = re.subn(pattern, replacement, file.read_text("utf-8"))
    assert count == 1, (file, pattern)
    file.write_text(text, "utf-8")


@pytest.fixture(scope="session")
def base() -> Path:
    """Make the bare Debian root once; later runs take it from the cache."""
    release = re.findall(r"(?m)^VERSION_CODENAME=(.+)$", Path("/etc/os-release").read_text())[0]
    base: Path = CACHE / release
    if not base.exists():
        targets = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)", "Created-By: Packages"],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        mirror = next(site for name, site in map(str.split, targets) if name == release)
        partial = CACHE / f"{release}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={NEEDED_INSIDE}", release, partial,
             mirror],
            timeout=STEP_SECONDS, check=True,
        )  # fmt: skip
        partial.rename(base)
    return base


@pytest.fixture
def root(base: Path, tmp_path: Path) -> Iterator[Root]:
    """Give a root in which nothing has been installed yet."""
    path = tmp_path / "root"
    subprocess.run(["cp", "-a", base, path], check=True)
    yield Root(path=path)
    shutil.rmtree(path)


@pytest.fixture
def lived_in(root: Root, package: Path) -> Root:
    """Give a root with the package, an edited configuration and a database."""
    root.install(package)
    with (root.path / CONFIGURATION).open("a") as file:
        file.write(EDIT)
    root.serve_once()
    return root


def test_lintian_finds_no_error(package: Path) -> None:
    """What Debian demands of packages is kept, or overridden with a reason."""
    subprocess.run(["lintian", "--fail-on", "error", "--allow-root", package], check=True)


def test_two_builds_give_one_file(package: Path, source: Path, tmp_path: Path) -> None:
    """Whoever builds the same sources elsewhere gets the same bytes, and so can check a build."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(source, elsewhere)
    assert build(elsewhere, tmp_path / "dist").read_bytes() == package.read_bytes()


def test_the_installed_service_answers(root: Root, package: Path) -> None:
    """Installed, it runs as its own user and answers on loopback, without pip and build tools."""
    root.install(package)

    version = re.findall(r"_([0-9.]+)_", package.name)[0]
    assert root.run("mailseal", "--version") == f"mailseal, version {version}\n"
    assert root.run("mailseal", "config", "check")
    assert root.serve_once() == ANSWERED
    assert root.run("stat", "-c", "%U %a", "/var/lib/mailseal") == "mailseal 700\n"
    site = root.path / SITE
    assert {path.name for path in site.glob("*.dist-info")}
    assert [path for name in ("pip", "hatchling") for path in site.glob(f"{name}*")] == []
    assert list((site / "mailseal").glob("__pycache__/*.pyc"))  # made where it runs


def test_the_service_is_enabled_and_the_sockets_are_not(root: Root, package: Path) -> None:
    """Debian's custom for the service; socket activation waits for somebody who wants it."""
    root.install(package)
    units = root.path / "etc/systemd/system"
    assert {path.name for path in units.glob("*.wants/mailseal*")} == {"mailseal.service"}
    shipped = root.path / "usr/lib/systemd/system"
    assert {path.name for path in shipped.glob("mailseal*")} == {
        "mailseal.service",
        "mailseal.socket",
        "mailseal-http.socket",
    }


def test_the_postgresql_driver_loads(root: Root, package: Path) -> None:
    """A fleet needs no further package: the bundled driver finds its own C library."""
    root.install(package)
    root.run("/usr/lib/mailseal/bin/python3", "-I", "-c", "import psycopg; psycopg.pq.version()")


def test_an_upgrade_keeps_configuration_and_state(lived_in: Root, newer: Path) -> None:
    """Edits survive, the database is the same one, and the newer version migrates it."""
    before = (lived_in.path / CONFIGURATION).read_text()
    database = (lived_in.path / "var/lib/mailseal/mailseal.db").stat().st_ino
    enabled = lived_in.path / "etc/systemd/system/multi-user.target.wants/mailseal.service"
    enabled.unlink()  # what "systemctl disable" does
    lived_in.install(newer)

    assert lived_in.installed() == f"ii {NEWER}"
    assert not enabled.is_symlink()
    assert (lived_in.path / CONFIGURATION).read_text() == before
    assert before.endswith(EDIT)
    assert lived_in.revision() != "9999\n"
    lived_in.serve_once()
    assert lived_in.revision() == "9999\n"
    assert (lived_in.path / "var/lib/mailseal/mailseal.db").stat().st_ino == database


def test_a_downgrade_under_a_newer_database_is_refused(
    lived_in: Root, newer: Path, package: Path
) -> None:
    """It says why and what to do, and the newer version stays as it was and works."""
    lived_in.install(newer)
    lived_in.serve_once()
    said = lived_in.install(package, expect=1)

    assert "has schema 9999" in said
    assert lived_in.installed() == f"ii {NEWER}"
    assert lived_in.serve_once() == ANSWERED


def test_a_downgrade_is_refused_when_the_database_cannot_be_asked(
    lived_in: Root, newer: Path, package: Path
) -> None:
    """With a configuration that does not tell where it is, the newer version's schema counts."""
    lived_in.install(newer)
    (lived_in.path / CONFIGURATION).write_text("no toml")
    assert "has schema 9999" in lived_in.install(package, expect=1)


def test_a_downgrade_over_an_old_database_is_allowed(
    lived_in: Root, newer: Path, package: Path
) -> None:
    """A newer version that was never started has changed nothing that the older one needs."""
    lived_in.install(newer)
    lived_in.install(package)
    assert lived_in.serve_once() == ANSWERED


def test_removal_keeps_what_purge_deletes(lived_in: Root) -> None:
    """Program and byte code go with removal, configuration and state with purge only."""
    state = lived_in.path / "var/lib/mailseal"
    lived_in.run("dpkg", "--remove", "mailseal")
    assert not (lived_in.path / "usr/lib/mailseal").exists()
    assert (lived_in.path / CONFIGURATION).read_text().endswith(EDIT)
    assert (state / "mailseal.db").exists()

    lived_in.run("dpkg", "--purge", "mailseal")
    assert not (lived_in.path / "etc/mailseal").exists()
    assert not state.exists()


def test_an_older_version_after_removal_is_refused_too(
    lived_in: Root, newer: Path, package: Path
) -> None:
    """The state that removal kept is as much too new as before; after a purge nothing is."""
    lived_in.install(newer)
    lived_in.serve_once()
    lived_in.run("dpkg", "--remove", "mailseal")
    assert "has schema 9999" in lived_in.install(package, expect=1)

    lived_in.run("dpkg", "--purge", "mailseal")
    lived_in.install(package)
    assert lived_in.serve_once() == ANSWERED
