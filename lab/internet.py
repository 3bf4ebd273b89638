"""The whole lab: started, handed out, restored between tests, ended."""

import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lab.accounts import etc_files
from lab.addresses import (
    A_ONLY_AUTHORITY,
    RESOLVER,
    SILENT_AUTHORITY,
    SILENT_HOST,
    AddressPlan,
    plan_addresses,
)
from lab.attack import Attack
from lab.ca import CertificateAuthority, Credential
from lab.catalogue import catalogue
from lab.dns import Dns
from lab.exim import Exim
from lab.faults import faults
from lab.model import LabDomain, MxHost, Tlsa, ZoneState
from lab.mx import Mailbox, MxHosts
from lab.namespace import RUN_TIMEOUT_SECONDS, Namespace, require_root
from lab.nginx import PolicyHosts
from lab.odd import odd_servers
from lab.packages import INTERNET, Progress, Tree, fetch_all, print_progress
from lab.sender import SendingPostfix
from lab.sendmail import Sendmail
from lab.service import Service
from lab.unavailable import Unavailable

HERE = Path(__file__).parent


class Lab:
    """A private Internet on loopback; made by ``Lab.start``.

    ``domains`` are those that senders meet, ``faults`` those that are there to
    be found fault with. ``dns``, ``policy_host``, ``attack`` change the world at run time,
    ``restore`` brings it back; ``sender`` starts a Postfix that sends,
    ``mailbox`` tells what an MX host accepted; ``sendmail`` and ``exim`` ask a
    daemon as those MTAs would; ``run`` and ``spawn`` start any program inside.
    """

    def __init__(self, namespace: Namespace) -> None:
        """Prepare all servers; nothing is started."""
        folder = namespace.folder
        self.folder = folder
        self.namespace = namespace
        self.domains: Mapping[str, LabDomain] = {each.name: each for each in catalogue()}
        self.faults: Mapping[str, LabDomain] = {each.name: each for each in faults()}
        domains = (*self.domains.values(), *self.faults.values())
        hosts = tuple(host for domain in domains for host in domain.mx)
        authority = CertificateAuthority()
        self.ca = authority
        self.ca_file = folder / "ca.pem"
        authority.write_bundle(self.ca_file)
        self.addresses = plan_addresses(domains)
        credentials = {
            host.name: authority.issue(host.certificate_names or (host.name,), host.flaw)
            for host in hosts
        }
        self.dns = Dns(
            namespace, folder / "dns", domains, self.addresses, _tlsa_records(hosts, credentials)
        )
        self.policy_host = PolicyHosts(
            namespace, folder / "https", domains, self.addresses, authority
        )
        self.mx = MxHosts(namespace, folder / "mx", hosts, self.addresses, credentials)
        self.attack = Attack(self.dns, dict(self.domains))
        self.sendmail = Sendmail(namespace, folder / "sendmail", self.ca_file)
        self.exim = Exim(namespace, folder / "exim")
        self.silent = _silent_hosts(namespace)
        self.a_only = _a_only_authority(namespace, domains, self.addresses)
        self.interceptor = _interceptor(namespace, self.addresses)
        self.odd_mx, self.odd_https = odd_servers(
            namespace, domains, self.addresses, authority, credentials, self.policy_host
        )
        self._own = (self.silent, self.a_only, self.interceptor, self.odd_mx, self.odd_https)
        self._senders = 0

    @classmethod
    @contextmanager
    def start(
        cls, workdir: Path | None = None, progress: Progress = print_progress
    ) -> Iterator["Lab"]:
        """Fetch what is missing, start everything, and end it with the block.

        Its folder is made below ``workdir`` (by default the system's temporary
        folder), which every user must be able to enter, and removed at the
        end, also after a crash. Takes about two seconds once the packages are in
        the cache. Raises ``Unavailable``.
        """
        require_root()
        trees = fetch_all(INTERNET, progress)
        folder = Path(tempfile.mkdtemp(prefix="mailseal-lab-", dir=workdir))
        folder.chmod(0o755)
        _check_everybody_may_enter(folder)
        try:
            namespace = Namespace.open(folder, etc_files(RESOLVER), trees)
        except BaseException:
            if folder.exists():
                subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)
            raise
        try:
            lab = cls(namespace)
            lab._start_all()
            yield lab
        finally:
            namespace.close()

    def _start_all(self) -> None:
        for service in (*self._own, self.policy_host.service):
            service.launch()
        self.dns.start()
        self.mx.start()
        for service in (*self._own, self.policy_host.service):
            service.await_ready()

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        timeout: float = RUN_TIMEOUT_SECONDS,
        check: bool = False,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command inside the lab to its end, with its output as text."""
        return self.namespace.run(
            arguments, stdin=stdin, environment=environment, timeout=timeout, check=check
        )

    def spawn(
        self,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a command inside the lab; it is killed at the latest when the lab ends."""
        return self.namespace.spawn(
            arguments, environment=environment, stdout=stdout, stderr=stderr
        )

    def mailbox(self, host: str) -> Mailbox:
        """Return what an MX host has accepted."""
        return self.mx.mailbox(host)

    @contextmanager
    def sender(
        self,
        policy_maps: str = "",
        security_level: str = "may",
        *,
        newer: Tree | None = None,
        **settings: str,
    ) -> Iterator[SendingPostfix]:
        """Run a Postfix that sends; several may run at once. Starts in 0.15 s.

        ``policy_maps`` is ``smtp_tls_policy_maps``, such as
        ``socketmap:unix:PATH:postfix``; ``settings`` are more of main.cf.
        ``newer`` is another Postfix than the lab's 3.7: what
        ``lab.newer.fetch_newer`` returned.
        """
        self._senders += 1
        name = f"sender{self._senders}"
        sender = SendingPostfix(
            self.namespace,
            self.folder / name,
            name,
            ca_file=self.ca_file,
            policy_maps=policy_maps,
            security_level=security_level,
            settings=settings,
            newer=newer,
        )
        sender.start()
        try:
            yield sender
        finally:
            sender.stop()

    def restore(self) -> None:
        """Undo every change of DNS and policy hosts, and empty the mailboxes."""
        self.dns.restore()
        self.policy_host.restore()
        self.mx.clear()


def _check_everybody_may_enter(folder: Path) -> None:
    for parent in folder.resolve().parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            folder.rmdir()
            raise Unavailable(
                f"the lab's folder would be below {parent}, which other users cannot enter",
                "choose another folder, for example TMPDIR=/tmp",
            )


def _tlsa_records(hosts: Sequence[MxHost], credentials: Mapping[str, Credential]) -> dict[str, str]:
    records = {}
    for host in hosts:
        credential = credentials[host.name]
        match host.tlsa:
            case Tlsa.NONE:
                continue
            case Tlsa.MATCHING | Tlsa.BOGUS:
                records[host.name] = credential.tlsa(3, 1, 1)
            case Tlsa.MISMATCHING:
                records[host.name] = f"3 1 1 {'00' * 32}"
            case Tlsa.ISSUER:
                records[host.name] = credential.tlsa(2, 0, 1)
            case Tlsa.UNUSABLE:
                records[host.name] = credential.tlsa(1, 1, 1)
    return records


def _own_server(name: str, places: list[str]) -> list[str | Path]:
    """Give the command of one of the lab's own small servers."""
    return [sys.executable, "-I", HERE / f"{name}.py", *places]


def _silent_hosts(namespace: Namespace) -> Service:
    places = [f"{kind}:{SILENT_AUTHORITY}:53" for kind in ("tcp", "udp")]
    places.append(f"tcp:{SILENT_HOST}:80")
    return Service(
        namespace,
        "silent hosts",
        _own_server("silent", places),
        log=namespace.folder / "silent.log",
        ready=lambda: namespace.is_listening(SILENT_HOST, 80),
    )


def _a_only_authority(
    namespace: Namespace, domains: Sequence[LabDomain], plan: AddressPlan
) -> Service:
    hosts = [host.name for each in domains if each.zone is ZoneState.A_ONLY for host in each.mx]
    log = namespace.folder / "a_only.log"
    return Service(
        namespace,
        "authority for A alone",
        _own_server("a_only", [A_ONLY_AUTHORITY, *(f"{name}={plan.mx[name]}" for name in hosts)]),
        log=log,
        ready=lambda: log.exists() and "ready" in log.read_text(),
    )


def _interceptor(namespace: Namespace, plan: AddressPlan) -> Service:
    pairs = {plan.mx[host]: plan.servers[host] for host in plan.mx}
    between = {public: server for public, server in pairs.items() if public != server}
    return Service(
        namespace,
        "interceptor",
        _own_server("interceptor", [f"{a}={b}" for a, b in between.items()]),
        log=namespace.folder / "interceptor.log",
        ready=lambda: all(namespace.is_listening(public, 25) for public in between),
    )


__all__ = ["Lab", "Unavailable"]
