"""checkdmarc in an environment of its own, outside the tree, made when it is first wanted."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VERSION = "6.0.4"
INSTALL_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckerEnvironment:
    """An interpreter that has checkdmarc."""

    python: Path
    version: str


def prepare(say: Callable[[str], None]) -> CheckerEnvironment:
    """Return the environment, from the index that this machine is set up for if it is not there.

    Raises ``RuntimeError`` where it cannot be installed.
    """
    folder = _cache() / f"checkdmarc-{VERSION}-python{sys.version_info[0]}.{sys.version_info[1]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        say(f"installing checkdmarc {VERSION} into {folder}")
        venv.create(folder, with_pip=True, clear=True)
        wanted = f"checkdmarc=={VERSION}"
        try:
            subprocess.run(
                [python, "-m", "pip", "--disable-pip-version-check", "-q", "install", wanted],
                check=True,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.CalledProcessError as error:
            last = (error.stderr.strip().splitlines() or ["no message"])[-1]
            raise RuntimeError(f"checkdmarc {VERSION} cannot be installed: {last}") from error
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"checkdmarc {VERSION} cannot be installed: too slow") from error
        (folder / "complete").touch()
    return CheckerEnvironment(python=python, version=f"checkdmarc {VERSION}")


def _cache() -> Path:
    set_up = os.environ.get("MAILSEAL_BENCH_CACHE")
    return Path(set_up) if set_up else Path.home() / ".cache" / "mailseal" / "bench"
