"""Sendmail in its test mode (``-bt``): what its FEATURE(sts) makes of a daemon's answers."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.namespace import ETC_LAB, Namespace
from lab.unavailable import Unavailable

DEFAULT_ADDRESS = "inet:5461@127.0.0.1"  # where FEATURE(sts) looks by itself

TEMPORARY_FAILURE = "<TMPF>"

_MAP_RESULT = re.compile(
    r"map_lookup: sts \([^)]*\) (?:returns (?P<value>.*)|no match) \((?P<code>\d+)\)"
)
_RULE_RESULT = re.compile(r"^\S+\s+returns: (?P<value>.*)$", re.MULTILINE)

# The address of the daemon is put in where @ADDRESS@ stands.
MASTER_CONFIGURATION = """\
divert(0)dnl
VERSIONID(`lab')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `sendmail.test')dnl
define(`confCACERT', `{ca_file}')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`STATUS_FILE', `{folder}/statistics')dnl
undefine(`ALIAS_FILE')dnl
FEATURE(`sts', `socket -d5 -T<TMPF> @ADDRESS@')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""


@dataclass(frozen=True, slots=True)
class Sendmail:
    """A Sendmail that is only asked; it delivers nothing.

    ``address`` is the daemon's as Sendmail writes it: ``unix:/path`` (of a
    socket in the lab's folder) or ``inet:PORT@HOST``, inside the namespace.
    """

    namespace: Namespace
    folder: Path
    ca_file: Path

    def map_lookup(self, domain: str, address: str = DEFAULT_ADDRESS) -> str | None:
        """Look a domain up in the map ``sts``; None when it is not found.

        A failed look-up gives ``TEMPORARY_FAILURE``, as in the rules.
        """
        output = self.test([f"/map sts {domain}"], address)
        found = _MAP_RESULT.search(output)
        if found is None:
            raise ValueError(f"Sendmail said {output!r}")
        if int(found["code"]) == os.EX_TEMPFAIL:
            return TEMPORARY_FAILURE
        value: str | None = found["value"]
        return value

    def check(
        self,
        recipient: str,
        server_name: str,
        names: Sequence[str] = (),
        address: str = DEFAULT_ADDRESS,
    ) -> str:
        """Run STS_Check as before RCPT, and return its workspace.

        ``server_name`` is the MX host, ``names`` are those of its certificate
        (by default its own). ``ok`` means that mail may go; a refusal begins
        with ``$# error``.
        """
        return self._rules("STS_Check", recipient, server_name, names, address)

    def set_sni(self, recipient: str, server_name: str, address: str = DEFAULT_ADDRESS) -> str:
        """Run Set_SNI as before the TLS handshake, and return its workspace."""
        return self._rules("Set_SNI", recipient, server_name, (), address)

    def test(self, lines: Sequence[str], address: str = DEFAULT_ADDRESS) -> str:
        """Feed lines to ``sendmail -bt`` and return everything it prints."""
        tree = self.namespace.trees["sendmail"]
        done = self.namespace.run(
            [tree.file("usr/libexec/sendmail/sendmail"), "-bt", "-C", self._configuration(address)],
            stdin="".join(f"{line}\n" for line in lines),
            environment={"LD_LIBRARY_PATH": tree.library_path()},
        )
        return done.stdout + done.stderr

    def _rules(
        self, ruleset: str, recipient: str, server_name: str, names: Sequence[str], address: str
    ) -> str:
        output = self.test(
            [
                f".D{{rcpt_addr}}{recipient}",
                f".D{{server_name}}{server_name}",
                *(f".C{{cert_altnames}}{name}" for name in names or (server_name,)),
                f"{ruleset} {recipient}",
            ],
            address,
        )
        results = _RULE_RESULT.findall(output)
        if not results:
            raise ValueError(f"Sendmail said {output!r}")
        return " ".join(results[-1].split())

    def _configuration(self, address: str) -> Path:
        """Write sendmail.cf for a daemon's address, from the one that m4 made."""
        template = self.folder / "sendmail.cf"
        if not template.exists():
            self._make_template(template)
        place = self.folder / (re.sub(r"\W", "_", address) + ".cf")
        if not place.exists():
            # Sendmail refuses a socket below a world-writable folder, as /tmp is.
            safe = address.replace(f"{self.namespace.folder}/", f"{ETC_LAB}/")
            place.write_text(template.read_text().replace("@ADDRESS@", safe))
        return place

    def _make_template(self, template: Path) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "queue").mkdir(exist_ok=True)
        text = MASTER_CONFIGURATION.format(folder=self.folder, ca_file=self.ca_file)
        make_configuration(self.namespace, text, template)


def make_configuration(namespace: Namespace, text: str, place: Path) -> None:
    """Make a sendmail.cf at ``place`` of the text of a sendmail.mc, which is kept beside it."""
    tree = namespace.trees["sendmail"]
    own = tree.file("usr/bin/m4")
    m4 = own if (tree.path / "usr/bin/m4").exists() else "m4"
    cf = tree.file("usr/share/sendmail/cf")
    master = place.with_suffix(".mc")
    master.write_text(text)
    done = namespace.run(
        [m4, f"-D_CF_DIR_={cf}/", cf / "m4/cf.m4", master],
        environment={"LD_LIBRARY_PATH": tree.library_path()},
    )
    if done.returncode or "Ksts " not in done.stdout:
        raise Unavailable(f"m4 made no sendmail.cf: {done.stderr.strip()}", "report it")
    place.write_text(done.stdout)
