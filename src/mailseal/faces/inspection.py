"""Gathers what ``mailseal doctor`` judges: reads files and sockets, asks postconf, changes nothing.

**Security**: postconf is run without a shell, with fixed words, and never writes.
**Limits**: every wait has a deadline, and no more than a bounded part of any answer is read.
"""

import ctypes
import os
import re
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailseal.doctor.machine import ConfigFileFact, FolderFact, SocketFact
from mailseal.doctor.postfix import PARAMETERS, PostfixFacts, socketmaps
from mailseal.doctor.service import Probe, ServiceFacts
from mailseal.faces.asking import ask
from mailseal.faces.policyd.paths import control_path
from mailseal.wire import netstring, socketmap

if TYPE_CHECKING:
    from mailseal.config import Config, TcpAddress, UnixAddress

COMMAND_SECONDS = 10.0  # ours: postconf takes 20 ms
REPLY_SECONDS = 20.0  # ours: longer than any zone's usual deadline
MAX_OUTPUT = 100_000  # ours: a long main.cf has some thousand
_ADMIN_PATH = "/usr/sbin:/usr/local/sbin:/sbin"

_TIME_ERROR = 5  # adjtimex(2): "the clock is not synchronised"
_TIMEX_BYTES = 512  # struct timex has 208

_PROGRAMS = {"Postfix": "postconf", "Sendmail": "sendmail.sendmail", "Exim": "exim4"}


def find_mtas() -> dict[str, str]:
    """Return the mail servers of this machine, each with the program that gives it away."""
    path = f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_PATH}"
    found = {name: shutil.which(program, path=path) for name, program in _PROGRAMS.items()}
    found["Exim"] = found["Exim"] or shutil.which("exim", path=path)
    if not found["Sendmail"] and os.access("/etc/mail/sendmail.cf", os.F_OK):
        found["Sendmail"] = "/etc/mail/sendmail.cf"
    return {name: program for name, program in found.items() if program}


def look_at_postfix(postconf: str, folder: Path | None) -> PostfixFacts | str:
    """Ask postconf what main.cf comes to; what went wrong as text."""
    where = ["-c", str(folder)] if folder else []
    output = _run([postconf, *where, "-x", *PARAMETERS])
    if isinstance(output, subprocess.CompletedProcess):
        if output.returncode:
            return output.stderr.strip()[:200] or f"postconf ended with {output.returncode}"
    else:
        return output
    settings = dict(re.findall(r"^(\w+) = ?(.*)$", output.stdout[:MAX_OUTPUT], re.MULTILINE))
    master = _run([postconf, *where, "-F", "smtp/unix/chroot"])
    is_chrooted = None
    if isinstance(master, subprocess.CompletedProcess) and not master.returncode:
        # A dash is the default, which is "n" from Postfix 3.0 on.
        is_chrooted = master.stdout.strip().endswith("= y")
    queue = Path(settings.get("queue_directory", "/"))
    return PostfixFacts(
        settings=settings,
        is_chrooted=is_chrooted,
        is_reachable={
            # Postfix works in its queue, so a relative path is below it with and without chroot.
            one.path: _is_socket(queue / (one.path.lstrip("/") if is_chrooted else one.path))
            for one in socketmaps(settings.get("smtp_tls_policy_maps", ""))
            if one.path
        },
        missing_files=tuple(
            value
            for name in ("smtp_tls_CAfile", "smtp_tls_CApath")
            if (value := settings.get(name, "")) and not Path(value).exists()
        ),
    )


def _run(command: list[str]) -> "subprocess.CompletedProcess[str] | str":
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} did not end within {COMMAND_SECONDS:.0f} s"
    except OSError as error:
        return f"{command[0]}: {error.strerror or error}"


def _is_socket(path: Path) -> bool | None:
    """Tell whether there is a socket; None when this user may not look."""
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except PermissionError:
        return None
    except OSError:
        return False


def look_at_folder(path: Path) -> FolderFact:
    """Return the mode of the state folder."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return FolderFact(path=str(path), mode=None)
    except OSError as error:
        return FolderFact(path=str(path), mode=None, error=error.strerror or str(error))
    return FolderFact(path=str(path), mode=mode)


def look_at_config_file(config: "Config", path: Path) -> ConfigFileFact | None:
    """Return the mode of the file that the configuration was read from; None without one."""
    from mailseal.config import to_document

    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    return ConfigFileFact(
        path=str(path),
        mode=mode,
        has_secret=to_document(config) != to_document(config, reveal=True),
    )


def look_at_sockets(config: "Config") -> Iterator[SocketFact]:
    """Yield the UNIX sockets that there are, with their modes; the control socket first."""
    from mailseal.config import UnixAddress

    paths = [one.address.path for one in config.listen if isinstance(one.address, UnixAddress)]
    for path in (control_path(config), *paths):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # that it does not answer is told anyway
        yield SocketFact(path=str(path), mode=mode, is_control=path == control_path(config))


def look_at_service(config: "Config") -> tuple[ServiceFacts, tuple[tuple[str, datetime], ...]]:
    """Ask the running service for its counters, and which policies it fetched when."""
    try:
        counters = ask(config, {"op": "counters"})
        if counters is None:
            return ServiceFacts(counters=None), ()
        policies = (ask(config, {"op": "list"}) or {}).get("policies", [])
    except click.ClickException as error:
        return ServiceFacts(counters=None, refusal=error.message), ()
    fetched = tuple(
        (str(one["domain"]), datetime.fromisoformat(one["fetched_at"])) for one in policies
    )
    return ServiceFacts(counters=counters), fetched


def dated_files(config: "Config", config_file: Path) -> Iterator[tuple[str, datetime]]:
    """Yield files that were written before now, if the clock is right."""
    for path in (Path(__file__), config_file, config.state_dir):
        try:
            yield str(path), datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:
            continue


def is_clock_synchronised() -> bool | None:
    """Return the kernel's word on the clock (adjtimex(2), which only reads here)."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def probe_listeners(config: "Config", key: str) -> Iterator[Probe]:
    """Ask each listener for a key in the form that it speaks."""
    from mailseal.config import Protocol

    zone = next(iter(config.zones))
    for one in config.listen:
        if one.protocol not in {Protocol.SOCKETMAP, Protocol.LINE}:
            continue
        is_line = one.protocol is Protocol.LINE
        request = f"{key}\n".encode() if is_line else _request(zone, key)
        yield _probe(one.address, key, request, is_line=is_line)


def probe_domain(config: "Config", domain: str) -> Probe | None:
    """Ask the first listener for socketmap about a domain; None without one."""
    from mailseal.config import Protocol

    for one in config.listen:
        if one.protocol is Protocol.SOCKETMAP:
            request = _request(next(iter(config.zones)), domain)
            return _probe(one.address, domain, request, is_line=False)
    return None


def _request(zone: str, key: str) -> bytes:
    return netstring.encode(socketmap.render_request(zone, key))


def _probe(
    address: "TcpAddress | UnixAddress", key: str, request: bytes, *, is_line: bool
) -> Probe:
    from mailseal.config import TcpAddress

    where = str(address)
    family = socket.AF_UNIX
    target: str | tuple[str, int]
    if isinstance(address, TcpAddress):
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        target = (_reachable(address.host), address.port)
    else:
        target = str(address.path)
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(REPLY_SECONDS)
            sock.connect(target)
            sock.sendall(request)
            reply = _read_line(sock) if is_line else _read_netstring(sock)
    except (OSError, netstring.NetstringError) as error:
        reason = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        return Probe(where=where, key=key, error=reason)
    return Probe(where=where, key=key, reply=reply.decode("ascii", "replace"))


def _reachable(host: str) -> str:
    """Return where a listener on every address is reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- not bound, asked


def _read_netstring(sock: socket.socket) -> bytes:
    reader = netstring.Reader(MAX_OUTPUT)
    while (payload := reader.next_payload()) is None:
        data = sock.recv(65_536)
        if not data:
            raise ConnectionResetError("the connection was closed before a whole reply")
        reader.feed(data)
    return payload


def _read_line(sock: socket.socket) -> bytes:
    line = b""
    while b"\n" not in line and len(line) < MAX_OUTPUT:
        data = sock.recv(65_536)
        if not data:
            raise ConnectionResetError("the connection was closed before a whole reply")
        line += data
    return line.partition(b"\n")[0]


def zone_profiles(config: "Config") -> Mapping[str, str]:
    """Return the profile of every zone by its name."""
    return {name: zone.profile.value for name, zone in config.zones.items()}
