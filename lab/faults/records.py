"""Faults of the TXT record at ``_mta-sts``."""

from collections.abc import Iterator

from lab.faults.parts import hosted, text
from lab.model import STS_RECORD, LabDomain, Record, ZoneState

BOMB_RECORDS = 200  # of 250 bytes each: near the 64 KiB of any DNS answer

_TEXTS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("record-case", "v=stsv1; id=1;", "in lower case", ("error sts-record-unusable",)),
    (
        "record-space",
        "v = STSv1; id=1;",
        "blanks round the first equals sign",
        ("error sts-record-unusable",),
    ),
    ("record-comma", "v=STSv1, id=1", "a comma for the semicolon", ("error sts-record-unusable",)),
    ("record-quotes", '"v=STSv1; id=1;"', "quotes inside the text", ("error sts-record-unusable",)),
    ("record-escaped", "v=STSv1\\; id=1\\;", "escaped semicolons", ("error sts-record-unusable",)),
    ("record-no-id", "v=STSv1;", "no id", ("error sts-record-no-id",)),
    (
        "record-long-id",
        f"v=STSv1; id={'1' * 33};",
        "an id of 33 letters",
        ("error sts-record-bad-id",),
    ),
    (
        "record-hyphen-id",
        "v=STSv1; id=2026-11-01;",
        "an id with hyphens",
        ("error sts-record-bad-id",),
    ),
    (
        "record-bad-field",
        "v=STSv1; id=1; max age=1;",
        "a field with a blank in its name",
        ("error sts-record-syntax",),
    ),
    ("record-two-ids", "v=STSv1; id=1; id=2;", "two ids", ("warning sts-record-duplicate-field",)),
    (
        "record-blank",
        "v=STSv1 ; id=1;",
        "a blank before the first semicolon",
        ("warning sts-record-blank-before-semicolon",),
    ),
    ("record-double", "v=STSv1;; id=1;", "two semicolons", ("error sts-record-syntax",)),
    ("record-u-label", "v=STSv1; id=ü;", "letters beyond ASCII", ("error sts-record-syntax",)),
    ("record-extension", "v=STSv1; id=1; x-new=1;", "a field that nobody knows yet", ()),
    ("record-policy", "v=STSv1; id=1; mode=enforce; mx=mx.good.test", "the policy in it", ()),
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    for label, record, shows, finds in _TEXTS:
        yield hosted(label, f"record: {shows}", sts_records=(record,), finds=finds)
    yield hosted(
        "record-absent",
        "no record, and no policy host",
        sts_records=(),
        policy_host=None,
        finds=("info sts-record-absent",),
    )
    yield hosted(
        "record-orphan",
        "a policy that no record tells of",
        sts_records=(),
        finds=("warning sts-record-orphan",),
    )
    yield hosted(
        "record-several",
        "two records",
        sts_records=(STS_RECORD, "v=STSv1; id=2;"),
        finds=("error sts-record-several",),
    )
    yield hosted(
        "record-spf",
        "SPF at the record's name",
        sts_records=("v=spf1 -all",),
        finds=("warning sts-record-orphan", "warning sts-record-foreign"),
    )
    yield hosted(
        "record-beside",
        "SPF beside the record",
        sts_records=(STS_RECORD, "v=spf1 -all"),
        finds=("warning sts-record-foreign",),
    )
    yield hosted(
        "record-damaged",
        "a damaged record beside the right one",
        sts_records=(STS_RECORD, "v=STSv1 id=1"),
        finds=("warning sts-record-damaged-beside",),
    )
    yield hosted(
        "record-apex",
        "the record at the domain itself",
        sts_records=(),
        more=(text("record-apex.test", STS_RECORD), text("record-apex.test", "v=spf1 mx -all")),
        finds=("error sts-record-at-apex", "warning sts-record-orphan"),
    )
    yield hosted(
        "record-wildcard",
        "a wildcard TXT record answers in place of the record",
        sts_records=(),
        policy_host=None,
        more=(text("*.record-wildcard.test", "v=spf1 -all"),),
        finds=("info sts-record-foreign",),
    )
    yield _alias(
        "record-dangling",
        "the record is an alias of nothing",
        "_mta-sts.nxdomain.test.",
        finds=("warning sts-record-orphan", "warning sts-record-dangling"),
    )
    yield _alias(
        "record-loop",
        "the record is an alias of itself",
        "_mta-sts.record-loop.test.",
        finds=("unknown sts-record-unknown",),
    )
    yield hosted(
        "record-ring",
        "the record is an alias of an alias of the record",
        sts_records=(),
        more=(
            Record(name="_mta-sts.record-ring.test", rdtype="CNAME", data="a.record-ring.test."),
            Record(name="a.record-ring.test", rdtype="CNAME", data="_mta-sts.record-ring.test."),
        ),
        finds=("unknown sts-record-unknown",),
    )
    yield hosted(
        "record-delegated",
        "record and policy host are delegated to two providers",
        sts_records=(),
        policy_host=None,
        more=(
            Record(
                name="_mta-sts.record-delegated.test", rdtype="CNAME", data="_mta-sts.good.test."
            ),
            Record(
                name="mta-sts.record-delegated.test", rdtype="CNAME", data="mta-sts.cname.test."
            ),
        ),
        finds=(
            "error policy-certificate-wrong-name",
            "warning sts-delegation-split",
            "warning mx-none-covered",
            "warning mx-pattern-without-host",
        ),
    )
    yield hosted(
        "record-bomb",
        f"{BOMB_RECORDS} TXT records of 250 bytes",
        sts_records=tuple(f"v=STSv1; id={number};{'x' * 230}" for number in range(BOMB_RECORDS)),
        finds=("error sts-record-several",),
    )
    yield hosted(
        "record-signed",
        "signed zone; the record is an alias out of it",
        zone=ZoneState.SIGNED,
        sts_records=(),
        more=(
            Record(name="_mta-sts.record-signed.test", rdtype="CNAME", data="_mta-sts.good.test."),
        ),
        finds=("info sts-record-insecure",),
    )
    yield hosted(
        "record-legacy",
        "a reporting record at the name of drafts",
        more=(text("_smtp-tlsrpt.record-legacy.test", "v=TLSRPTv1; rua=mailto:tls@reports.test"),),
        finds=("warning sts-legacy-name",),
    )


def _alias(label: str, shows: str, target: str, finds: tuple[str, ...]) -> LabDomain:
    alias = Record(name=f"_mta-sts.{label}.test", rdtype="CNAME", data=target)
    return hosted(label, shows, sts_records=(), more=(alias,), finds=finds)
