"""What a process of ours takes of the machine, read when somebody asks."""

import os
import resource
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


def usage() -> dict[str, int]:
    """Return CPU time in milliseconds and resident memory in bytes, 0 where /proc is missing."""
    times = resource.getrusage(resource.RUSAGE_SELF)
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except OSError:
        pages = 0
    return {
        "cpu_ms": int((times.ru_utime + times.ru_stime) * 1000),
        "resident_bytes": pages * _PAGE_BYTES,
    }
