"""The file that a list stands in: a regular one or a pipe, since a device may never end."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from mailseal.scans.listing import ListError


def open_list(path: Path) -> BinaryIO:
    """Open a list; raise ``OSError``, or ``ListError`` for what can be none."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device"
        raise ListError(f"{path} is {what} and no list; name a file with a domain name to a line")
    return path.open("rb")


def is_pipe(file: BinaryIO) -> bool:
    """Tell whether a file can be read once only, and may be silent for long."""
    return stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
