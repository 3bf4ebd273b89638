"""The only reader of configuration and environment: gives one frozen ``Config`` of checked values.

``load`` reads the TOML file that ``--config`` or MAILSEAL_CONFIG names, /etc/mailseal/mailseal.toml
by default.  ``settings`` declares every key with its default, its kind and its paragraph; from that
one place come the checks (``reading``), the commented file of ``mailseal config init``
(``template``) and the reference (``reference``).
"""

from mailseal.config.addresses import SecretUrl, TcpAddress, UnixAddress
from mailseal.config.exceptions import OverrideSettings, PinSettings
from mailseal.config.handover import Handover, PassedSocket, take_handover
from mailseal.config.listening import BUILT_IN_ZONES, ListenSettings, ZoneSettings
from mailseal.config.process import ProcessSettings
from mailseal.config.reading import ConfigError, config_path, from_document, load, parse
from mailseal.config.settings import (
    AnswerSettings,
    Config,
    DnsSettings,
    HttpsSettings,
    LimitSettings,
    LogSettings,
    StoreSettings,
)
from mailseal.config.standards import DaneSettings, StsSettings
from mailseal.config.system import DnsView, Findings, dns_views, look_around, system_resolvers
from mailseal.config.words import (
    LogFormat,
    LogLevel,
    MtaDefault,
    Protocol,
)
from mailseal.config.writing import to_document, to_toml

__all__ = [
    "BUILT_IN_ZONES",
    "AnswerSettings",
    "Config",
    "ConfigError",
    "DaneSettings",
    "DnsSettings",
    "DnsView",
    "Findings",
    "Handover",
    "HttpsSettings",
    "LimitSettings",
    "ListenSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "MtaDefault",
    "OverrideSettings",
    "PassedSocket",
    "PinSettings",
    "ProcessSettings",
    "Protocol",
    "SecretUrl",
    "StoreSettings",
    "StsSettings",
    "TcpAddress",
    "UnixAddress",
    "ZoneSettings",
    "config_path",
    "dns_views",
    "from_document",
    "load",
    "look_around",
    "parse",
    "system_resolvers",
    "take_handover",
    "to_document",
    "to_toml",
]
