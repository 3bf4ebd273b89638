"""The two processes that play mail servers and policy hosts which no real server would be."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab.addresses import AddressPlan
from lab.ca import CertificateAuthority, Credential, Flaw
from lab.model import LabDomain, Manner, MxHost
from lab.namespace import Namespace
from lab.nginx import PolicyHosts
from lab.service import Service

HERE = Path(__file__).parent


def odd_servers(
    namespace: Namespace,
    domains: Sequence[LabDomain],
    plan: AddressPlan,
    authority: CertificateAuthority,
    credentials: Mapping[str, Credential],
    policy_hosts: PolicyHosts,
) -> tuple[Service, Service]:
    """Prepare the players of MX hosts and of policy hosts."""
    folder = namespace.folder / "odd"
    folder.mkdir()
    places = _Places(folder, plan, authority, credentials)
    hosts = [each for domain in domains for host in domain.mx for each in places.of(host)]
    policies = [
        {
            "address": plan.policy_hosts[domain.name],
            "answer": domain.policy_host.answer.value,
            "chain": str(policy_hosts.chain_file(domain.name)),
            "body": domain.policy_host.body,
        }
        for domain in domains
        if domain.policy_host is not None and domain.policy_host.answer.is_played
    ]
    return _player(namespace, "odd_mx", hosts), _player(namespace, "odd_https", policies)


class _Places:
    """Where a host is played, and with which certificates."""

    def __init__(
        self,
        folder: Path,
        plan: AddressPlan,
        authority: CertificateAuthority,
        credentials: Mapping[str, Credential],
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._authority = authority
        self._credentials = credentials
        self._other = self._write("other", authority.issue(["other.invalid"], Flaw.SELF_SIGNED))

    def of(self, host: MxHost) -> Iterator[dict[str, str]]:
        """Describe each address at which a host is played."""
        if host.manner is not Manner.HONEST:
            yield self._place(host, host.manner, self._plan.mx, self._credentials[host.name])
        if host.second is not None:
            names = host.certificate_names or (host.name,)
            credential = (
                self._credentials[host.name]
                if host.second.flaw is Flaw.NONE
                else self._authority.issue(names, host.second.flaw)
            )
            yield self._place(host, host.second.manner, self._plan.second, credential)

    def _place(
        self, host: MxHost, manner: Manner, addresses: Mapping[str, str], credential: Credential
    ) -> dict[str, str]:
        address = addresses[host.name]
        return {
            "address": address,
            "manner": manner.value,
            "chain": self._write(address, credential),
            "other_chain": self._other,
        }

    def _write(self, name: str, credential: Credential) -> str:
        path = self._folder / f"{name}.pem"
        path.write_text(credential.pem())
        return str(path)


def _player(namespace: Namespace, name: str, spec: list[dict[str, str]]) -> Service:
    folder = namespace.folder / "odd"
    (folder / f"{name}.json").write_text(json.dumps(spec))
    log = folder / f"{name}.log"
    return Service(
        namespace,
        name,
        [sys.executable, "-I", HERE / f"{name}.py", folder / f"{name}.json"],
        log=log,
        ready=lambda: log.exists() and "ready" in log.read_text(),
    )
