"""Runs the real answerer on a TCP port and a UNIX socket, with a resolver of the bench's own."""

import sys
from datetime import timedelta
from pathlib import Path

from bench.questions import ZONE
from mailseal.faces.policyd.answerer import (
    AnswererConfig,
    TcpListener,
    UnixListener,
    Zone,
)
from mailseal.faces.policyd.process import run


def main() -> int:
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    config = AnswererConfig(
        listeners=(TcpListener(host="127.0.0.1", port=port), UnixListener(path=path)),
        zones={ZONE: Zone(profile="postfix", deadline=timedelta(seconds=11))},
    )
    return run(config, (sys.executable, "-m", "bench.scripted_resolver"), b"{}")


if __name__ == "__main__":
    sys.exit(main())
