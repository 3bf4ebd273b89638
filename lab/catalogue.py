"""The domains of the lab: one declarative table, from which everything is started.

All are below ``test.``; the names below are without it. ``lab/README.md``
shows this table.
"""

from collections.abc import Iterator

from lab.ca import Flaw
from lab.model import (
    Answer,
    LabDomain,
    MxHost,
    PolicyHost,
    Record,
    StartTls,
    Tlsa,
    ZoneState,
    policy_text,
)

STS_RECORD = "v=STSv1; id=1;"
OVERSIZE_BYTES = 65_537  # one more than RFC 8461 §3.3 asks a sender to accept

# Where an attacker's mail would end up. The impostor holds certificates for
# names that policies allow, but is not called so.
ATTACKER_HOST = "mx.attacker.test"
IMPOSTOR_HOST = "mx.impostor.test"
IMPERSONATED_HOSTS = ("mx.forged.test", "mx.forged-testing.test", "mx.good.test")

_MX_FAULTS: tuple[tuple[str, Flaw, StartTls, str], ...] = (
    ("stripped", Flaw.NONE, StartTls.STRIPPED, "an attacker strips STARTTLS on the way"),
    ("nostarttls", Flaw.NONE, StartTls.MISSING, "the MX offers no STARTTLS"),
    ("wrongname", Flaw.WRONG_NAME, StartTls.OFFERED, "the MX certificate is for another name"),
    ("expired", Flaw.EXPIRED, StartTls.OFFERED, "the MX certificate has expired"),
    ("selfsigned", Flaw.SELF_SIGNED, StartTls.OFFERED, "the MX certificate is self-signed"),
    ("unknownca", Flaw.UNKNOWN_CA, StartTls.OFFERED, "the MX certificate is from an unknown CA"),
)

_HOST_FAULTS: tuple[tuple[str, Answer, Flaw, str], ...] = (
    ("policy-404", Answer.NOT_FOUND, Flaw.NONE, "the policy host answers 404"),
    ("policy-500", Answer.ERROR, Flaw.NONE, "the policy host answers 500"),
    ("policy-redirect", Answer.REDIRECT, Flaw.NONE, "the policy host redirects to a policy"),
    ("policy-html", Answer.HTML, Flaw.NONE, "the policy comes as text/html"),
    ("policy-slow", Answer.HANG, Flaw.NONE, "the policy host never answers"),
    ("policy-dribble", Answer.DRIBBLE, Flaw.NONE, "the policy comes byte by byte"),
    ("policy-refused", Answer.REFUSE, Flaw.NONE, "nothing listens on the policy host"),
    ("policy-wrongname", Answer.POLICY, Flaw.WRONG_NAME, "its certificate is for another name"),
    ("policy-expired", Answer.POLICY, Flaw.EXPIRED, "its certificate has expired"),
    ("policy-selfsigned", Answer.POLICY, Flaw.SELF_SIGNED, "its certificate is self-signed"),
    ("policy-unknownca", Answer.POLICY, Flaw.UNKNOWN_CA, "its certificate is from an unknown CA"),
)


def catalogue() -> tuple[LabDomain, ...]:
    """List every domain of the lab; names and hosts are unique."""
    return (
        *_mail_domains(),
        *_dane_domains(),
        *_policy_domains(),
        *_dns_domains(),
        *_attackers(),
    )


def _host(label: str, mode: str = "enforce") -> PolicyHost:
    return PolicyHost(body=policy_text(mode, f"mx.{label}.test"))


def _domain(label: str, shows: str, *, mode: str = "enforce", **mx: object) -> LabDomain:
    """Declare a domain with one MX ``mx.LABEL.test`` that its policy names."""
    return LabDomain(
        name=f"{label}.test",
        shows=shows,
        mx=(MxHost(name=f"mx.{label}.test", **mx),),  # type: ignore[arg-type]  # MxHost's own names
        sts_records=(STS_RECORD,),
        policy_host=_host(label, mode),
    )


def _mail_domains() -> Iterator[LabDomain]:
    for mode, suffix in (("enforce", ""), ("testing", "-testing")):
        yield _domain(f"good{suffix}", f"{mode}: an honest MX, all is well", mode=mode)
        for label, flaw, starttls, shows in _MX_FAULTS:
            yield _domain(
                f"{label}{suffix}", f"{mode}: {shows}", mode=mode, flaw=flaw, starttls=starttls
            )
        yield _domain(
            f"forged{suffix}", f"{mode}: honest until `attack.forge_mx` replaces its MX", mode=mode
        )
    yield _domain("none", "mode none", mode="none")
    yield _domain("xn--bcher-kva", "enforce: an internationalised name, `bücher.test`")
    yield LabDomain(
        name="nopolicy.test",
        shows="no MTA-STS at all; an honest MX",
        mx=(MxHost(name="mx.nopolicy.test"),),
    )
    yield LabDomain(
        name="plain.test",
        shows="no MTA-STS, and the MX offers no STARTTLS",
        mx=(MxHost(name="mx.plain.test", starttls=StartTls.MISSING),),
    )
    yield LabDomain(
        name="wildcard.test",
        shows="enforce: `mx: *.mx.wildcard.test`, two hosts below it",
        mx=(MxHost(name="a.mx.wildcard.test"), MxHost(name="b.mx.wildcard.test", preference=20)),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", "*.mx.wildcard.test")),
    )
    yield LabDomain(
        name="uncovered.test",
        shows="enforce: the only MX is not in the policy; its certificate is good",
        mx=(MxHost(name="mx.uncovered.test"),),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", "mx2.uncovered.test")),
    )
    yield LabDomain(
        name="implicit-mx.test",
        shows="enforce: no MX record, the domain is its own MX host",
        mx=(MxHost(name="implicit-mx.test"),),
        announces_mx=False,
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", "implicit-mx.test")),
    )
    yield LabDomain(
        name="null-mx.test",
        shows="null MX: takes no mail",
        more=(Record(name="null-mx.test", rdtype="MX", data="0 ."),),
        sts_records=(STS_RECORD,),
        policy_host=_host("null-mx"),
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


def _dane_domains() -> Iterator[LabDomain]:
    yield _dane("signed", "signed zone, enforce, no TLSA", MxHost(name="mx.signed.test"))
    yield _dane(
        "dane-good",
        "TLSA 3 1 1 matches a self-signed certificate: DANE decides, delivered",
        MxHost(name="mx.dane-good.test", flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),
    )
    yield _dane(
        "dane-mismatch",
        "TLSA 3 1 1 matches nothing, certificate and policy are fine: never delivered",
        MxHost(name="mx.dane-mismatch.test", tlsa=Tlsa.MISMATCHING),
    )
    yield _dane(
        "dane-issuer",
        "TLSA 2 0 1 matches the issuing CA",
        MxHost(name="mx.dane-issuer.test", tlsa=Tlsa.ISSUER),
    )
    yield _dane(
        "dane-unusable",
        "TLSA 1 1 1 only: not usable in SMTP, so the policy decides",
        MxHost(name="mx.dane-unusable.test", tlsa=Tlsa.UNUSABLE),
    )
    yield _dane(
        "dane-first",
        "the best MX has TLSA, the backup has none",
        MxHost(name="mx1.dane-first.test", flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),
        MxHost(name="mx2.dane-first.test", preference=20),
    )
    yield _dane(
        "dane-last",
        "the best MX has no TLSA, the backup has",
        MxHost(name="mx1.dane-last.test"),
        MxHost(name="mx2.dane-last.test", preference=20, flaw=Flaw.SELF_SIGNED, tlsa=Tlsa.MATCHING),
    )
    yield _dane(
        "dane-bogus",
        "the TLSA look-up fails (broken signature): deferred",
        MxHost(name="mx.dane-bogus.test", tlsa=Tlsa.BOGUS),
        bogus=(("_25._tcp.mx.dane-bogus.test", "TLSA"),),
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
    )
    yield LabDomain(
        name="dane-insecure-mx.test",
        shows="unsigned MX record to a host of dane-good.test: opportunistic DANE only",
        more=(Record(name="dane-insecure-mx.test", rdtype="MX", data="10 mx.dane-good.test."),),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", "mx.dane-good.test")),
    )


def _policy_domains() -> Iterator[LabDomain]:
    for label, answer, flaw, shows in _HOST_FAULTS:
        yield LabDomain(
            name=f"{label}.test",
            shows=shows,
            mx=(MxHost(name=f"mx.{label}.test"),),
            sts_records=(STS_RECORD,),
            policy_host=PolicyHost(
                body=policy_text("enforce", f"mx.{label}.test"), answer=answer, flaw=flaw
            ),
        )
    oversize = policy_text("enforce", "mx.policy-oversize.test")
    oversize += "padding: " + "x" * (OVERSIZE_BYTES - len(oversize) - 11) + "\r\n"
    bodies = (
        ("policy-oversize", oversize, f"a valid policy of {OVERSIZE_BYTES} bytes"),
        ("policy-broken", "version: STSv1\r\nmode: enforce\r\n", "a policy without mx and max_age"),
        (
            "policy-smuggle",
            policy_text("enforce", "mx.policy-smuggle.test", "x servername=evil policy_type=no"),
            "a policy line that tries to smuggle attributes into the MTA's answer",
        ),
    )
    for label, body, shows in bodies:
        yield LabDomain(
            name=f"{label}.test",
            shows=shows,
            mx=(MxHost(name=f"mx.{label}.test"),),
            sts_records=(STS_RECORD,),
            policy_host=PolicyHost(body=body),
        )


def _dns_domains() -> Iterator[LabDomain]:
    yield LabDomain(
        name="txt-duplicate.test",
        shows="two MTA-STS records: as good as none",
        mx=(MxHost(name="mx.txt-duplicate.test"),),
        sts_records=("v=STSv1; id=1;", "v=STSv1; id=2;"),
        policy_host=_host("txt-duplicate"),
    )
    yield LabDomain(
        name="txt-broken.test",
        shows="an MTA-STS record without an id",
        mx=(MxHost(name="mx.txt-broken.test"),),
        sts_records=("v=STSv1;",),
        policy_host=_host("txt-broken"),
    )
    yield LabDomain(
        name="txt-bogus.test",
        shows="signed zone, the signature of the MTA-STS record is broken",
        zone=ZoneState.SIGNED,
        mx=(MxHost(name="mx.txt-bogus.test"),),
        sts_records=(STS_RECORD,),
        policy_host=_host("txt-bogus"),
        bogus=(("_mta-sts.txt-bogus.test", "TXT"),),
    )
    yield LabDomain(
        name="cname.test",
        shows="enforce: the MTA-STS record is a CNAME into another zone",
        mx=(MxHost(name="mx.cname.test"),),
        more=(Record(name="_mta-sts.cname.test", rdtype="CNAME", data="_mta-sts.good.test."),),
        policy_host=_host("cname"),
    )
    yield LabDomain(
        name="bogus.test",
        shows="every signature of the zone is broken",
        zone=ZoneState.BOGUS,
        mx=(MxHost(name="mx.bogus.test"),),
        sts_records=(STS_RECORD,),
        policy_host=_host("bogus"),
    )
    yield LabDomain(
        name="servfail.test", shows="its name server answers SERVFAIL", zone=ZoneState.FAILING
    )
    yield LabDomain(
        name="aaaa-fails.test",
        shows="its name server answers SERVFAIL to everything but type A",
        zone=ZoneState.A_ONLY,
        mx=(MxHost(name="mx.aaaa-fails.test"),),
    )
    yield LabDomain(
        name="timeout.test", shows="its name server never answers", zone=ZoneState.SILENT
    )
    yield LabDomain(name="nxdomain.test", shows="does not exist", zone=ZoneState.ABSENT)


def _attackers() -> Iterator[LabDomain]:
    yield LabDomain(
        name="attacker.test",
        shows="the attacker's MX, with a valid certificate of its own name",
        mx=(MxHost(name=ATTACKER_HOST),),
    )
    yield LabDomain(
        name="impostor.test",
        shows="the attacker's MX, with a valid certificate for names that policies allow",
        mx=(MxHost(name=IMPOSTOR_HOST, certificate_names=IMPERSONATED_HOSTS),),
    )
