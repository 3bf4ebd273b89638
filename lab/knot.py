"""The authority for the root and everything below: Knot, serving files signed elsewhere."""

from collections.abc import Iterable
from pathlib import Path

from lab.addresses import AUTHORITY
from lab.namespace import Namespace
from lab.service import Service
from lab.unavailable import Unavailable
from lab.zones import Zone

# The semantic checks stay off: some zones are broken on purpose.
CONFIGURATION = """\
server:
    listen: {address}@53
    rundir: {folder}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {folder}/knot.control
    timeout: 10
log:
  - target: stderr
    any: warning
database:
    storage: {folder}
template:
  - id: default
    storage: {folder}
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
"""


class Knot:
    """The authoritative server on its own address; zones are files of its folder."""

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        zones: Iterable[Zone],
        failing: Iterable[str] = (),
    ) -> None:
        """Write the files; ``failing`` are zones it knows but cannot load: SERVFAIL."""
        self._namespace = namespace
        self._folder = folder
        self._tree = namespace.trees["knot"]
        text = CONFIGURATION.format(address=AUTHORITY, folder=folder)
        for zone in zones:
            self._write(zone)
            text += f"  - domain: {zone.origin}\n    file: {self._file(zone).name}\n"
        for origin in failing:
            text += f"  - domain: {origin}\n    file: /nonexistent\n"
        (folder / "knot.conf").write_text(text)
        self.service = Service(
            namespace,
            "knotd",
            [self._tree.file("usr/sbin/knotd"), "-c", folder / "knot.conf"],
            log=folder / "knot.log",
            environment={"LD_LIBRARY_PATH": self._tree.library_path()},
            ready=lambda: namespace.is_listening(AUTHORITY, 53) and self._answers("status"),
        )

    def reload(self, zones: Iterable[Zone]) -> None:
        """Sign zones anew and serve them; returns when they are in force."""
        names = []
        for zone in zones:
            self._write(zone)
            names.append(zone.origin)
        if names and self.service.is_running() and not self._answers("-b", "zone-reload", *names):
            raise Unavailable("knotd does not reload", f"read its log {self.service.log}")

    def _file(self, zone: Zone) -> Path:
        return self._folder / f"{zone.origin if zone.origin != '.' else 'root'}.zone"

    def _write(self, zone: Zone) -> None:
        self._file(zone).write_text(zone.render())

    def _answers(self, *command: str) -> bool:
        done = self._namespace.run(
            [self._tree.file("usr/sbin/knotc"), "-s", self._folder / "knot.control", *command],
            environment={"LD_LIBRARY_PATH": self._tree.library_path()},
        )
        return done.returncode == 0
