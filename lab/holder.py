"""The process that holds the lab's network and mount namespace.

Run as ``unshare --net --mount --propagation private -- python -I holder.py SPEC``
below ``guard.py``. It brings loopback up, puts an ``/etc`` of the lab's own
over the machine's (seen inside the namespace only), mounts the program trees
where an MTA's own user can reach them, and says ``ready PID``. On SIGINT, or
when its guard dies, it kills every process of its network namespace and ends:
all of them were started by the lab, however they were started.

``SPEC`` is a JSON file: ``etc`` (file name → text), ``machine_etc`` (a folder
where the machine's own ``/etc`` is put), ``programs`` (a folder) and ``trees``
(name → folder to mount read-only below ``programs``).
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

# <sys/mount.h>, <linux/sockios.h>, <linux/if.h>, <sys/prctl.h>
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 32, 4096, 16384
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PR_SET_PDEATHSIG = 1

LIBC = ctypes.CDLL(None, use_errno=True)


def main(spec_file: str) -> None:
    """Prepare the namespace, say so, and wait for the end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    spec = json.loads(Path(spec_file).read_text())
    bring_loopback_up()
    replace_etc(Path(spec["machine_etc"]), spec["etc"])
    mount_trees(Path(spec["programs"]), spec["trees"])
    print(f"ready {os.getpid()}", flush=True)
    if os.getppid() != 1:  # else the guard died before prctl took effect
        signal.sigwait({signal.SIGINT})
    kill_everything_here()


def bring_loopback_up() -> None:
    """Set ``lo`` up; the kernel then gives it 127.0.0.1/8."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(probe, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))


def replace_etc(machine_etc: Path, files: dict[str, str]) -> None:
    """Cover /etc with a folder that links to the machine's but for the given files.

    A bind mount over single files would need them to exist, and
    /etc/resolv.conf is often a symbolic link into a folder that does not.
    """
    machine_etc.mkdir()
    mount("/etc", machine_etc, None, MS_BIND | MS_REC)
    mount("tmpfs", Path("/etc"), "tmpfs", 0)
    Path("/etc").chmod(0o755)
    for entry in machine_etc.iterdir():
        if entry.name in files:
            continue
        # A relative link must keep its text: /etc is as deep as it was.
        target = entry.readlink() if entry.is_symlink() else entry
        (Path("/etc") / entry.name).symlink_to(target)
    for name, text in files.items():
        (Path("/etc") / name).write_text(text)
    # Sendmail wants no world-writable folder above a socket, such as /tmp.
    (Path("/etc") / "lab").mkdir()
    mount(str(machine_etc.parent), Path("/etc/lab"), None, MS_BIND)


def mount_trees(programs: Path, trees: dict[str, str]) -> None:
    """Mount each tree, read-only, below a folder that every user can enter.

    Without set-id bits too: the loader ignores LD_LIBRARY_PATH for such programs.
    """
    programs.mkdir()
    mount("tmpfs", programs, "tmpfs", 0)
    programs.chmod(0o755)
    for name, source in trees.items():
        place = programs / name
        place.mkdir()
        mount(source, place, None, MS_BIND)
        mount("none", place, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID)


def mount(source: str, target: Path, kind: str | None, flags: int) -> None:
    """Call mount(2); raises OSError."""
    result = LIBC.mount(
        source.encode(), str(target).encode(), kind.encode() if kind else None, flags, None
    )
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount: {os.strerror(number)}", str(target))


def kill_everything_here() -> None:
    """Kill every other process of this network namespace, until none is left."""
    own = Path("/proc/self/ns/net").readlink()
    while True:
        found = False
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
                if alive and (entry / "ns/net").readlink() == own:
                    found = True
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue  # it ended meanwhile
        if not found:
            return


if __name__ == "__main__":
    main(sys.argv[1])
