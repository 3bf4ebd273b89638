"""The domains of the lab whose records or name servers have a fault that senders meet."""

from collections.abc import Iterator

from lab.model import (
    STS_RECORD,
    LabDomain,
    MxHost,
    Record,
    ZoneState,
    policy_host,
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    yield LabDomain(
        name="txt-duplicate.test",
        shows="two MTA-STS records: as good as none",
        mx=(MxHost(name="mx.txt-duplicate.test"),),
        sts_records=("v=STSv1; id=1;", "v=STSv1; id=2;"),
        policy_host=policy_host("txt-duplicate"),
        finds=("error sts-record-several",),
    )
    yield LabDomain(
        name="txt-broken.test",
        shows="an MTA-STS record without an id",
        mx=(MxHost(name="mx.txt-broken.test"),),
        sts_records=("v=STSv1;",),
        policy_host=policy_host("txt-broken"),
        finds=("error sts-record-no-id",),
    )
    yield LabDomain(
        name="txt-bogus.test",
        shows="signed zone, the signature of the MTA-STS record is broken",
        zone=ZoneState.SIGNED,
        mx=(MxHost(name="mx.txt-bogus.test"),),
        sts_records=(STS_RECORD,),
        policy_host=policy_host("txt-bogus"),
        bogus=(("_mta-sts.txt-bogus.test", "TXT"),),
        finds=("error dnssec-bogus", "unknown sts-record-unknown"),
    )
    yield LabDomain(
        name="cname.test",
        shows="enforce: the MTA-STS record is a CNAME into another zone",
        mx=(MxHost(name="mx.cname.test"),),
        more=(Record(name="_mta-sts.cname.test", rdtype="CNAME", data="_mta-sts.good.test."),),
        policy_host=policy_host("cname"),
    )
    yield LabDomain(
        name="bogus.test",
        shows="every signature of the zone is broken",
        zone=ZoneState.BOGUS,
        mx=(MxHost(name="mx.bogus.test"),),
        sts_records=(STS_RECORD,),
        policy_host=policy_host("bogus"),
        finds=(
            "error dnssec-bogus",
            "unknown sts-record-unknown",
            "unknown mx-unknown",
            "unknown tlsrpt-unknown",
            "unknown spf-unknown",
            "unknown dmarc-unknown",
            "unknown caa-unknown",
        ),
    )
    yield LabDomain(
        name="servfail.test",
        shows="its name server answers SERVFAIL",
        zone=ZoneState.FAILING,
        finds=(
            "unknown sts-record-unknown",
            "unknown mx-unknown",
            "unknown tlsrpt-unknown",
            "unknown spf-unknown",
            "unknown dmarc-unknown",
            "unknown caa-unknown",
        ),
    )
    yield LabDomain(
        name="aaaa-fails.test",
        shows="its name server answers SERVFAIL to everything but type A",
        zone=ZoneState.A_ONLY,
        mx=(MxHost(name="mx.aaaa-fails.test"),),
        finds=(
            "unknown sts-record-unknown",
            "unknown mx-unknown",
            "unknown tlsrpt-unknown",
            "unknown spf-unknown",
            "unknown dmarc-unknown",
            "unknown caa-unknown",
        ),
    )
    yield LabDomain(
        name="timeout.test",
        shows="its name server never answers",
        zone=ZoneState.SILENT,
        finds=(
            "unknown sts-record-unknown",
            "unknown mx-unknown",
            "unknown tlsrpt-unknown",
            "unknown spf-unknown",
            "unknown dmarc-unknown",
            "unknown caa-unknown",
        ),
    )
    yield LabDomain(
        name="nxdomain.test",
        shows="does not exist",
        zone=ZoneState.ABSENT,
        finds=("error mx-no-host",),
    )
