"""How alerts reach the mail server, in the words of the configuration."""

import enum


class MailSecurity(enum.StrEnum):
    """How the connection to the mail server is protected."""

    AUTO = "auto"  # STARTTLS with a verified certificate, but nothing on this machine itself
    STARTTLS = "starttls"
    TLS = "tls"  # from the first byte (RFC 8314)
    NONE = "none"
