"""A sending Postfix: hands over a message and reads its own log for what became of it."""

import re
import smtplib
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from lab.namespace import Namespace
from lab.packages import Tree
from lab.postfix import Postfix
from lab.service import POLL_SECONDS

Status = Literal["sent", "deferred", "bounced"]

DELIVERY_SECONDS = 60.0  # ours: a delivery that works takes 0.1 s
SUBMIT_SOCKET = "public/submit"

_STATUS = re.compile(
    r"postfix/(?P<service>\w+)\[(?P<pid>\d+)\]: (?P<id>\w+): to=<(?P<to>[^>]*)>,"
    r".* relay=(?P<relay>[^,]*),.* dsn=(?P<dsn>[\d.]+), status=(?P<status>\w+) \((?P<why>.*)\)$"
)
_QUEUED = re.compile(rb"queued as (\w+)")

SERVICES = """\
submit    unix  n - n - - smtpd
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one attempt to deliver, in Postfix's own words.

    ``relay`` is ``none`` when no server was reached; ``log_lines`` are the
    lines of this message and of the process that handled it.
    """

    queue_id: str
    recipient: str
    status: Status
    dsn: str
    relay: str
    reason: str
    log_lines: tuple[str, ...]

    @property
    def tls(self) -> str | None:
        """Return ``Verified``, ``Trusted``, ``Untrusted``, ``Anonymous``, or None without TLS."""
        for line in reversed(self.log_lines):
            if found := re.search(r": (\w+) TLS connection established to", line):
                return found[1]
        return None


class _Submission(smtplib.SMTP):
    """SMTP over a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(local_hostname="client.test")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DELIVERY_SECONDS)
        self.sock.connect(str(path))
        self.getreply()


class SendingPostfix:
    """A Postfix that sends, asking whatever ``policy_maps`` names."""

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        name: str,
        *,
        ca_file: Path,
        policy_maps: str,
        security_level: str,
        settings: Mapping[str, str],
        newer: Tree | None = None,
    ) -> None:
        self.postfix = Postfix(
            namespace,
            folder,
            name,
            settings={
                "smtp_tls_policy_maps": policy_maps,
                "smtp_tls_security_level": security_level,
                "smtp_tls_CAfile": str(ca_file),
                "smtp_dns_support_level": "dnssec",
                "smtp_tls_mandatory_protocols": "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1",
                "smtp_tls_loglevel": "1",
                "smtp_tls_note_starttls_offer": "yes",
                "smtp_host_lookup": "dns",
                "smtp_connection_cache_on_demand": "no",
                "smtp_connect_timeout": "5s",
                "smtp_helo_timeout": "10s",
                # Every message is tried at once, whatever happened to the one before.
                "default_destination_concurrency_failed_cohort_limit": "0",
                "smtpd_relay_restrictions": "permit_mynetworks, reject",
                "bounce_queue_lifetime": "1d",
                **settings,
            },
            services=SERVICES,
            newer=newer,
        )

    def start(self) -> None:
        """Start it. Takes 0.1 s."""
        self.postfix.start()

    def stop(self) -> None:
        """Stop it; queued mail stays for the next start."""
        self.postfix.stop()

    def configure(self, **settings: str) -> None:
        """Change settings of main.cf and start anew, such as ``smtp_tls_policy_maps``."""
        self.stop()
        self.postfix.change_settings(settings)
        self.start()

    def look_up(self, key: str, table: str) -> str:
        """Ask a table as ``postmap -q`` does; empty when it has no entry."""
        return self.postfix.run("postmap", "-q", key, table).strip()

    def finger(self, next_hop: str, level: str = "dane") -> str:
        """Return what ``posttls-finger`` says of a next hop, without sending anything."""
        return self.postfix.finger(next_hop, level)

    def submit(self, recipient: str, text: str = "Hello.") -> str:
        """Queue a message and return its queue id.

        The sender is empty, so that a bounce vanishes instead of travelling.
        """
        with _Submission(self.postfix.queue / SUBMIT_SOCKET) as smtp:
            smtp.ehlo()
            smtp.mail("")
            code, answer = smtp.rcpt(recipient)
            if code == 250:
                message = f"From: sender@sender.test\nTo: {recipient}\nSubject: lab\n\n{text}\n"
                code, answer = smtp.data(message)
        queued = _QUEUED.search(answer)
        if queued is None:
            raise ValueError(f"Postfix did not take mail for {recipient}: {code} {answer!r}")
        return queued[1].decode()

    def deliver(self, recipient: str, seconds: float = DELIVERY_SECONDS) -> Delivery:
        """Send a message and wait for the outcome of its first attempt.

        Raises TimeoutError when the log tells none in time.
        """
        start = len(self.postfix.read_log())
        return self._await_outcome(self.submit(recipient), start, seconds)

    def deliver_all(
        self, recipients: Iterable[str], seconds: float = DELIVERY_SECONDS
    ) -> dict[str, Delivery]:
        """Send messages side by side; the outcome of each one's first attempt, by recipient.

        Raises TimeoutError when the log does not tell all of them in time.
        """
        start = len(self.postfix.read_log())
        queued = {recipient: self.submit(recipient) for recipient in recipients}
        return {
            recipient: self._await_outcome(queue_id, start, seconds)
            for recipient, queue_id in queued.items()
        }

    def retry(self, queue_id: str, seconds: float = DELIVERY_SECONDS) -> Delivery:
        """Try a deferred message again at once, and wait for the outcome."""
        start = len(self.postfix.read_log())
        self.postfix.run("postqueue", "-i", queue_id)
        return self._await_outcome(queue_id, start, seconds)

    def flush(self) -> None:
        """Try all deferred mail again (``postqueue -f``), without waiting for it."""
        self.postfix.run("postqueue", "-f")

    def drop_queue(self) -> None:
        """Remove all mail from the queue."""
        self.postfix.run("postsuper", "-d", "ALL")

    def _await_outcome(self, queue_id: str, start: int, seconds: float) -> Delivery:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = self.postfix.read_log()[start:].splitlines()
            for number, line in enumerate(lines):
                found = _STATUS.search(line)
                if found is not None and found["id"] == queue_id:
                    return _delivery(found, lines[:number])
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"no outcome for {queue_id} in {self.postfix.log}")


def _delivery(found: re.Match[str], before: Sequence[str]) -> Delivery:
    process = f"postfix/{found['service']}[{found['pid']}]"
    lines = [line for line in before if found["id"] in line or process in line]
    for number, line in reversed(list(enumerate(lines))):
        earlier = _STATUS.search(line)
        if earlier is not None and process in line and earlier["id"] != found["id"]:
            # What the process did up to here was for another message.
            done = [each for each in lines[: number + 1] if found["id"] in each]
            lines = done + lines[number + 1 :]
            break
    return Delivery(
        queue_id=found["id"],
        recipient=found["to"],
        status=cast("Status", found["status"]),
        dsn=found["dsn"],
        relay=found["relay"],
        reason=found["why"],
        log_lines=(*lines, found.string),
    )
