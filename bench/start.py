"""From the start of the process to the first answer, with an empty store and with a full one.

With an empty one the first answer is about a domain that is looked up for it. With 100 000
policies a crowd asks about known domains as soon as there is a socket: a single answer that is not
the stored policy's fails the figure.
"""

import select
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.questions import framed_reply, framed_request
from bench.stock import stock
from bench.surroundings import Internet, Service, ask, internet, mailseal

ROUNDS = 7
POLICIES = 100_000
CROWD = 500  # mails that wait for the start, each for another domain
TARGETS = {"start_empty_s": 1.0, "start_100k_s": 2.0}


def measure(say: Callable[[str], None]) -> dict[str, float | None]:
    with internet() as surroundings, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stock(folder / "stocked", POLICIES)
        empty, first, whole, wrong = [], [], [], 0
        for turn in range(ROUNDS):
            empty.append(_start_empty(surroundings, folder / f"empty{turn}", turn))
            full = folder / f"full{turn}"
            full.mkdir()
            shutil.copytree(folder / "stocked", full / "state")
            answers, mistakes = _start_full(surroundings, full)
            first.append(min(answers))
            whole.append(max(answers))
            wrong += mistakes
            shutil.rmtree(full)
    say(
        f"empty {min(empty):.2f} s; {POLICIES} policies {min(first):.2f} s,"
        f" {CROWD} who wait from the start {min(whole):.2f} s, {wrong} answered wrong"
    )
    return {
        "start_empty_s": round(min(empty), 3),
        "start_100k_s": None if wrong else round(min(first), 3),
    }


def _start_empty(surroundings: Internet, folder: Path, turn: int) -> float:
    folder.mkdir()
    with mailseal(surroundings, folder) as service, service.connect() as client:
        number = POLICIES + turn
        if ask(client, number) != framed_reply(number):
            raise RuntimeError(f"a wrong first answer: {surroundings.log()}")
        return service.seconds()


def _start_full(surroundings: Internet, folder: Path) -> tuple[list[float], int]:
    """Return when each of the crowd was answered, and how many were answered wrong."""
    with mailseal(surroundings, folder) as service:
        numbers = range(0, POLICIES, POLICIES // CROWD)
        waiting = {client.fileno(): (client, n) for client, n in _crowd(service, numbers)}
        answered, wrong = [], 0
        poll = select.epoll()
        for descriptor in waiting:
            poll.register(descriptor, select.EPOLLIN)
        while waiting:
            for descriptor, _ in poll.poll():
                client, number = waiting.pop(descriptor)
                wrong += client.recv(65_536) != framed_reply(number)
                answered.append(service.seconds())
                client.close()
        poll.close()
        return answered, wrong


def _crowd(service: Service, numbers: range) -> list[tuple[socket.socket, int]]:
    crowd = [(service.connect(), number) for number in numbers]
    for client, number in crowd:
        client.sendall(framed_request(number))
    return crowd
