"""Exim expanding a string (``-be``): how its ``${readsocket}`` gets a daemon's answers."""

from dataclasses import dataclass
from pathlib import Path

from lab.namespace import Namespace

CONFIGURATION = """\
primary_hostname = exim.test
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
keep_environment =
"""


@dataclass(frozen=True, slots=True)
class Exim:
    """An Exim that is only asked; it delivers nothing."""

    namespace: Namespace
    folder: Path

    def expand(self, expression: str) -> str:
        """Expand a string inside the namespace, without the last line end.

        An expansion that fails gives Exim's message, beginning ``Failed:``.
        """
        configuration = self.folder / "exim.conf"
        if not configuration.exists():
            self.folder.mkdir(exist_ok=True)
            configuration.write_text(CONFIGURATION.format(folder=self.folder))
        tree = self.namespace.trees["exim"]
        done = self.namespace.run(
            [tree.file("usr/sbin/exim4"), "-C", configuration, "-be", expression],
            environment={"LD_LIBRARY_PATH": tree.library_path()},
        )
        return (done.stdout + done.stderr).removesuffix("\n")

    def ask_socketmap(self, address: str, map_name: str, key: str) -> str:
        """Ask a socketmap daemon at ``inet:HOST:PORT`` or ``/path``; the raw netstring."""
        request = f"{map_name} {key}"
        return self.expand(
            f"${{readsocket{{{address}}}{{${{strlen:{request}}}:{request},}}{{8s}}{{}}{{DOWN}}}}"
        )

    def ask_line(self, address: str, domain: str) -> str:
        """Ask a daemon of the one-line protocol; its answer without the line end."""
        return self.expand(f"${{readsocket{{{address}}}{{{domain}\\n}}{{8s}}{{}}{{DOWN}}}}")
