"""How alerts reach the mail server, in the words of the configuration."""

import enum
import ipaddress


class MailSecurity(enum.StrEnum):
    """How the connection to the mail server is protected."""

    AUTO = "auto"  # STARTTLS with a verified certificate, but nothing on this machine itself
    STARTTLS = "starttls"
    TLS = "tls"  # from the first byte (RFC 8314)
    NONE = "none"

    def insists_on_starttls(self, host: str) -> bool:
        """Tell whether nothing may be said to a host, a name or an address, without STARTTLS."""
        return self is MailSecurity.STARTTLS or (
            self is MailSecurity.AUTO and not _is_this_machine(host)
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
