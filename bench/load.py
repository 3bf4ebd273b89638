"""A crowd of mail servers in one process: each connection has one question open at a time.

``load.py ADDRESS CONNECTIONS FIRST COUNT PID`` connects and waits. For each line with a number on
standard input it asks that many questions, about the domains FIRST to FIRST + COUNT in turns, and
prints one JSON object: seconds, percentiles of the answers' times, and the CPU time of the server
with that process id. Two of these, one for each server, can so be run in turns.
"""

import json
import select
import socket
import sys
import time
from array import array
from pathlib import Path

from bench.questions import framed_reply, framed_request


def connect(address: str) -> socket.socket:
    if address.startswith("/"):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(address)
    else:
        host, _, port = address.rpartition(":")
        client = socket.create_connection((host, int(port)))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def cpu_ns(pid: int) -> int:
    """Return the time that all threads of a process were on a CPU; exact, not by clock ticks."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


class Crowd:
    """Connections that ask for the same domains in turns, run after run."""

    def __init__(self, clients: list[socket.socket], requests: list[bytes]) -> None:
        self._clients = clients
        self._requests = requests
        self._following = 0

    def ask(self, total: int) -> dict[str, float]:
        """Ask ``total`` questions; when it returns the server has nothing left to do."""
        now = time.perf_counter_ns
        poll = select.epoll()
        receive = {client.fileno(): client.recv for client in self._clients}
        send = {client.fileno(): client.send for client in self._clients}
        asked_at: dict[int, int] = {}
        times = array("Q")
        requests, count = self._requests, len(self._requests)
        following = self._following
        last = following + total
        began = now()
        for client in self._clients:
            poll.register(client.fileno(), select.EPOLLIN)
            asked_at[client.fileno()] = now()
            client.send(requests[following % count])
            following += 1
        while len(times) < total:
            for number, _ in poll.poll():
                data = receive[number](65_536)
                times.append(now() - asked_at[number])
                if not data:
                    raise SystemExit("the server closed a connection")
                if following < last:
                    asked_at[number] = now()
                    send[number](requests[following % count])
                    following += 1
        seconds = (now() - began) / 1e9
        poll.close()
        self._following = following % count
        ordered = sorted(times)
        return {
            "seconds": seconds,
            "requests": len(times),
            "p50_us": ordered[len(ordered) // 2] / 1000,
            "p99_us": ordered[len(ordered) * 99 // 100] / 1000,
        }


def main() -> None:
    address = sys.argv[1]
    connections, first, count, pid = map(int, sys.argv[2:])
    clients = [connect(address) for _ in range(connections)]
    # One right answer before the measurement: a server that is quick and wrong is no measure.
    for client in clients:
        client.sendall(framed_request(first))
        if client.recv(65_536) != framed_reply(first):
            raise SystemExit("the server gives wrong answers")
    crowd = Crowd(clients, [framed_request(number) for number in range(first, first + count)])
    for line in sys.stdin:
        before = cpu_ns(pid)
        result = crowd.ask(max(int(line), connections))
        result["cpu_us"] = (cpu_ns(pid) - before) / 1000 / result["requests"]
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
