"""The DANE state of a next hop: of its MX set and of every host in it (RFC 7672 §2.2)."""

import enum


class DaneSummary(enum.StrEnum):
    """What a whole MX set came to, short enough to be remembered."""

    ALL_USABLE = "all-usable"
    MIXED = "mixed"
    NONE = "none"
