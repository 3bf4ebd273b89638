"""The mailseal that is put under misfortunes, and the domains it is asked for all the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.internet import Lab
from lab.kept import KeptDaemon

SECURE = "OK secure match=mx.good.test servername=hostname"
WILDCARD = "OK secure match=.mx.wildcard.test servername=hostname"
# What is right for each known domain, whatever else is going on.
KNOWN = {
    "good.test": frozenset({SECURE}),
    "wildcard.test": frozenset({WILDCARD}),
    "dane-good.test": frozenset({"OK dane-only"}),
    "good-testing.test": frozenset({"NOTFOUND ", "OK dane"}),
}
MAX_TABLE = 50_000
DISK_BYTES = 64 * 1024 * 1024
TABLES = {
    "limits": {"cached_answers": str(MAX_TABLE), "known_domains": str(MAX_TABLE)},
    "sts": {"id_ttl_min": '"1s"', "failed_txt_ttl": '"1s"'},
}


@contextmanager
def running(
    lab: Lab,
    name: str,
    *,
    tables: dict[str, dict[str, str]] | None = None,
    environment: dict[str, str] | None = None,
    log_to: Path | None = None,
) -> Iterator[KeptDaemon]:
    """Run a mailseal of its own, its state on a small file system."""
    daemon = KeptDaemon(
        lab.namespace,
        lab.folder / name,
        ca_file=lab.ca_file,
        tables=tables or TABLES,
        environment=environment,
        log_to=log_to,
    )
    daemon.state.mkdir(mode=0o700)
    options = f"size={DISK_BYTES},mode=0700"
    lab.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", daemon.state], check=True)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
        lab.run(["umount", "-l", daemon.state], check=True)
