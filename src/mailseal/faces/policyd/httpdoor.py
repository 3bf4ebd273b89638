"""The HTTP listeners' sockets: opened here, read by the resolver's process alone.

They outlive any resolver, and those of a service manager outlive us: while one is started anew,
a scrape waits in the kernel's queue and is answered, rather than refused.
"""

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from mailseal.faces.logline import Log
from mailseal.faces.policyd import listeners
from mailseal.faces.policyd.settings import Listener, UnixListener


class HttpDoor:
    """Open sockets, or none where HTTP is off or its address cannot be had.

    The latter keeps nobody from being answered: mail is worth more than its metrics.
    """

    def __init__(self, wanted: Sequence[Listener], log: Log) -> None:
        self._listeners = tuple(wanted)
        self._files: list[tuple[Path, int, int]] = []
        self._is_whole = True
        opened: list[socket.socket] = []
        for listener in wanted:
            try:
                opened += listeners.open_listener(listener)
            except listeners.ListenError as error:
                self._is_whole = False
                log("the HTTP listener cannot be opened", reason=error, action="go-on-without")
            else:
                if isinstance(listener, UnixListener):
                    self._files += _identity(listener.path)
        self.sockets = tuple(opened)

    def succeed(self, wanted: Sequence[Listener], log: Log) -> "Self | HttpDoor":
        """Return the door for another configuration: this one, if its places stay the same."""
        places = [listeners.place_of(one) for one in wanted]
        if not self._is_whole or places != [listeners.place_of(one) for one in self._listeners]:
            # Besides sockets that were handed over there is one place, which is another now, or
            # was not to be had: none is to be opened twice.
            return HttpDoor(wanted, log)
        for listener, before in zip(wanted, self._listeners, strict=True):
            if listener != before and isinstance(listener, UnixListener):
                try:
                    listeners.set_rights(listener, listener.path)
                except listeners.ListenError as error:
                    log("a listener keeps its rights", reason=error, action="restart-needed")
        self._listeners = tuple(wanted)
        return self

    def close(self) -> None:
        """Let nobody connect any more."""
        for opened in self.sockets:
            opened.close()
        # A resolver that is about to end may still hold it, so whether somebody listens there
        # says nothing: a file goes if it is one that we made.
        for made in self._files:
            if made in _identity(made[0]):
                with contextlib.suppress(OSError):  # such as after privileges were dropped
                    made[0].unlink()
        self.sockets = ()
        self._files = []


def _identity(path: Path) -> list[tuple[Path, int, int]]:
    """Return what tells a socket's file from any other at its place; nothing if there is none."""
    try:
        seen = path.lstat()
    except OSError:
        return []
    return [(path, seen.st_dev, seen.st_ino)]
