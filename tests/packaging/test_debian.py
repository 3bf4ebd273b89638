"""The Debian package's parts, as far as they can be checked without building it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import mailseal
from mailseal.store import open_store
from mailseal.store.schema import REVISIONS
from tests.packaging.programs import DEBIAN, load_program

ROOT = Path(__file__).parents[2]
SCRIPTS = ("preinst.in", "postinst", "prerm", "postrm")


@pytest.fixture
def bundled() -> ModuleType:
    """Import what decides which libraries stay."""
    return load_program("bundled")


@pytest.fixture
def revision_of() -> Callable[[str], str | None]:
    """Import what an older version's ``preinst`` asks."""
    function: Callable[[str], str | None] = load_program("schema_revision").revision_of
    return function


# -- which libraries stay --------------------------------------------------------------------


def test_what_nothing_requires_is_left_out(bundled: ModuleType) -> None:
    """Build tools are locked with the rest and do not reach the package; drivers of extras do."""
    installed = {
        "mailseal": ["click>=8", 'psycopg[binary]>=3 ; extra == "postgres"'],
        "click": ['colorama ; platform_system == "Windows"'],
        "psycopg": ['psycopg-binary==3 ; extra == "binary"'],
        "psycopg-binary": [],
        "colorama": [],
        "hatchling": ["pluggy"],
        "pluggy": [],
    }
    assert bundled.needed(installed) == {"mailseal", "click", "psycopg", "psycopg-binary"}


def test_a_library_that_is_missing_ends_the_build(bundled: ModuleType) -> None:
    """A package that cannot start is not built."""
    with pytest.raises(SystemExit, match="click is needed and not installed"):
        bundled.needed({"mailseal": ["Click"]})


@pytest.mark.parametrize(
    ("tags", "oldest"),
    [
        (["py3-none-any"], (2, 17)),  # no compiled part: any C library
        (["cp311-abi3-manylinux_2_34_x86_64", "py3-none-any"], (2, 34)),
        # Two tags of one wheel: it runs where the older of them does.
        (["cp311-cp311-manylinux_2_17_x86_64.cp311-cp311-manylinux_2_28_x86_64"], (2, 17)),
        (["x-manylinux_2_28_x86_64", "x-manylinux_2_34_x86_64"], (2, 34)),
        (["x-manylinux2014_x86_64"], (2, 17)),
    ],
)
def test_the_c_library_is_the_one_that_the_pickiest_wheel_wants(
    bundled: ModuleType, tags: list[str], oldest: tuple[int, int]
) -> None:
    """Depends names a C library that runs every compiled part."""
    assert bundled.libc_of(tags) == oldest


# -- downgrades ------------------------------------------------------------------------------


def test_no_database_has_no_revision(
    revision_of: Callable[[str], str | None], tmp_path: Path
) -> None:
    """Asking makes no database: an installation that never ran can be downgraded."""
    path = tmp_path / "state" / "mailseal.db"
    assert revision_of(f"sqlite:///{path}") is None
    assert not path.parent.exists()


async def test_a_database_tells_its_revision(
    revision_of: Callable[[str], str | None], tmp_path: Path
) -> None:
    """What the service made is at the newest revision that its package knows."""
    url = f"sqlite:///{tmp_path}/mailseal.db"
    store = await open_store(url)
    await store.aclose()
    assert revision_of(url) == REVISIONS[-1]


def test_a_file_that_is_no_database_cannot_be_told(
    revision_of: Callable[[str], str | None], tmp_path: Path
) -> None:
    """Then the schema of the installed version counts, not "there is none"."""
    path = tmp_path / "mailseal.db"
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(mailseal.Error):
        revision_of(f"sqlite:///{path}")


def test_the_build_reads_the_revisions_out_of_the_schema() -> None:
    """tools/package finds them by the form of one line; a ``preinst`` without any would not do."""
    found = re.findall(
        r"^REVISIONS: Final = \((.*)\)$",
        (ROOT / "src/mailseal/store/schema.py").read_text("utf-8"),
        re.MULTILINE,
    )
    assert [tuple(re.findall(r'"(\w+)"', one)) for one in found] == [REVISIONS]


# -- maintainer scripts ----------------------------------------------------------------------


@pytest.mark.parametrize("name", SCRIPTS)
def test_maintainer_scripts_are_shell_that_ends_at_the_first_fault(name: str) -> None:
    """A script that goes on after a fault leaves a system half configured."""
    text = (DEBIAN / name).read_text("utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    subprocess.run(["sh", "-n", DEBIAN / name], check=True)


def test_only_purge_deletes_state() -> None:
    """Removal, upgrade and failed steps leave policies where they are."""
    before, _, purge = (DEBIAN / "postrm").read_text("utf-8").partition('if [ "$1" = purge ]; then')
    assert "rm -rf /var/lib/mailseal" in purge
    assert "rm " not in before
    assert not any("rm -rf /var" in (DEBIAN / name).read_text("utf-8") for name in SCRIPTS[:3])


def test_each_lintian_override_has_a_reason() -> None:
    """A comment stands before every group of overrides."""
    lines = (DEBIAN / "lintian-overrides").read_text("utf-8").splitlines()
    assert lines[0].startswith("#")
    for line in lines:
        assert line.startswith(("# ", "mailseal: ")), line


def test_the_build_is_shell() -> None:
    """Both programs of the build parse."""
    assert shutil.which("sh")
    for name in ("package", "package-needs"):
        subprocess.run(["sh", "-n", ROOT / "tools" / name], check=True)
