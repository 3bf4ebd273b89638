"""A policy daemon that breaks off: accepts connections and does with each what it is told.

Run as ``python -I breaker.py ADDRESS:PORT DEED …``: each connection is treated by the next
deed, all further ones by the last. ``fin`` closes at once, ``rst`` resets at once, ``read-fin``
and ``read-rst`` do so after the question was read, ``say:TEXT`` answers TEXT and closes.
"""

import itertools
import socket
import struct
import sys
import time

QUESTION_BYTES = 4096
# Exim connects and writes in one go; a reset that comes before the write is no harder case, but
# one after it must not be missed, so the other side gets time to write.
PAUSE_SECONDS = 0.05


def main(place: str, deeds: list[str]) -> None:
    """Listen until killed."""
    address, _, port = place.rpartition(":")
    server = socket.create_server((address, int(port)))
    for deed in itertools.chain(deeds, itertools.repeat(deeds[-1])):
        connection, _ = server.accept()
        with connection:
            treat(connection, deed)


def treat(connection: socket.socket, deed: str) -> None:
    """Do a deed to a connection; it is closed afterwards."""
    if deed.startswith(("read-", "say:")):
        connection.recv(QUESTION_BYTES)
    if deed.startswith("say:"):
        connection.sendall(deed.removeprefix("say:").encode())
    if deed.endswith("rst"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if deed == "rst":
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
