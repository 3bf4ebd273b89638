"""Every finding of the doctor has its paragraph, and no paragraph is about nothing."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "doctor.md"
MODULES = [*(ROOT / "src/mailseal/doctor").glob("*.py"), ROOT / "src/mailseal/faces/doctor.py"]


def codes() -> set[str]:
    """Return every code in the source: ``ok("code", …)`` and ``Finding(code="code", …)``."""
    found: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            values: list[ast.expr] = []
            if node.func.id == "ok":
                values = node.args[:1]
            elif node.func.id == "Finding":
                values = [word.value for word in node.keywords if word.arg == "code"]
            for value in values:
                found |= {
                    part.value
                    for part in ast.walk(value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
    return found


def test_every_code_has_its_paragraph() -> None:
    """What a finding means can be looked up by its code."""
    page = PAGE.read_text("utf-8")
    sections = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))

    assert set(sections) == codes()
    assert all(len(text.split()) >= 4 for text in sections.values())
