"""Every evidence that a test of this folder judges: what the catalogue as a whole is tried with.

Nothing is registered: a table at the top of a test module counts when its rows are, or hold,
evidence. ``good()`` are those that have no fault.
"""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from mailseal.checks.evidence import Evidence
from mailseal.testing.evidence import session

from .mxworld import MX1, V4, V4_TOO, V6, at, digest, domain, record_for

PACKAGE = __name__.rpartition(".")[0]


@cache
def examples() -> tuple[Evidence, ...]:
    """Return all evidence of all tables, each once."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_*_findings.py"))
    names += sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    found: dict[int, Evidence] = {}
    for name in dict.fromkeys(names):
        if name != "test_catalogue":
            for evidence in _of(importlib.import_module(f"{PACKAGE}.{name}")):
                found.setdefault(id(evidence), evidence)
    return tuple(found.values())


def _of(module: ModuleType) -> Iterator[Evidence]:
    for name, table in vars(module).items():
        if name.isupper() and isinstance(table, list | tuple | dict):
            rows = table.values() if isinstance(table, dict) else table
            for row in rows:
                yield from _within(row)


def _within(row: object) -> Iterator[Evidence]:
    evidence = getattr(row, "evidence", None)
    parts = row if isinstance(row, tuple) else (row, evidence)
    yield from (part for part in parts if isinstance(part, Evidence))


def good() -> dict[str, Evidence]:
    """Return domains in which nothing is to be changed, by what they have."""
    own = session()
    everywhere = at(MX1, own, session(MX1, V4_TOO), session(MX1, V6))
    tlsa = (record_for(own), digest(1))
    return {
        "enforce": domain(at(MX1, own)),
        "testing": domain(at(MX1, own), mode="testing"),
        "several addresses": domain(everywhere),
        "two hosts": domain(at(MX1, own), at("mx2.example.com", session("mx2.example.com", V4))),
        "DANE and a policy": domain(at(MX1, own, tlsa=tlsa)),
        "DANE alone": domain(at(MX1, own, tlsa=tlsa), mode=None),
        "nothing published": domain(at(MX1, own), mode=None),
    }
