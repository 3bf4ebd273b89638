"""The HTTP listener's sockets: opened here, read by the resolver's process alone.

They outlive any resolver, and those of a service manager outlive us: while one is started anew,
a scrape waits in the kernel's queue and is answered, rather than refused.
"""

import contextlib
import socket
from pathlib import Path
from typing import Self

from mailseal.faces.logline import Log
from mailseal.faces.policyd import listeners
from mailseal.faces.policyd.settings import Listener, UnixListener


class HttpDoor:
    """Open sockets, or none where HTTP is off or its address cannot be had.

    The latter keeps nobody from being answered: mail is worth more than its metrics.
    """

    def __init__(self, listener: Listener | None, log: Log) -> None:
        self._listener = listener
        self._file: tuple[Path, int, int] | None = None
        self.sockets: tuple[socket.socket, ...] = ()
        if listener is None:
            return
        try:
            self.sockets = tuple(listeners.open_listener(listener))
        except listeners.ListenError as error:
            log("the HTTP listener cannot be opened", reason=error, action="go-on-without")
        else:
            self._file = _identity(listener)

    def succeed(self, listener: Listener | None, log: Log) -> "Self | HttpDoor":
        """Return the door for another configuration: this one, if its place stays the same."""
        before = self._listener
        is_same = (
            listener is not None
            and before is not None
            and listeners.place_of(listener) == listeners.place_of(before)
        )
        if not is_same or not self.sockets:
            return HttpDoor(listener, log)
        if listener != before and isinstance(listener, UnixListener):
            try:
                listeners.set_rights(listener, listener.path)
            except listeners.ListenError as error:
                log("a listener keeps its rights", reason=error, action="restart-needed")
        self._listener = listener
        return self

    def close(self) -> None:
        """Let nobody connect any more."""
        for opened in self.sockets:
            opened.close()
        # A resolver that is about to end may still hold it, so whether somebody listens there
        # says nothing: the file goes if it is the one that we made.
        if self._file is not None and self._file == _identity(self._listener):
            with contextlib.suppress(OSError):  # such as after privileges were dropped
                self._file[0].unlink()
        self.sockets = ()
        self._file = None


def _identity(listener: Listener | None) -> tuple[Path, int, int] | None:
    """Return what tells a socket's file from any other at its place; None where there is none."""
    if not isinstance(listener, UnixListener):
        return None
    try:
        seen = listener.path.lstat()
    except OSError:
        return None
    return listener.path, seen.st_dev, seen.st_ino
