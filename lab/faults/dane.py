"""Faults of TLSA records; whether chains match is tried in full elsewhere."""

from collections.abc import Iterator
from typing import Any

from lab.ca import Flaw
from lab.model import (
    STS_RECORD,
    LabDomain,
    Manner,
    MxHost,
    PolicyHost,
    Record,
    Tlsa,
    ZoneState,
    policy_text,
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    yield _domain(
        "tlsa-unsigned",
        "TLSA records in an unsigned zone",
        zone=ZoneState.UNSIGNED,
        finds=("error dane-mx-insecure",),
    )
    yield _domain(
        "tlsa-issuer",
        "TLSA 2 0 1, and the issuer is not sent",
        flaw=Flaw.NO_INTERMEDIATE,
        tlsa=Tlsa.ISSUER,
        finds=("error certificate-incomplete-chain", "error tlsa-issuer-not-sent"),
    )
    yield _domain(
        "tlsa-issuer-name",
        "TLSA 2 0 1, and the certificate is for another name",
        flaw=Flaw.WRONG_NAME,
        tlsa=Tlsa.ISSUER,
        finds=("error certificate-wrong-name", "error tlsa-issuer-refused"),
    )
    yield _domain(
        "tlsa-expired",
        "TLSA 3 1 1 matches an expired certificate",
        flaw=Flaw.EXPIRED,
        finds=("error certificate-expired", "warning dane-sts-contradict"),
    )
    yield _domain(
        "tlsa-clear",
        "TLSA 3 1 1, and no STARTTLS",
        manner=Manner.MASKED,
        finds=("error starttls-missing", "warning starttls-stripped"),
    )
    yield _domain(
        "tlsa-busy",
        "TLSA 3 1 1, and the host is busy",
        manner=Manner.BUSY_GREETING,
        finds=("unknown smtp-busy",),
    )
    yield _domain(
        "tlsa-two", "TLSA 3 1 1 of this key and of the next", more=("3 1 1 " + "11" * 32,)
    )
    yield _domain(
        "tlsa-selector",
        "TLSA 3 1 1, and one with a selector that does not exist",
        more=("3 9 1 " + "11" * 32,),
        finds=("warning tlsa-unusable",),
    )


def _domain(
    label: str,
    shows: str,
    *,
    zone: ZoneState = ZoneState.SIGNED,
    more: tuple[str, ...] = (),
    finds: tuple[str, ...] = (),
    **host: Any,
) -> LabDomain:
    name = f"mx.{label}.test"
    settings: dict[str, Any] = {"tlsa": Tlsa.MATCHING, "manner": Manner.PLAYED, **host}
    records = tuple(Record(name=f"_25._tcp.{name}", rdtype="TLSA", data=each) for each in more)
    return LabDomain(
        name=f"{label}.test",
        shows=shows,
        zone=zone,
        mx=(MxHost(name=name, **settings),),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", name)),
        more=records,
        finds=finds,
    )
