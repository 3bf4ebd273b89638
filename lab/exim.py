"""Exim expanding a string (``-be``) or routing an address (``-bt``) by a daemon's answers."""

from dataclasses import dataclass
from pathlib import Path

from lab.namespace import Namespace

CONFIGURATION = """\
primary_hostname = exim.test
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
keep_environment =
"""

# As the how-to's routers: wait for want of a clear answer, or deliver by the policy, or as ever.
ROUTING = """\
begin routers
asks:
  driver = redirect
  set = r_mailseal = ${{readsocket{{{address}}}{{$domain\\n}}{{8s}}{{}}{{TEMP mailseal is down}}}}
  allow_defer
  data = ${{if match{{$r_mailseal}}{{\\N^(OK secure match=|NOTFOUND ?$)\\N}}\
    {{}}{{:defer: mailseal: $r_mailseal}}}}
sts:
  driver = accept
  condition = ${{if !match{{$r_mailseal}}{{\\N^NOTFOUND ?$\\N}}}}
  transport = smtp_sts
plain:
  driver = accept
  transport = smtp_plain
begin transports
smtp_sts:
  driver = smtp
smtp_plain:
  driver = smtp
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
        return self._run(CONFIGURATION.format(folder=self.folder), "-be", expression)

    def route(self, recipient: str, address: str) -> str:
        """Tell where a message would go by the answers of a daemon of the one-line protocol.

        ``transport = smtp_sts`` is in it where a policy is enforced, and the
        reason where the message has to wait.
        """
        configuration = CONFIGURATION.format(folder=self.folder) + ROUTING.format(address=address)
        return self._run(configuration, "-bt", recipient)

    def _run(self, configuration: str, *arguments: str) -> str:
        self.folder.mkdir(exist_ok=True)
        place = self.folder / "exim.conf"
        place.write_text(configuration)
        tree = self.namespace.trees["exim"]
        done = self.namespace.run(
            [tree.file("usr/sbin/exim4"), "-C", place, *arguments],
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
        said = self.expand(f"${{readsocket{{{address}}}{{{domain}\\n}}{{8s}}{{}}{{DOWN}}}}")
        return said.removesuffix("\n")
