"""What a finding is about, by its code: the areas that a report on a domain is divided into."""

import enum


class Area(enum.StrEnum):
    """One mechanism, or one kind of server, in the order in which a report tells of them."""

    RECORD = "mta-sts-record"
    POLICY = "mta-sts-policy"
    MX = "mx"
    DANE = "dane"
    TLSRPT = "tlsrpt"
    DNSSEC = "dnssec"
    NEIGHBOURS = "neighbours"

    @property
    def heading(self) -> str:
        """The heading."""
        return _HEADINGS[self]


_HEADINGS = {
    Area.RECORD: "MTA-STS record",
    Area.POLICY: "MTA-STS policy",
    Area.MX: "Mail servers",
    Area.DANE: "DANE",
    Area.TLSRPT: "TLS reports",
    Area.DNSSEC: "DNSSEC",
    Area.NEIGHBOURS: "SPF, DKIM, DMARC and CAA",
}

# By the first word of a code.
_AREAS = {
    "sts": Area.RECORD,
    "policy": Area.POLICY,
    "mx": Area.MX,
    "port": Area.MX,
    "smtp": Area.MX,
    "starttls": Area.MX,
    "requiretls": Area.MX,
    "tls": Area.MX,
    "certificate": Area.MX,
    "dane": Area.DANE,
    "tlsa": Area.DANE,
    "tlsrpt": Area.TLSRPT,
    "dnssec": Area.DNSSEC,
    "zone": Area.DNSSEC,
    "spf": Area.NEIGHBOURS,
    "dkim": Area.NEIGHBOURS,
    "dmarc": Area.NEIGHBOURS,
    "caa": Area.NEIGHBOURS,
}


def area_of(code: str) -> Area:
    """Return the area that a finding's code belongs to; raise ``KeyError`` for no code of ours."""
    return _AREAS[code.partition("-")[0]]
