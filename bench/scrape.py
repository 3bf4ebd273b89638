"""Reads the metrics of a running mailseal once a second, as a Prometheus beside it would."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

INTERVAL_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Scraper:
    """What was read so far: how often, and the last page."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self.failure = ""
        self._path = path
        self._page = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def value(self, name: str) -> float:
        """Return a metric's last value, its labels added up; raises ``RuntimeError``."""
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", self._page, re.MULTILINE)
        if self.failure or not found:
            raise RuntimeError(f"no metrics could be read: {self.failure or name}")
        return sum(map(float, found))

    def start(self) -> None:
        """Read once, then go on in a thread."""
        self._read()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            self._read()

    def _read(self) -> None:
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(TIMEOUT_SECONDS)
                client.connect(str(self._path))
                client.sendall(REQUEST)
                while data := client.recv(1 << 18):
                    answer += data
        except OSError as error:
            self.failure = str(error)
            return
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            self.failure = head[:200].decode(errors="replace")
            return
        self.count += 1
        self._page = body.decode()


@contextlib.contextmanager
def scraping(path: Path) -> Iterator[Scraper]:
    """Read the metrics at a UNIX socket until the block ends."""
    scraper = Scraper(path)
    scraper.start()
    try:
        yield scraper
    finally:
        scraper.stop()
