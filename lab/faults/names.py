"""Faults of MX records and of what they name."""

from collections.abc import Iterator
from typing import Any

from lab.faults.parts import SHARED_HOST, mx_records, text
from lab.model import STS_RECORD, LabDomain, MxHost, PolicyHost, Record, ZoneState, policy_text

MANY_HOSTS = 40  # more than a checker looks at
MANY_ADDRESSES = 40


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    yield _domain(
        "mx-gone",
        "the MX host has no address",
        "10 nobody.mx-gone.test.",
        finds=(
            "error mx-host-gone",
            "error mx-no-host",
            "warning mx-pattern-without-host",
        ),
    )
    yield _domain(
        "mx-address",
        "the MX record holds an address",
        "10 192.0.2.1.",
        finds=("error mx-is-address", "error mx-no-host", "warning mx-pattern-without-host"),
    )
    yield _domain(
        "mx-gone-too",
        "one of two MX hosts has no address",
        "10 mx.good.test.",
        "20 gone.mx-gone-too.test.",
        finds=("warning mx-host-gone",),
    )
    yield _domain(
        "mx-null-too",
        "a null MX beside another",
        "0 .",
        "10 mx.good.test.",
        finds=("error mx-null-with-others",),
    )
    yield _domain(
        "mx-twice",
        "one MX host with two preferences",
        "10 mx.good.test.",
        "20 mx.good.test.",
        finds=("warning mx-duplicate",),
    )
    yield _domain(
        "mx-alias",
        "the MX host is an alias",
        "10 mail.mx-alias.test.",
        patterns=("mail.mx-alias.test",),
        more=(Record(name="mail.mx-alias.test", rdtype="CNAME", data="mx.good.test."),),
        finds=("error certificate-wrong-name", "warning mx-is-alias"),
    )
    yield _domain(
        "mx-loop",
        "the MX host is an alias of itself",
        "10 mail.mx-loop.test.",
        patterns=("mail.mx-loop.test",),
        more=(Record(name="mail.mx-loop.test", rdtype="CNAME", data="mail.mx-loop.test."),),
        finds=("unknown mx-host-unknown", "warning mx-is-alias"),
    )
    yield LabDomain(
        name="backup-uncovered.test",
        shows="enforce: the backup MX is not in the policy",
        mx=(
            MxHost(name="mx1.backup-uncovered.test"),
            MxHost(name="mx2.backup-uncovered.test", preference=20),
        ),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", "mx1.backup-uncovered.test")),
        finds=("error mx-backup-uncovered",),
    )
    yield LabDomain(
        name="best-uncovered.test",
        shows="testing: the best MX is not in the policy",
        mx=(
            MxHost(name="mx1.best-uncovered.test"),
            MxHost(name="mx2.best-uncovered.test", preference=20),
        ),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("testing", "mx2.best-uncovered.test")),
        finds=("warning mx-best-uncovered",),
    )
    yield LabDomain(
        name="implicit-uncovered.test",
        shows="testing: no MX record, and the policy does not name the domain itself",
        mx=(MxHost(name="implicit-uncovered.test"),),
        announces_mx=False,
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("testing", "mx.implicit-uncovered.test")),
        finds=("warning mx-implicit-uncovered", "warning mx-pattern-without-host"),
    )
    yield _domain(
        "mx-stale",
        "the policy names a host that is no MX host any more",
        "10 mx.good.test.",
        patterns=("mx.good.test", "mx.godo.test"),
        finds=("warning mx-pattern-without-host",),
    )
    yield _domain(
        "mx-wide",
        "two labels where the wildcard stands for one",
        "10 mx.good.test.",
        patterns=("*.test",),
        finds=(
            "error mx-none-covered",
            "warning policy-broad-wildcard",
            "warning mx-wildcard-without-host",
        ),
    )
    yield _domain(
        "mx-many",
        f"{MANY_HOSTS} MX hosts without an address",
        *(f"{number} h{number}.mx-many.test." for number in range(1, MANY_HOSTS + 1)),
        patterns=("*.mx-many.test",),
        finds=(
            "unknown smtp-skipped",  # those beyond the bound
            *("warning mx-host-gone",) * 32,
        ),
    )
    yield _domain(
        "address-many",
        f"an MX host with {MANY_ADDRESSES} addresses, none of which listens",
        "10 mail.address-many.test.",
        patterns=("mail.address-many.test",),
        more=tuple(
            Record(name="mail.address-many.test", rdtype="A", data=f"127.0.29.{number}")
            for number in range(1, MANY_ADDRESSES + 1)
        ),
        finds=("unknown smtp-unreachable",),
    )
    yield _domain(
        "v6-refused",
        "the MX host's IPv6 address refuses connections",
        "10 mail.v6-refused.test.",
        patterns=("mail.v6-refused.test",),
        more=(Record(name="mail.v6-refused.test", rdtype="AAAA", data="::1"),),
        finds=("unknown smtp-unreachable",),
    )
    yield _domain(
        "v6-only",
        "the MX host has an IPv6 address alone, and nobody here has IPv6",
        "10 mail.v6-only.test.",
        patterns=("mail.v6-only.test",),
        more=(Record(name="mail.v6-only.test", rdtype="AAAA", data="2001:db8::25"),),
        finds=("unknown smtp-family-missing",),
    )
    yield _domain(
        "mx-bogus",
        "signed zone, the signature of the MX records is broken",
        "10 mx.good.test.",
        zone=ZoneState.SIGNED,
        bogus=(("mx-bogus.test", "MX"),),
        finds=("error dnssec-bogus", "unknown mx-unknown"),
    )
    yield _domain(
        "apex-bomb",
        "65 kB of TXT records at the domain",
        "10 mx.good.test.",
        more=(
            text("apex-bomb.test", "v=spf1 mx -all"),
            *(text("apex-bomb.test", f"{number:03}" + "x" * 240) for number in range(220)),
        ),
    )


def _domain(
    label: str,
    shows: str,
    *mx: str,
    patterns: tuple[str, ...] = (SHARED_HOST,),
    finds: tuple[str, ...] = (),
    more: tuple[Record, ...] = (),
    **settings: Any,
) -> LabDomain:
    """Declare a domain with MX records of any form, and an enforce policy."""
    name = f"{label}.test"
    return LabDomain(
        name=name,
        shows=shows,
        finds=finds,
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", *patterns)),
        more=(*mx_records(name, *mx), *more),
        **settings,
    )
