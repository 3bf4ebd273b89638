"""A UNIX socket below Postfix's queue folder serves it with and without a chroot."""

import shutil
from pathlib import Path

import pytest

from lab.daemon import Daemon
from lab.internet import Lab

SOCKET = "mailseal/socketmap"  # as in main.cf, relative to the queue folder


@pytest.mark.lab
@pytest.mark.parametrize("chroot", ["n", "y"])
def test_a_socket_named_relative_to_the_queue_folder_is_found(
    lab: Lab, tmp_path: Path, chroot: str
) -> None:
    """The line that the README gives protects a Postfix whose smtp client is in a chroot or not."""
    with lab.sender(f"socketmap:unix:{SOCKET}:postfix") as postfix:
        queue = postfix.postfix.queue
        (queue / SOCKET).parent.mkdir()
        postfix.stop()
        _put_into_chroot(postfix.postfix.folder / "master.cf", queue, chroot)
        postfix.start()
        daemon = Daemon(
            lab.namespace,
            lab.folder / f"chroot-{chroot}",
            ca_file=lab.ca_file,
            listeners=(f"unix:{queue / SOCKET}",),
        )
        daemon.start()
        try:
            good = postfix.deliver("someone@good.test")
            stripped = postfix.deliver("someone@stripped.test")
        finally:
            daemon.stop()

    assert (good.status, good.tls) == ("sent", "Verified")
    assert stripped.status == "deferred"


def _put_into_chroot(master: Path, queue: Path, chroot: str) -> None:
    """Set the chroot column of the smtp client, and copy what it needs to resolve names."""
    (queue / "etc").mkdir()
    shutil.copy("/etc/services", queue / "etc")
    (queue / "etc" / "resolv.conf").write_text("nameserver 127.0.0.53\noptions trust-ad edns0\n")
    lines = master.read_text().splitlines()
    changed = [
        line.replace("- - n", f"- - {chroot}", 1) if line.startswith("smtp ") else line
        for line in lines
    ]
    assert changed != lines or chroot == "n"
    master.write_text("\n".join(changed) + "\n")
