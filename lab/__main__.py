"""``python -m lab``: start the lab and say where everything is, until Ctrl-C."""

import signal
import sys
from contextlib import suppress

from lab.newer import POSTFIX_3_10, fetch_newer
from lab.packages import INTERNET, fetch_all
from lab.unavailable import Unavailable

USAGE = """\
usage: python -m lab [fetch | table]

Without a word: start the lab, say where everything is, end it with Ctrl-C.
fetch   only fetch the Debian packages that the cache lacks
table   print the tables of the lab's domains
"""

# What a mailseal needs to be told in here: every address of the lab is one of this machine's.
CONFIGURATION = """\
[dns]
resolvers = ["127.0.0.53"]

[https]
ca_file = "{ca_file}"
allow_private_addresses = true
"""


def main(words: list[str]) -> int:
    """Do what the words say; return the exit code."""
    try:
        match words:
            case []:
                show()
            case ["-h"] | ["--help"]:
                print(USAGE, end="")
            case ["fetch"]:
                trees = {**fetch_all(INTERNET), POSTFIX_3_10.name: fetch_newer(POSTFIX_3_10)}
                for name, tree in trees.items():
                    print(f"{name:10} {tree.path}")
            case ["table"]:
                from lab.table import render_faults, render_table

                print(render_table())
                print(render_faults(), end="")
            case _:
                print(USAGE, end="", file=sys.stderr)
                return 2
    except Unavailable as unavailable:
        print(f"lab: {unavailable.reason}", file=sys.stderr)
        print(f"lab: {unavailable.remedy}", file=sys.stderr)
        return 1
    return 0


def show() -> None:
    """Run the lab until a signal ends it."""
    from lab.internet import Lab

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), Lab.start() as lab, lab.sender() as sender:
        inside = " ".join(lab.namespace.command([])[:4])
        print(f"folder      {lab.folder}")
        print(f"a shell     {inside} bash")
        print("resolver    127.0.0.53 and 127.0.0.1, port 53, inside")
        print(f"CA file     {lab.ca_file}")
        config = lab.folder / "mailseal.toml"
        config.write_text(CONFIGURATION.format(ca_file=lab.ca_file))
        print(f"mailseal    inside, with MAILSEAL_CONFIG={config}")
        print(f"mailboxes   {lab.folder}/mx/mail")
        print(f"a sender    sendmail -C {sender.postfix.folder}, log {sender.postfix.log}")
        print(
            f"domains     {len(lab.domains)}, and {len(lab.faults)} with faults; see lab/README.md"
        )
        print("Ctrl-C ends it.", flush=True)
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
