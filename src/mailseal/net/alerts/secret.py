"""A password or key in a file of its own, read anew at every use."""

from pathlib import Path

MAX_SECRET_BYTES = 4096  # ours


def read_secret(path: Path) -> bytes:
    """Return the first line of a file; raise ``OSError`` where there is none."""
    with path.open("rb") as file:
        secret = file.read(MAX_SECRET_BYTES).partition(b"\n")[0].strip()
    if not secret:
        raise OSError(0, "is empty")
    return secret
