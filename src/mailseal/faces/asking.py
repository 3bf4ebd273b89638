"""Asks the running service over its control socket, or opens one for a single question."""

import asyncio
import contextlib
import json
import socket
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mailseal.faces.policyd.paths import control_path
from mailseal.faces.policyd.patience import reply_seconds

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.services.policyservice import PolicyService

T = TypeVar("T")
Document = dict[str, Any]

NOT_RUNNING = 3


class NoServiceError(click.ClickException):
    """There is no service to ask."""

    exit_code = NOT_RUNNING


class RefusedError(click.ClickException):
    """The service answered that it will not."""


def ask(config: "Config", request: Document) -> Document | None:
    """Return the running service's answer; None when no service runs.

    Raises ``NoServiceError`` when it runs but may not be asked or does not answer.
    """
    path = control_path(config)
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as sock:
            sock.settimeout(reply_seconds(str(request["op"])))
            sock.connect(str(path))
            sock.sendall(json.dumps(request).encode() + b"\n")
            with sock.makefile("rb") as answers:
                line = answers.readline()
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise NoServiceError(
            f"{path} may not be opened by this user; run it as root or as the service's user"
        ) from error
    except OSError as error:
        raise NoServiceError(f"the service at {path} does not answer: {error}") from error
    if not line:
        raise NoServiceError(f"the service at {path} closed the connection; see its log")
    reply = json.loads(line)
    if "error" in reply:
        raise RefusedError(reply["error"])
    document = reply["ok"]
    assert isinstance(document, dict)
    return document


def by_itself(
    wiring: Any,
    config: "Config",
    work: "Callable[[PolicyService], Awaitable[T]]",
    *,
    with_store: bool,
) -> T:
    """Run the actors in this process for one piece of work.

    Without the store it leaves no file behind, and knows nothing from earlier.
    """
    from mailseal.config import LogLevel

    wiring.set_up_logging(replace(config.log, level=LogLevel.ERROR))

    async def run(config: "Config") -> T:
        async with wiring.open_service(config, lambda _domain: None) as service:
            return await work(service)

    if with_store:
        return asyncio.run(run(config))
    with tempfile.TemporaryDirectory(prefix="mailseal-") as folder:
        store = type(config).embedded(Path(folder)).store
        return asyncio.run(run(replace(config, store=store)))
