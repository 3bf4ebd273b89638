"""Clients that are no mail server: some mean harm, some ask for what nobody knows."""

import random
import threading
from contextlib import suppress
from pathlib import Path

from lab.daemon import Daemon, read_reply
from lab.load import Client, FailedLookupError


def be_hostile(daemon: Daemon, number: int, stopping: threading.Event) -> None:
    """Send garbage, half requests, floods, or read nothing; until told to stop."""
    dice = random.Random(number)
    tricks = (
        lambda: dice.randbytes(4096),
        lambda: b"999999999:",
        lambda: b"17:postfix good",
        lambda: b"17:postfix good.test," * 500,
        lambda: b"13:nomap example," * 20,
    )
    while not stopping.is_set():
        with suppress(OSError, EOFError, ValueError), daemon.connect() as connection:
            connection.settimeout(0.2)
            connection.sendall(dice.choice(tricks)())
            if number % 2:
                read_reply(connection)
        stopping.wait(0.05)


def ask_random(path: Path, number: int, count: int) -> None:
    """Ask for one name after another that does not exist."""
    client = Client(path)
    for one in range(count):
        with suppress(FailedLookupError):
            client.ask(f"r{number}-{one}.nxdomain.test")
    client.close()
