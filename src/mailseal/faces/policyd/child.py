"""A resolver as a child process: how it is started, and how it is brought to its end."""

import asyncio
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol

EXIT_SECONDS = 3.0  # how long one may take to end after its link was closed
FIRST_POLL_SECONDS = 0.001  # doubled each time, so that a quick end is noticed quickly
POLL_SECONDS = 0.02


class Child(Protocol):
    """A started resolver, as ``subprocess.Popen`` shows it."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


Spawn = Callable[[socket.socket], Child]


def command_spawner(
    command: Sequence[str], inherited: Callable[[], Sequence[socket.socket]] = tuple
) -> Spawn:
    """Return what starts ``command`` with the number of its end of the link as last argument.

    Before it come the numbers of the sockets that it inherits, as they are at that moment.
    It gets a process group of its own, so that a Ctrl-C at a terminal reaches it as the end of
    its link, after ours are served; it makes itself nice, since only it knows what it is.
    """

    def spawn(theirs: socket.socket) -> Child:
        descriptors = [opened.fileno() for opened in (*inherited(), theirs)]
        return subprocess.Popen(
            [*command, *map(str, descriptors)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )

    return spawn


async def end(child: Child) -> int | None:
    """Wait until a child whose link is closed has ended, by force if it must be.

    Returns its exit status; None where even that did not end it in time.
    """
    status = await _wait_for(child)
    if status is None:
        child.terminate()
        status = await _wait_for(child)
    if status is None:
        child.kill()
        status = await _wait_for(child)
    return status


async def _wait_for(child: Child) -> int | None:
    # Polled, since a child may be started by whatever the loop knows nothing of.
    waited, pause = 0.0, FIRST_POLL_SECONDS
    while waited < EXIT_SECONDS:
        if (status := child.poll()) is not None:
            return status
        await asyncio.sleep(pause)
        waited += pause
        pause = min(pause * 2, POLL_SECONDS)
    return None
