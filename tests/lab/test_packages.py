"""Packages come into the cache whole or not at all; apt is asked, never told to install."""

import os
import subprocess
from pathlib import Path

import pytest

from lab import Unavailable, packages

HELLO = packages.Program(name="hello", packages=("hello",), proof="usr/bin/hello")

APT = """\
#!/bin/sh
echo "$@" >>{log}
case "$*" in
  *--simulate*) echo "Inst libhello (1.0 Debian)" ;;
  *download*) touch hello.deb libhello.deb ;;
esac
"""
DPKG = """\
#!/bin/sh
mkdir -p "$3/usr/bin" && cp /bin/true "$3/usr/bin/hello"
"""


@pytest.fixture
def apt_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a scripted apt-get and dpkg first, and the cache into a folder of its own."""
    log = tmp_path / "apt.log"
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("apt-get", APT.format(log=log)), ("dpkg", DPKG)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("MAILSEAL_LAB_CACHE", str(tmp_path / "cache"))
    return log


def silence(_: str) -> None:
    """Show no progress."""


def test_a_program_is_unpacked_once(apt_log: Path) -> None:
    """The second call finds the tree; nothing is ever installed."""
    tree = packages.fetch(HELLO, silence)
    assert subprocess.run([tree.file("usr/bin/hello")], check=False).returncode == 0
    asked = apt_log.read_text()
    assert packages.fetch(HELLO, silence) == tree
    assert apt_log.read_text() == asked
    for line in asked.splitlines():
        assert "install" not in line or "--simulate" in line


def test_what_a_killed_fetch_left_is_swept_up(apt_log: Path) -> None:
    """A half-unpacked tree never counts, and does not stay."""
    leftover = packages.cache_folder() / "hello-killed.partial"
    (leftover / "usr/bin").mkdir(parents=True)
    packages.fetch(HELLO, silence)
    assert not leftover.exists()


def test_an_incomplete_package_is_refused(apt_log: Path) -> None:
    """A tree without its program is thrown away, and the message names the next step."""
    lacking = packages.Program(name="hello", packages=("hello",), proof="usr/sbin/hellod")
    with pytest.raises(Unavailable, match="python -m lab fetch"):
        packages.fetch(lacking, silence)
    assert [path.name for path in packages.cache_folder().iterdir()] == ["hello.lock"]


def test_a_system_without_apt_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without apt there is no lab, and the reason says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MAILSEAL_LAB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Unavailable, match="no apt-get"):
        packages.fetch(HELLO, silence)
