"""``mailseal serve`` with its HTTP on a port of loopback: for tests that go there by a URL."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.journeys.serving import Serving


@contextlib.contextmanager
def serving_over_tcp(folder: Path, more: str = "") -> Iterator[tuple[Serving, str]]:
    """Run a service without DNS; give it and HOST:PORT of its HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    serving = Serving(folder, more)
    text = serving.config.read_text()
    serving.config.write_text(text.replace(f'"unix:{folder}/http"', f'"{address}"'))
    serving.start()
    try:
        yield serving, address
    finally:
        serving.stop()
