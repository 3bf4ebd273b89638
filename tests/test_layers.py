"""Who may import whom: the dependency rule, held against every module's imports."""

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "mailseal"

# Each layer and those it may import besides itself; what is not named here fails the test.
PURE_BASE = {
    "names",
    "results",
    "answers",
    "deviations",
    "certs",
    "envelope",
    "quoting",
    "txtrecords",
}
STANDARDS = {"mtasts", "tlsrpt", "dane", "mailauth"}
JUDGEMENT = {"overrides", "decision", "ruling", "wire", "checks", "doctor", "scans", "watch"}
DOORS = {"net", "store", "targets"}
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(PURE_BASE, PURE_BASE),
    **dict.fromkeys(STANDARDS, PURE_BASE),
    "overrides": PURE_BASE | STANDARDS,
    "decision": PURE_BASE | STANDARDS,
    "ruling": PURE_BASE | STANDARDS | {"overrides", "decision"},
    "wire": PURE_BASE | STANDARDS | {"decision", "ruling"},
    "checks": PURE_BASE | STANDARDS | {"decision"},
    "doctor": PURE_BASE | STANDARDS,
    "scans": PURE_BASE | STANDARDS | {"decision", "checks"},
    "watch": PURE_BASE | STANDARDS | {"checks"},
    "ports": PURE_BASE | STANDARDS | JUDGEMENT,
    **{name: PURE_BASE | STANDARDS | JUDGEMENT | {"ports"} for name in DOORS},
    "services": PURE_BASE | STANDARDS | JUDGEMENT | {"ports"},
    "config": PURE_BASE | STANDARDS | JUDGEMENT | {"ports"},
    "testing": PURE_BASE | STANDARDS | JUDGEMENT | {"ports"},
    "faces": PURE_BASE | STANDARDS | JUDGEMENT | {"ports", "services", "config"},
    "wiring": PURE_BASE | STANDARDS | JUDGEMENT | DOORS | {"ports", "services", "config", "faces"},
}
PURE = PURE_BASE | STANDARDS | JUDGEMENT
IMPURE_LIBRARIES = {"asyncio", "socket", "ssl", "sqlite3", "time", "os", "logging", "structlog"}
# The libraries of the doors, used nowhere else; h11 also reads requests for the HTTP face.
DOOR_LIBRARIES = {
    "dns": {"net"},
    "h11": {"net", "faces"},
    "ssl": {"net"},
    "OpenSSL": {"net", "dane"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "smtplib": {"net"},
    "sqlite3": {"store"},
    "psycopg": {"store"},
    "procrastinate": {"store"},
    "yaml": {"config"},
}


def modules() -> list[Path]:
    """Return every module of the package."""
    return sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def layer(path: Path) -> str:
    """Return the folder or module right below the package."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the absolute names that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_lies_left_of_it(path: Path) -> None:
    """The arrow of docs/explain/architecture.md points one way."""
    own = layer(path)
    names = {name.split(".")[1] for name in imports(path) if name.startswith("mailseal.")}
    names -= {"Error", "__version__"}

    assert names - {own} <= ALLOWED[own]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_library_is_used_where_it_belongs(path: Path) -> None:
    """Pure folders do no I/O and read no clock; a door's library stays behind its door."""
    own = layer(path)
    tops = {name.split(".")[0] for name in imports(path)}

    if own in PURE:
        assert not tops & IMPURE_LIBRARIES
    for library, owners in DOOR_LIBRARIES.items():
        assert library not in tops or own in owners


def test_the_standards_do_not_import_one_another() -> None:
    """They meet in ``decision`` and ``checks``, nowhere else."""
    for standard in STANDARDS:
        assert not ALLOWED[standard] & STANDARDS
