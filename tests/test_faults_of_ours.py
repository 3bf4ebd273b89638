"""Where everything is caught: each place says why one fault of ours must not end the rest."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "mailseal"
REASONS = (
    "# A fault of ours: ",  # of one among many: told in the log, and the others go on
    "# noqa: BLE001 -- handed to",  # no end, but a way to whoever waits
)


def places() -> list[tuple[str, str]]:
    """Return where everything is caught for good, each with its line and the one behind it."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and catches_everything(node):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                found.append((place, "\n".join(lines[node.lineno - 1 : node.lineno + 1])))
    return found


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Tell whether nothing gets past a handler; one that raises anew only cleans up."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    is_broad = any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )
    return is_broad and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))


@pytest.mark.parametrize("text", [pytest.param(text, id=place) for place, text in places()])
def test_whoever_catches_everything_says_why(text: str) -> None:
    """Nothing shorter serves them all: each fault becomes another value, for somebody else."""
    assert any(reason in text for reason in REASONS)
