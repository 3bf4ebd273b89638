"""Saved evidence in files: a folder with one file for each domain, or one file with lines."""

from collections.abc import Sequence
from pathlib import Path

from mailseal.checks.evidence import Evidence
from mailseal.checks.saved import MAX_SAVED_BYTES, SavedEvidenceError, read_evidence, write_evidence

SUFFIX = ".json"


def write_files(path: Path, evidences: Sequence[Evidence]) -> None:
    """Write evidence into an existing folder, or else into one file; raise ``OSError``."""
    if path.is_dir():
        for evidence in evidences:
            place = path / f"{evidence.domain}{SUFFIX}"
            place.write_bytes(write_evidence(evidence) + b"\n")
        return
    with path.open("wb") as file:
        for evidence in evidences:
            file.write(write_evidence(evidence) + b"\n")


def read_files(path: Path) -> list[Evidence]:
    """Read what was written; raise ``OSError`` or ``SavedEvidenceError`` with place and line."""
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    return [evidence for file in files for evidence in _read_file(file)]


def _read_file(path: Path) -> list[Evidence]:
    evidences = []
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_SAVED_BYTES + 1):
            number += 1
            if not line.strip():
                continue
            try:
                evidences.append(read_evidence(line))
            except SavedEvidenceError as error:
                raise SavedEvidenceError(f"{path}, line {number}: {error}") from error
    return evidences
