"""What a service manager is told, and what it hands over."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailseal.config import Handover, PassedSocket, take_handover
from mailseal.faces.policyd.servicemanager import Notifier


class Manager:
    """A service manager's end: hears what it is told."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """Return the messages since the last time."""
        messages: list[str] = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """Listen at a path, or at a name without a file."""
    path = tmp_path / "notify"
    made = Manager(f"@{path}" if request.param == "abstract" else str(path))
    yield made
    made.close()


def test_every_state_is_told_in_the_words_of_sd_notify(manager: Manager) -> None:
    """One datagram each, at a path or at an abstract name."""
    notifier = Notifier(manager.address, clock=lambda: 12.5)

    notifier.ready("answers")
    notifier.reloading()
    notifier.stopping()

    assert manager.heard() == [
        "READY=1\nSTATUS=answers",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "STOPPING=1\nSTATUS=answering what is pending",
    ]


def test_the_same_status_is_told_once(manager: Manager) -> None:
    """A state that lasts is no news."""
    notifier = Notifier(manager.address)
    notifier.ready("answers")
    for text in ("answers", "waits", "waits"):
        notifier.status(text)
    assert manager.heard() == ["READY=1\nSTATUS=answers", "STATUS=waits"]


def test_signs_of_life_come_twice_per_interval(manager: Manager) -> None:
    """As often as sd_watchdog_enabled(3) recommends, and never without an interval."""
    times = iter([0.0, 4.0, 5.0, 9.0, 10.0])
    watched = Notifier(manager.address, watchdog_seconds=10, clock=lambda: next(times))
    for _ in range(5):
        watched.alive()
    assert manager.heard() == ["WATCHDOG=1"] * 3

    unwatched = Notifier(manager.address)
    unwatched.alive()
    unwatched.alive()
    assert manager.heard() == ["WATCHDOG=1"]


@pytest.mark.parametrize("address", [None, "/nonexistent/notify", "x" * 200])
def test_nobody_who_listens_is_no_trouble(address: str | None) -> None:
    """Mail is answered whether the service manager hears us or not."""
    notifier = Notifier(address, watchdog_seconds=1)
    notifier.ready("answers")
    notifier.alive()


def test_what_is_meant_for_us_is_taken() -> None:
    """Sockets with their names, the way to notify, the watchdog; and no child finds them."""
    own = str(os.getpid())
    environment = {
        "LISTEN_PID": own,
        "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": "socketmap",
        "NOTIFY_SOCKET": "@x",
        "WATCHDOG_PID": own,
        "WATCHDOG_USEC": "30000000",
        "HOME": "/",
    }

    handover = take_handover(environment)

    assert handover == Handover(
        sockets=(PassedSocket(descriptor=3, name="socketmap"), PassedSocket(descriptor=4, name="")),
        notify_socket="@x",
        watchdog_seconds=30.0,
    )
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize("environment", [
    {},
    {"LISTEN_PID": "1", "LISTEN_FDS": "2"},                   # meant for another process
    {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"},   # no number
    {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "-1"},
    {"WATCHDOG_PID": "1", "WATCHDOG_USEC": "30000000"},       # somebody else is watched
    {"WATCHDOG_USEC": "0"},
    {"NOTIFY_SOCKET": ""},
])  # fmt: skip
def test_what_is_not_meant_for_us_is_nothing(environment: dict[str, str]) -> None:
    """A service that a shell started inside another one must not take its sockets."""
    assert take_handover(environment) == Handover()
