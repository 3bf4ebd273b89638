"""The resolvers: unbound, trusting the lab's root key and nothing else."""

import socket
from pathlib import Path

from lab.addresses import AUTHORITY, RESOLVER, RESOLVER_TOO
from lab.namespace import Namespace
from lab.service import Service
from lab.zones import NAME_SERVER

CONTROL_TIMEOUT_SECONDS = 5.0

# Quick and deterministic rather than polite: nothing is fetched ahead, no name
# is minimised, and a server that was down is tried again at once.
CONFIGURATION = """\
server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: "{folder}/unbound.log"
    verbosity: 1
    val-log-level: 2
    num-threads: 1
{interfaces}    access-control: 127.0.0.0/8 allow
    do-ip6: no
    do-not-query-localhost: no
    module-config: "{modules}"
    root-hints: "{folder}/root.hints"
    trust-anchor-file: "{folder}/root.key"
    trust-anchor-signaling: no
    root-key-sentinel: no
    local-zone: "test." nodefault
    qname-minimisation: no
    target-fetch-policy: "0 0 0 0 0"
    infra-host-ttl: 1
    infra-keep-probing: yes
    cache-min-ttl: 0
    prefetch: no
    serve-expired: no
    minimal-responses: yes
    ede: yes
remote-control:
    control-enable: yes
    control-interface: "{folder}/unbound.control"
    control-use-cert: no
"""


class Unbound:
    """A resolver, by default that on 127.0.0.53 and 127.0.0.1, port 53 of the namespace."""

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        trust_anchor: str,
        addresses: tuple[str, ...] = (RESOLVER, RESOLVER_TOO),
    ) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._addresses = addresses
        self._control = folder / "unbound.control"
        (folder / "root.key").write_text(trust_anchor)
        (folder / "root.hints").write_text(
            f". 3600 IN NS {NAME_SERVER}.\n{NAME_SERVER}. 3600 IN A {AUTHORITY}\n"
        )
        self._configure(validates=True)
        tree = namespace.trees["unbound"]
        self.service = Service(
            namespace,
            "unbound",
            [tree.file("usr/sbin/unbound"), "-d", "-p", "-c", folder / "unbound.conf"],
            log=folder / "unbound.log",
            environment={"LD_LIBRARY_PATH": tree.library_path()},
            ready=self._control.is_socket,
        )

    def _configure(self, *, validates: bool) -> None:
        (self._folder / "unbound.conf").write_text(
            CONFIGURATION.format(
                folder=self._folder,
                interfaces="".join(f"    interface: {one}\n" for one in self._addresses),
                modules="validator iterator" if validates else "iterator",
            )
        )

    def start(self, *, validates: bool = True) -> None:
        """Start with an empty cache, on request as one that does not validate."""
        self._configure(validates=validates)
        self._control.unlink(missing_ok=True)
        self.service.start()

    def flush(self, zone: str = ".") -> None:
        """Forget what is cached below a name, and which servers were down."""
        if self.service.is_running():
            self.command(f"flush_zone {zone}")
            self.command("flush_infra all")

    def command(self, text: str) -> str:
        """Send a command of unbound-control(8) and return the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(CONTROL_TIMEOUT_SECONDS)
            connection.connect(str(self._control))
            connection.sendall(f"UBCT1 {text}\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        return answer.decode()
