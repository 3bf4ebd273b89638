"""The policy hosts: nginx serving ``https://mta-sts.DOMAIN/.well-known/mta-sts.txt``.

Every policy host has its own address and certificate, so that one of them can
be gone or broken while the others serve.
"""

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.addresses import SILENT_HOST, AddressPlan
from lab.ca import CertificateAuthority, Flaw
from lab.model import Answer, LabDomain, PolicyHost
from lab.namespace import CLOSE_WAIT, ESTABLISHED, LISTEN, Namespace
from lab.service import Service, wait_until
from lab.unavailable import Unavailable

DRIBBLE_BYTES_PER_SECOND = 96  # header and policy together take about three seconds
SETTLE_SECONDS = 2.0  # ours: a request that hangs must not hold up a count for ever

HEAD = """\
daemon off;
user root;
worker_processes 1;
worker_shutdown_timeout 1s;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/tmp;
    proxy_temp_path {folder}/tmp;
    fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp;
    scgi_temp_path {folder}/tmp;
    log_format requests '$msec $status $request';
    keepalive_timeout 0;
    ssl_protocols TLSv1.2 TLSv1.3;
    server_tokens off;
    types {{ }}
    default_type text/plain;
"""

SERVER = """\
    server {{
        listen {address}:443 ssl;
        server_name mta-sts.{domain};
        ssl_certificate {place}/chain.pem;
        ssl_certificate_key {place}/chain.pem;
        access_log {place}/requests.log requests;
        location = /elsewhere.txt {{ alias {place}/policy.txt; }}
        location = /.well-known/mta-sts.txt {{ {answer} }}
        {more}
        location / {{ return 404; }}
    }}
"""

ANSWERS = {
    Answer.POLICY: "alias {place}/policy.txt;",
    Answer.NOT_FOUND: "return 404;",
    Answer.ERROR: "return 500;",
    Answer.REDIRECT: "return 301 https://mta-sts.{domain}/elsewhere.txt;",
    Answer.HTML: "alias {place}/policy.txt; default_type text/html;",
    Answer.HANG: f"proxy_pass http://{SILENT_HOST}:80; proxy_read_timeout 1h;",
    Answer.DRIBBLE: f"alias {{place}}/policy.txt; limit_rate {DRIBBLE_BYTES_PER_SECOND};",
    Answer.NO_ROBOTS: "if ($http_user_agent !~ Mozilla) {{ return 403; }}"
    " alias {place}/policy.txt;",
    Answer.MISPLACED: "return 404;",
    Answer.ABANDONED: 'return 404 "There isn\'t a GitHub Pages site here.";',
    Answer.COMPRESSED: "alias {place}/policy.txt; add_header Content-Encoding gzip;",
    Answer.NO_TYPE: 'alias {place}/policy.txt; default_type "";',
}
MORE = {Answer.MISPLACED: "location = /mta-sts.txt {{ alias {place}/policy.txt; }}"}


class PolicyHosts:
    """All policy hosts, by mail domain; changes are in force when a call returns."""

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        domains: Sequence[LabDomain],
        plan: AddressPlan,
        authority: CertificateAuthority,
    ) -> None:
        folder.mkdir()
        self._namespace = namespace
        self._folder = folder
        self._addresses = plan.policy_hosts
        self._authority = authority
        self._declared = {
            domain.name: domain.policy_host for domain in domains if domain.policy_host is not None
        }
        self._current = dict(self._declared)
        for domain, host in self._declared.items():
            self._place(domain).mkdir()
            self._write_certificate(domain, host)
            self._write_body(domain, host.body)
        self._write_configuration()
        tree = namespace.trees["nginx"]
        self.service = Service(
            namespace,
            "nginx",
            [tree.file("usr/sbin/nginx"), "-c", folder / "nginx.conf", "-e", "stderr"],
            log=folder / "nginx.log",
            environment={"LD_LIBRARY_PATH": tree.library_path()},
            ready=self._is_as_configured,
        )

    def chain_file(self, domain: str) -> Path:
        """Return the file with the host's key and chain."""
        return self._place(domain) / "chain.pem"

    def policy(self, domain: str) -> str:
        """Return the body that is served for a domain."""
        return self._current[domain].body

    def set_policy(self, domain: str, body: str) -> None:
        """Change the body; ``lab.model.policy_text`` renders one."""
        self._write_body(domain, body)
        self._current[domain] = replace(self._current[domain], body=body)

    def set_answer(self, domain: str, answer: Answer) -> None:
        """Change what the host does when it is asked. Takes 0.1 s."""
        self._change(domain, replace(self._current[domain], answer=answer))

    def set_certificate(self, domain: str, flaw: Flaw, also: Sequence[str] = ()) -> None:
        """Give the host a new certificate with a flaw, or a good one. Takes 0.1 s.

        ``also`` are more mail domains that get the policy here, once their
        ``mta-sts`` names lead to its address.
        """
        host = replace(self._current[domain], flaw=flaw, also=tuple(also))
        self._write_certificate(domain, host)
        self._change(domain, host)

    def stop(self, *domains: str) -> None:
        """Let connections to these hosts be refused."""
        for domain in domains:
            self._current[domain] = replace(self._current[domain], answer=Answer.REFUSE)
        self._reload()

    def start(self, domain: str) -> None:
        """Serve the policy on this host."""
        self.set_answer(domain, Answer.POLICY)

    def requests(self, domain: str) -> int:
        """Count the HTTP requests to a host since the start or ``forget_requests``.

        nginx writes its log after the response, so this waits for connections
        that are still open.
        """
        here = (self._addresses[domain], 443)
        wait_until(
            lambda: here not in self._namespace.tcp_sockets(ESTABLISHED, CLOSE_WAIT),
            SETTLE_SECONDS,
        )
        log = self._place(domain) / "requests.log"
        return len(log.read_text(errors="replace").splitlines()) if log.exists() else 0

    def forget_requests(self, domain: str) -> None:
        """Begin to count a domain's requests at zero."""
        os.truncate(self._place(domain) / "requests.log", 0)

    def restore(self) -> None:
        """Bring every changed host back to its declaration."""
        configured = {domain: host.answer for domain, host in self._current.items()}
        renewed = False
        for domain, host in self._declared.items():
            if self._current[domain].body != host.body:
                self._write_body(domain, host.body)
            current = self._current[domain]
            if (current.flaw, current.also) != (host.flaw, host.also):
                self._write_certificate(domain, host)
                renewed = True
        self._current = dict(self._declared)
        if renewed or configured != {name: host.answer for name, host in self._declared.items()}:
            self._reload()

    def _change(self, domain: str, host: PolicyHost) -> None:
        self._current[domain] = host
        self._reload()

    def _place(self, domain: str) -> Path:
        return self._folder / domain

    def _write_body(self, domain: str, body: str) -> None:
        new = self._place(domain) / "policy.new"
        new.write_bytes(body.encode())
        new.rename(self._place(domain) / "policy.txt")

    def _write_certificate(self, domain: str, host: PolicyHost) -> None:
        names = [f"mta-sts.{name}" for name in (domain, *host.also)]
        credential = self._authority.issue(names, host.flaw)
        self.chain_file(domain).write_text(credential.pem())

    def _write_configuration(self) -> None:
        text = HEAD.format(folder=self._folder)
        for domain, host in self._current.items():
            if host.answer is Answer.REFUSE or host.answer.is_played:
                continue
            place = self._place(domain)
            answer = ANSWERS[host.answer].format(place=place, domain=domain)
            text += SERVER.format(
                address=self._addresses[domain],
                domain=domain,
                place=place,
                answer=answer,
                more=MORE.get(host.answer, "").format(place=place),
            )
        (self._folder / "nginx.conf").write_text(text + "}\n")

    def _is_as_configured(self) -> bool:
        listeners = self._namespace.tcp_sockets(LISTEN)
        return all(
            ((self._addresses[domain], 443) in listeners) is (host.answer is not Answer.REFUSE)
            for domain, host in self._current.items()
            if not host.answer.is_played
        )

    def _reload(self) -> None:
        """Let nginx read its configuration again, and wait for the new worker alone."""
        self._write_configuration()
        if not self.service.is_running():
            return
        before = self._workers()
        os.kill(self.service.pid, signal.SIGHUP)

        def taken_over() -> bool:
            workers = self._workers()
            return bool(workers) and not workers & before and self._is_as_configured()

        if not wait_until(taken_over):
            raise Unavailable("nginx does not reload", f"read its log {self.service.log}")

    def _workers(self) -> frozenset[str]:
        """List the workers that still take connections."""
        pid = self.service.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return frozenset(child for child in children if not _is_leaving(child))


def _is_leaving(pid: str) -> bool:
    try:
        return b"shutting down" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
