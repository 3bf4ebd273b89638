"""An SMTP server that shows a chain by the name it is called by; also a program of its own.

``python -I sniserver.py ADDRESS PORT FOLDER`` serves ``FOLDER/NAME.pem`` to clients that name
NAME, and ``FOLDER/default.pem`` to all others. It says "ready PORT" when it listens.
"""

import socket
import socketserver
import ssl
import sys
from contextlib import suppress
from pathlib import Path


def load(folder: Path) -> ssl.SSLContext:
    """Read every chain; return the context that picks one by the client's name."""
    contexts = {}
    for path in folder.glob("*.pem"):
        contexts[path.stem] = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)

    def pick(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name in contexts:
            connection.context = contexts[name]

    contexts["default"].sni_callback = pick
    return contexts["default"]


class SniServer(socketserver.ThreadingTCPServer):
    """Listens; one thread for each connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, port: int, folder: Path) -> None:
        self.context = load(folder)
        super().__init__((address, port), _Conversation)


class _Conversation(socketserver.BaseRequestHandler):
    def setup(self) -> None:
        """Wait for nobody for ever."""
        self.connection: socket.socket = self.request
        self.connection.settimeout(20)

    def handle(self) -> None:
        """Speak just enough SMTP for a client to start TLS, and to leave."""
        # A client that does not like the chain goes without a word.
        with suppress(OSError):
            self._converse(self.connection)

    def _converse(self, connection: socket.socket) -> None:
        connection.sendall(b"220 grid.test ESMTP\r\n")
        while line := _read_line(connection):
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                connection.sendall(b"250-grid.test\r\n250 STARTTLS\r\n")
            elif verb == b"STARTTLS":
                connection.sendall(b"220 ready\r\n")
                assert isinstance(self.server, SniServer)
                connection = self.server.context.wrap_socket(connection, server_side=True)
            elif verb == b"QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"250 ok\r\n")


def _read_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (octets := connection.recv(1000)):
        line += octets
    return line


if __name__ == "__main__":
    with SniServer(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])) as server:
        sys.stdout.write(f"ready {server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()
