"""What a process of ours takes of the machine, and lacks in its log, read when somebody asks."""

import os
import resource
from pathlib import Path

from mailseal.faces.logstream import lost_lines

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


def usage() -> dict[str, int]:
    """Return CPU time in milliseconds, resident memory in bytes, and how many lines were lost.

    The memory is 0 where /proc is missing.
    """
    times = resource.getrusage(resource.RUSAGE_SELF)
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except OSError:
        pages = 0
    return {
        "cpu_ms": int((times.ru_utime + times.ru_stime) * 1000),
        "resident_bytes": pages * _PAGE_BYTES,
        "log_lines_lost": lost_lines(),
    }
