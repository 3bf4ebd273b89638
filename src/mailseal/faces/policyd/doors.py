"""The open listeners: which there are, who comes in by them, and how they change at a reload."""

import asyncio
import socket
import sys
from collections.abc import Sequence

from mailseal.faces.policyd import listeners
from mailseal.faces.policyd.connection import SampledConnection, SocketmapConnection
from mailseal.faces.policyd.connections import Connections
from mailseal.faces.policyd.line_connection import LineConnection
from mailseal.faces.policyd.settings import Listener, UnixListener
from mailseal.faces.policyd.switchboard import Switchboard


class Door:
    """One listener with its sockets; what is spoken there may change while it is open."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.sockets = listeners.open_listener(listener)
        self.servers: list[asyncio.AbstractServer] = []

    def close(self) -> None:
        """Accept nobody any more; those who are in stay."""
        for server in self.servers:
            server.close()
        for opened in self.sockets:
            opened.close()
        if isinstance(self.listener, UnixListener):
            listeners.remove_unix(self.listener)


class Doors:
    """All open listeners, in the order of the configuration."""

    def __init__(self, board: Switchboard, connections: Connections) -> None:
        self._board = board
        self._connections = connections
        self._open: list[Door] = []

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets."""
        return tuple(opened for door in self._open for opened in door.sockets)

    def open_missing(self, wanted: Sequence[Listener]) -> list[Door]:
        """Open the listeners that are not open yet, without serving them.

        Raises ``ListenError``, and then leaves none of them open.
        """
        there = {listeners.place_of(door.listener) for door in self._open}
        added: list[Door] = []
        missing = [one for one in wanted if listeners.place_of(one) not in there]
        try:
            added.extend(Door(listener) for listener in missing)
        except listeners.ListenError:
            for door in added:
                door.close()
            raise
        return added

    async def change(self, wanted: Sequence[Listener], added: Sequence[Door]) -> None:
        """Serve what was added, close what is no longer wanted, leave the rest as it is.

        Where only what is spoken at a place has changed, its connections end with their answers.
        """
        doors = {listeners.place_of(door.listener): door for door in (*self._open, *added)}
        kept: list[Door] = []
        for listener in wanted:
            door = doors.pop(listeners.place_of(listener))
            before, door.listener = door.listener, listener
            if before.line_zone != listener.line_zone:
                self._connections.finish_from(door)
            if before != listener and isinstance(listener, UnixListener):
                self._set_rights(listener)
            kept.append(door)
        self._open = kept
        for door in doors.values():
            door.close()
            self._connections.finish_from(door)
        for door in added:
            for opened in door.sockets:
                door.servers.append(await self._serve(opened, door))

    def _set_rights(self, listener: UnixListener) -> None:
        try:
            listeners.set_rights(listener, listener.path)
        except listeners.ListenError as error:
            # Such as after privileges were dropped; everything else is as it should be.
            self._board.log("a listener keeps its rights", reason=error, action="restart-needed")

    def close(self) -> None:
        """Close them all."""
        for door in self._open:
            door.close()
        self._open.clear()

    async def _serve(self, opened: socket.socket, door: Door) -> asyncio.AbstractServer:
        def meet() -> asyncio.Protocol:
            zone = door.listener.line_zone
            connection: SocketmapConnection | LineConnection
            if zone is not None:
                connection = LineConnection(self._board, self._connections, zone)
            elif self._board.samples.every:
                connection = SampledConnection(self._board, self._connections)
            else:
                connection = SocketmapConnection(self._board, self._connections)
            connection.origin = door
            return connection

        loop = asyncio.get_running_loop()
        if opened.family == socket.AF_UNIX:
            if sys.version_info >= (3, 13) and type(loop).__module__.startswith("asyncio"):
                # It would look for the path that the socket was made under.
                return await loop.create_unix_server(meet, sock=opened, cleanup_socket=False)
            return await loop.create_unix_server(meet, sock=opened, backlog=listeners.BACKLOG)
        return await loop.create_server(meet, sock=opened, backlog=listeners.BACKLOG)
