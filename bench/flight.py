"""Ten thousand mails at once to a domain that nothing is known of: how often its policy is fetched.

Each asks on a connection of its own; the policy host answers when all have asked. What counts is
counted at the policy host, and each must get the policy's answer.
"""

import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.questions import domain, framed_reply, framed_request
from bench.surroundings import Internet, internet, mailseal, raise_file_limit

ASKERS = 10_000
ROUNDS = 3
OTHER_FILES = 100
HOLD_SECONDS = 1.0  # after the last question was sent; a fetch may take 60, an asker waits 10
TARGETS = {"single_flight_fetches": 1.0}


def measure(say: Callable[[str], None]) -> dict[str, float | None]:
    raise_file_limit(ASKERS + OTHER_FILES)
    most = 0
    with internet() as surroundings, tempfile.TemporaryDirectory() as name:
        with mailseal(surroundings, Path(name)) as service:
            clients = [service.connect() for _ in range(ASKERS)]
            for number in range(ROUNDS):
                fetches, wrong = _ask_all(surroundings, clients, number)
                say(f"{ASKERS} first askers: {fetches} fetches, {wrong} wrong answers")
                if wrong:
                    return {"single_flight_fetches": None}
                most = max(most, fetches)
            for client in clients:
                client.close()
    return {"single_flight_fetches": most}


def _ask_all(surroundings: Internet, clients: list[socket.socket], number: int) -> tuple[int, int]:
    """Let all ask; return how many fetches it took and how many answers were wrong."""
    surroundings.tell("hold")
    question, answer = framed_request(number), framed_reply(number)
    for client in clients:
        client.sendall(question)
    time.sleep(HOLD_SECONDS)
    surroundings.tell("release")
    wrong = 0
    for client in clients:
        client.settimeout(30)
        wrong += client.recv(65_536) != answer
    return surroundings.tell(f"count {domain(number)}"), wrong
