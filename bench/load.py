"""A crowd of mail servers in one process: each connection has one question open at a time.

``load.py ADDRESS CONNECTIONS REQUESTS FIRST COUNT`` asks for the domains FIRST to FIRST + COUNT
in turns and prints seconds and the 50th and 99th percentile of the answers' times as JSON.
"""

import json
import select
import socket
import sys
import time
from array import array

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


def ask(clients: list[socket.socket], requests: list[bytes], total: int) -> dict[str, float]:
    now = time.perf_counter_ns
    poll = select.epoll()
    receive = {client.fileno(): client.recv for client in clients}
    send = {client.fileno(): client.send for client in clients}
    asked_at: dict[int, int] = {}
    times = array("Q")
    count = len(requests)
    following = 0
    began = now()
    for client in clients:
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
            asked_at[number] = now()
            send[number](requests[following % count])
            following += 1
    seconds = (now() - began) / 1e9
    ordered = sorted(times)
    return {
        "seconds": seconds,
        "requests": len(times),
        "p50_us": ordered[len(ordered) // 2] / 1000,
        "p99_us": ordered[len(ordered) * 99 // 100] / 1000,
    }


def main() -> None:
    address = sys.argv[1]
    connections, total, first, count = map(int, sys.argv[2:])
    numbers = range(first, first + count)
    clients = [connect(address) for _ in range(connections)]
    # One right answer before the measurement: a server that is quick and wrong is no measure.
    clients[0].sendall(framed_request(first))
    if clients[0].recv(65_536) != framed_reply(first):
        raise SystemExit("the server gives wrong answers")
    print(json.dumps(ask(clients, [framed_request(number) for number in numbers], total)))


if __name__ == "__main__":
    main()
