"""A receiver of webhooks: it takes every POST and keeps its body, a line each.

Run as ``python -I webhook.py HOST:PORT FILE``.
"""

import http.server
import sys
from pathlib import Path

MOST_BYTES = 10_000_000


class Receiver(http.server.BaseHTTPRequestHandler):
    """One connection."""

    kept: Path

    def do_POST(self) -> None:
        """Keep what came, with its signature before it."""
        body = self.rfile.read(min(int(self.headers["content-length"]), MOST_BYTES))
        with self.kept.open("ab") as file:
            signature = self.headers.get("mailseal-signature", "-")
            file.write(signature.encode() + b" " + body + b"\n")
        self.send_response(204)
        self.end_headers()


def main(place: str, kept: str) -> None:
    """Listen until killed."""
    host, _, port = place.rpartition(":")
    Receiver.kept = Path(kept)
    http.server.ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
