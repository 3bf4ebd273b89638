"""The closed sets of words that a configuration key can take."""

import enum
from datetime import timedelta


class Protocol(enum.StrEnum):
    """What a listener speaks."""

    SOCKETMAP = "socketmap"
    LINE = "line"


class Profile(enum.StrEnum):
    """The forms of a reply; each belongs to an MTA."""

    POSTFIX = "postfix"
    POSTFIX_3_10 = "postfix-3.10"
    SENDMAIL = "sendmail"
    EXIM = "exim"

    @property
    def deadline(self) -> timedelta:
        """Return how long its MTA may be kept waiting (ARCHITECTURE: Postfix 10 s, …)."""
        return _DEADLINES[self]


_DEADLINES = {
    Profile.POSTFIX: timedelta(seconds=10),
    Profile.POSTFIX_3_10: timedelta(seconds=10),
    Profile.SENDMAIL: timedelta(seconds=4),
    Profile.EXIM: timedelta(seconds=6),
}


class TestingReply(enum.StrEnum):
    """What is answered for a domain whose policy is in mode testing."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    NOTFOUND = "notfound"
    MAY = "may"
    DANE = "dane"


class MtaDefault(enum.StrEnum):
    """The MTA's own security level, as Postfix's ``smtp_tls_security_level`` names them."""

    NONE = "none"
    MAY = "may"
    ENCRYPT = "encrypt"
    DANE = "dane"
    DANE_ONLY = "dane-only"
    VERIFY = "verify"
    SECURE = "secure"


class PartialDane(enum.StrEnum):
    """What becomes of an enforce policy when only some MX hosts have TLSA records."""

    BY_PREFERENCE = "by-preference"
    DANE_ONLY = "dane-only"
    NARROW = "narrow"


class LogLevel(enum.StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(enum.StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"
