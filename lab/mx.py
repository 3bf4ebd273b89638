"""The MX hosts: one receiving Postfix with a listener for each, and their mailboxes."""

import email
import os
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from lab.accounts import MAILBOX_UID
from lab.addresses import AddressPlan
from lab.ca import Credential
from lab.model import Manner, MxHost, StartTls
from lab.namespace import Namespace
from lab.postfix import Postfix, options, write_aged

MAILBOX_DOMAIN = "mailbox.invalid"
ARRIVAL_SECONDS = 5.0  # ours: from "250 queued" to the mailbox takes 30 ms


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What an MX host has accepted, whoever it was addressed to."""

    host: str
    folder: Path
    receiver: Postfix

    def messages(self) -> tuple[Message, ...]:
        """Return every message, once what was accepted has been written."""
        return tuple(email.message_from_bytes(path.read_bytes()) for path in self._files())

    def recipients(self) -> tuple[str, ...]:
        """Return to whom the messages were addressed, in order of arrival."""
        return tuple(str(message["X-Original-To"]) for message in self.messages())

    def __len__(self) -> int:
        """Count the messages."""
        return len(self._files())

    def clear(self) -> None:
        """Throw the messages away."""
        for path in self._files():
            path.unlink()

    def _files(self) -> list[Path]:
        self.receiver.await_empty_queue(ARRIVAL_SECONDS)
        return sorted(self.folder.glob("new/*"), key=lambda path: path.stat().st_mtime_ns)


class MxHosts:
    """Every MX host of the catalogue; each has an address, a certificate, a mailbox."""

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        hosts: Sequence[MxHost],
        plan: AddressPlan,
        credentials: dict[str, Credential],
    ) -> None:
        folder.mkdir()
        self._namespace = namespace
        self._mail = folder / "mail"
        self._mail.mkdir()
        os.chown(self._mail, MAILBOX_UID, MAILBOX_UID)
        self._addresses = plan.servers
        write_aged(
            folder / "mailboxes",
            "".join(f"{host.name}@{MAILBOX_DOMAIN} {host.name}/\n" for host in hosts),
        )
        services = ""
        for host in hosts:
            if host.manner is not Manner.HONEST:
                continue
            place = folder / host.name
            place.mkdir()
            (place / "chain.pem").write_text(credentials[host.name].pem())
            write_aged(place / "redirect", f"0.0.0.0/0 REDIRECT {host.name}@{MAILBOX_DOMAIN}\n")
            own = {
                "myhostname": host.name,
                "smtpd_recipient_restrictions": f"check_client_access cidr:{place}/redirect",
                "smtpd_tls_chain_files": f"{place}/chain.pem",
                "smtpd_tls_security_level": "none" if host.starttls is StartTls.MISSING else "may",
            }
            for port in host.ports:
                services += f"{plan.servers[host.name]}:{port} inet n - n - - smtpd\n"
                services += "".join(f"{line}\n" for line in options(own))
        services += "virtual unix - n n - - virtual\n"
        self.postfix = Postfix(
            namespace,
            folder / "postfix",
            "receiver",
            settings={
                "smtpd_relay_restrictions": "permit_mynetworks, reject",
                "default_transport": "discard:",  # nothing comes here: all is redirected
                "virtual_mailbox_domains": MAILBOX_DOMAIN,
                "virtual_mailbox_maps": f"texthash:{folder}/mailboxes",
                "virtual_mailbox_base": str(self._mail),
                "virtual_uid_maps": f"static:{MAILBOX_UID}",
                "virtual_gid_maps": f"static:{MAILBOX_UID}",
                "virtual_transport": "virtual",
                "smtpd_tls_loglevel": "1",
            },
            services=services,
        )

    def start(self) -> None:
        """Start the receiving Postfix."""
        self.postfix.start()

    def mailbox(self, host: str) -> Mailbox:
        """Return the mailbox of an MX host; raises LookupError for another name."""
        if host not in self._addresses:
            raise LookupError(f"{host} is no MX host of the lab")
        return Mailbox(host, self._mail / host, self.postfix)

    def clear(self) -> None:
        """Empty every mailbox."""
        for folder in self._mail.iterdir():
            Mailbox(folder.name, folder, self.postfix).clear()
