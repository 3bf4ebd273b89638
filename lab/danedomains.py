"""The domains of the lab that are signed, with and without TLSA records."""

from collections.abc import Iterator

from lab.ca import Flaw
from lab.model import (
    STS_RECORD,
    LabDomain,
    MxHost,
    PolicyHost,
    Record,
    Tlsa,
    ZoneState,
    policy_text,
)


def _dane(label: str, shows: str, *mx: MxHost, **more: object) -> LabDomain:
    """Declare a signed domain whose enforce policy names all of its MX hosts."""
    return LabDomain(
        name=f"{label}.test",
        shows=shows,
        zone=ZoneState.SIGNED,
        mx=mx,
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", *(host.name for host in mx))),
        **more,  # type: ignore[arg-type]  # LabDomain's own names
    )


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    yield _dane("signed", "signed zone, enforce, no TLSA", MxHost(name="mx.signed.test"))
    yield _dane(
        "dane-good",
        "TLSA 3 1 1 matches a self-signed certificate: DANE decides, delivered",
        MxHost(name="mx.dane-good.test", flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),
        finds=("error certificate-self-signed", "warning dane-sts-contradict"),
    )
    yield _dane(
        "dane-mismatch",
        "TLSA 3 1 1 matches nothing, certificate and policy are fine: never delivered",
        MxHost(name="mx.dane-mismatch.test", tlsa=Tlsa.MISMATCHING),
        finds=("error tlsa-mismatch", "warning dane-sts-contradict"),
    )
    yield _dane(
        "dane-issuer",
        "TLSA 2 0 1 matches the issuing CA",
        MxHost(name="mx.dane-issuer.test", tlsa=Tlsa.ISSUER),
        finds=("warning tlsa-fragile",),
    )
    yield _dane(
        "dane-unusable",
        "TLSA 1 1 1 only: not usable in SMTP, so the policy decides",
        MxHost(name="mx.dane-unusable.test", tlsa=Tlsa.UNUSABLE),
        finds=("error tlsa-none-usable",),
    )
    yield _dane(
        "dane-first",
        "the best MX has TLSA, the backup has none",
        MxHost(name="mx1.dane-first.test", flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),
        MxHost(name="mx2.dane-first.test", preference=20),
        finds=(
            "error certificate-self-signed",
            "warning dane-sts-contradict",
            "warning dane-partial",
        ),
    )
    yield _dane(
        "dane-last",
        "the best MX has no TLSA, the backup has",
        MxHost(name="mx1.dane-last.test"),
        MxHost(name="mx2.dane-last.test", preference=20, flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),
        finds=(
            "error certificate-self-signed",
            "warning dane-sts-contradict",
            "warning dane-partial",
        ),
    )
    yield _dane(
        "dane-bogus",
        "the TLSA look-up fails (broken signature): deferred",
        MxHost(name="mx.dane-bogus.test", tlsa=Tlsa.BOGUS),
        bogus=(("_25._tcp.mx.dane-bogus.test", "TLSA"),),
        finds=("error tlsa-lookup-failed",),
    )
    yield LabDomain(
        name="dane-nopolicy.test",
        shows="TLSA 3 1 1 matches, no MTA-STS",
        zone=ZoneState.SIGNED,
        mx=(MxHost(name="mx.dane-nopolicy.test", flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),),
    )
    yield LabDomain(
        name="cases.test",
        shows="hosts in each state of DANE, for domains that tests put below it; "
        "the last one's TLSA records have a broken signature",
        zone=ZoneState.SIGNED,
        mx=(
            MxHost(name="u.cases.test", flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING, ports=(25, 587)),
            MxHost(name="v.cases.test", flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),
            MxHost(name="m.cases.test", tlsa=Tlsa.MISMATCHING),
            MxHost(name="x.cases.test", tlsa=Tlsa.UNUSABLE),
            MxHost(name="n.cases.test"),
            MxHost(name="b.cases.test", tlsa=Tlsa.BOGUS),
        ),
        announces_mx=False,
        policy_host=PolicyHost(
            body=policy_text(
                "enforce",
                "*.cases.test",
                "mx.aaaa-fails.test",
                "mx.servfail.test",
                "mx.dane-nopolicy.test",
            )
        ),
        bogus=(("_25._tcp.b.cases.test", "TLSA"),),
        finds=(
            "error mx-no-host",
            "warning sts-record-orphan",
            "warning mx-wildcard-without-host",
            "warning mx-pattern-without-host",
        ),
    )
    yield LabDomain(
        name="dane-insecure-mx.test",
        shows="unsigned MX record to a host of dane-good.test: opportunistic DANE only",
        more=(Record(name="dane-insecure-mx.test", rdtype="MX", data="10 mx.dane-good.test."),),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", "mx.dane-good.test")),
        finds=("error certificate-self-signed", "warning dane-mx-insecure"),
    )
