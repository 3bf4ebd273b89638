"""The domains of the lab: one declarative table, from which everything is started.

All are below ``test.``; the names below are without it. ``lab/README.md``
shows this table.
"""

from collections.abc import Iterator
from typing import Any

from lab import danedomains, dnsdomains, policydomains
from lab.ca import Flaw
from lab.model import (
    STS_RECORD,
    LabDomain,
    MxHost,
    PolicyHost,
    Record,
    StartTls,
    policy_host,
    policy_text,
)

# Where an attacker's mail would end up. The impostor holds certificates for
# names that policies allow, but is not called so.
ATTACKER_HOST = "mx.attacker.test"
IMPOSTOR_HOST = "mx.impostor.test"
IMPERSONATED_HOSTS = ("mx.forged.test", "mx.forged-testing.test", "mx.good.test")

# The last word is the finding: an error where the policy enforces, else a warning.
_MX_FAULTS: tuple[tuple[str, Flaw, StartTls, str, str], ...] = (
    (
        "stripped",
        Flaw.NONE,
        StartTls.STRIPPED,
        "an attacker strips STARTTLS on the way",
        "starttls-missing",
    ),
    ("nostarttls", Flaw.NONE, StartTls.MISSING, "the MX offers no STARTTLS", "starttls-missing"),
    (
        "wrongname",
        Flaw.WRONG_NAME,
        StartTls.OFFERED,
        "the MX certificate is for another name",
        "certificate-wrong-name",
    ),
    (
        "expired",
        Flaw.EXPIRED,
        StartTls.OFFERED,
        "the MX certificate has expired",
        "certificate-expired",
    ),
    (
        "selfsigned",
        Flaw.SELF_SIGNED,
        StartTls.OFFERED,
        "the MX certificate is self-signed",
        "certificate-self-signed",
    ),
    (
        "unknownca",
        Flaw.UNKNOWN_CA,
        StartTls.OFFERED,
        "the MX certificate is from an unknown CA",
        "certificate-unknown-ca",
    ),
)


def catalogue() -> tuple[LabDomain, ...]:
    """List every domain of the lab; names and hosts are unique."""
    return (
        *_mail_domains(),
        *danedomains.domains(),
        *policydomains.domains(),
        *dnsdomains.domains(),
        *_attackers(),
    )


def _domain(
    label: str, shows: str, *, mode: str = "enforce", finds: tuple[str, ...] = (), **mx: Any
) -> LabDomain:
    """Declare a domain with one MX ``mx.LABEL.test`` that its policy names."""
    return LabDomain(
        name=f"{label}.test",
        shows=shows,
        mx=(MxHost(name=f"mx.{label}.test", **mx),),
        finds=finds,
        sts_records=(STS_RECORD,),
        policy_host=policy_host(label, mode),
    )


def _mail_domains() -> Iterator[LabDomain]:
    for mode, suffix in (("enforce", ""), ("testing", "-testing")):
        yield _domain(f"good{suffix}", f"{mode}: an honest MX, all is well", mode=mode)
        severity = "error" if mode == "enforce" else "warning"
        for label, flaw, starttls, shows, code in _MX_FAULTS:
            yield _domain(
                f"{label}{suffix}",
                f"{mode}: {shows}",
                mode=mode,
                finds=(f"{severity} {code}",),
                flaw=flaw,
                starttls=starttls,
            )
        yield _domain(
            f"forged{suffix}", f"{mode}: honest until `attack.forge_mx` replaces its MX", mode=mode
        )
    yield _domain("none", "mode none", mode="none", finds=("warning policy-mode-none",))
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
        finds=("warning starttls-missing",),
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
        finds=("error mx-none-covered", "warning mx-pattern-without-host"),
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
        policy_host=policy_host("null-mx"),
    )


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
        finds=("warning certificate-wrong-name",),
    )
