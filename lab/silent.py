"""Hosts that never answer: ports that are open and that nobody reads.

Run as ``python -I silent.py tcp:ADDRESS:PORT udp:ADDRESS:PORT …``. The kernel
completes TCP handshakes up to the backlog; datagrams pile up and are dropped.
"""

import signal
import socket
import sys

BACKLOG = 4096


def main(places: list[str]) -> None:
    """Open the ports and sleep until killed."""
    sockets = []
    for place in places:
        kind, address, port = place.split(":")
        transport = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        opened = socket.socket(socket.AF_INET, transport)
        opened.bind((address, int(port)))
        if transport == socket.SOCK_STREAM:
            opened.listen(BACKLOG)
        sockets.append(opened)
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
