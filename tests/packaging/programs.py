"""Imports the package's programs, which are no modules of mailseal."""

import importlib.util
from pathlib import Path
from types import ModuleType

DEBIAN = Path(__file__).parents[2] / "packaging" / "debian"


def load_program(name: str) -> ModuleType:
    """Import a program of packaging/debian by its name."""
    spec = importlib.util.spec_from_file_location(f"debian_{name}", DEBIAN / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
