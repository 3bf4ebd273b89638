"""The closed sets of words that a configuration key can take."""

import enum


class Protocol(enum.StrEnum):
    """What a listener speaks."""

    SOCKETMAP = "socketmap"
    LINE = "line"


class MtaDefault(enum.StrEnum):
    """The MTA's own security level, as Postfix's ``smtp_tls_security_level`` names them."""

    NONE = "none"
    MAY = "may"
    ENCRYPT = "encrypt"
    DANE = "dane"
    DANE_ONLY = "dane-only"
    VERIFY = "verify"
    SECURE = "secure"

    @property
    def is_dane_or_stricter(self) -> bool:
        """Tell whether an answer "dane" would be no more than the MTA does anyway, or less."""
        return self not in (MtaDefault.NONE, MtaDefault.MAY, MtaDefault.ENCRYPT)

    @property
    def is_dane(self) -> bool:
        """Tell whether the MTA does DANE of its own, so that to do without takes an answer."""
        return self in (MtaDefault.DANE, MtaDefault.DANE_ONLY)


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
