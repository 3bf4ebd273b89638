"""Faults of the record at ``_smtp._tls``, and who gets everybody's reports."""

from collections.abc import Iterator

from lab.faults.parts import hosted, text
from lab.model import LabDomain, Record

_TEXTS: tuple[tuple[str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    (
        "several",
        ("v=TLSRPTv1; rua=mailto:a@reports.test", "v=TLSRPTv1; rua=mailto:b@reports.test"),
        "two records",
        ("error tlsrpt-several",),
    ),
    ("no-rua", ("v=TLSRPTv1;",), "no address", ("error tlsrpt-no-address",)),
    (
        "http",
        ("v=TLSRPTv1; rua=http://reports.test/",),
        "an address without TLS",
        ("error tlsrpt-no-address",),
    ),
    (
        "bad-address",
        ("v=TLSRPTv1; rua=mailto:a@reports.test,tls@reports.test",),
        "an address without scheme",
        ("warning tlsrpt-bad-address",),
    ),
    (
        "damaged",
        ("v=tlsrptv1; rua=mailto:a@reports.test",),
        "in lower case",
        ("error tlsrpt-unusable",),
    ),
    ("spf", ("v=spf1 -all",), "SPF at the record's name", ("warning tlsrpt-absent",)),
    (
        "gone",
        ("v=TLSRPTv1; rua=mailto:a@nxdomain.test",),
        "an address at a domain that does not exist",
        ("warning tlsrpt-recipient-gone",),
    ),
    (
        "null",
        ("v=TLSRPTv1; rua=mailto:a@null-mx.test",),
        "an address at a domain that takes no mail",
        ("warning tlsrpt-recipient-gone",),
    ),
    (
        "twice",
        ("v=TLSRPTv1; rua=mailto:a@reports.test,mailto:a@reports.test",),
        "the same address twice",
        ("warning tlsrpt-odd",),
    ),
    (
        "two",
        ("v=TLSRPTv1; rua=mailto:a@reports.test,https://reports.test/",),
        "two addresses",
        ("info tlsrpt-several-addresses",),
    ),
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    yield hosted("reports", "where the reports about the lab's domains go")
    for label, records, shows, finds in _TEXTS:
        name = f"_smtp._tls.reports-{label}.test"
        more = tuple(text(name, one) for one in records)
        yield hosted(f"reports-{label}", f"reports: {shows}", more=more, finds=finds)
    yield hosted(
        "reports-absent",
        "reports: no record, and no neighbours either",
        has_neighbours=False,
        finds=("warning tlsrpt-absent",),
    )
    yield hosted(
        "reports-dangling",
        "reports: an alias of nothing",
        more=(
            Record(
                name="_smtp._tls.reports-dangling.test", rdtype="CNAME", data="x.nxdomain.test."
            ),
        ),
        finds=("warning tlsrpt-dangling",),
    )
    yield hosted(
        "reports-within",
        "reports: an address at the domain itself",
        more=(
            text("_smtp._tls.reports-within.test", "v=TLSRPTv1; rua=mailto:a@reports-within.test"),
        ),
        finds=("info tlsrpt-recipient-within",),
    )
