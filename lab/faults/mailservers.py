"""Faults of MX hosts: what they say, their TLS and their certificates."""

from collections.abc import Iterator
from typing import Any

from lab.ca import Flaw
from lab.model import STS_RECORD, LabDomain, Manner, MxHost, Place, PolicyHost, policy_text

_MANNERS: tuple[tuple[Manner, str, tuple[str, ...]], ...] = (
    (Manner.BUSY_GREETING, "421 in place of a greeting", ("unknown smtp-busy",)),
    (Manner.BUSY_EHLO, "421 to EHLO", ("unknown smtp-busy",)),
    (Manner.BUSY_STARTTLS, "421 to STARTTLS", ("unknown smtp-busy",)),
    (Manner.LATER_STARTTLS, "454 to STARTTLS", ("error starttls-unavailable",)),
    (Manner.GREYLISTING, "451 to EHLO", ("unknown smtp-busy",)),
    (Manner.REJECTING, "554 in place of a greeting", ("unknown smtp-rejected",)),
    (Manner.TARPIT, "no greeting within anybody's patience", ("unknown smtp-unreachable",)),
    (Manner.CLOSING, "it hangs up at once", ("unknown smtp-unreachable",)),
    (Manner.ENDLESS_GREETING, "its greeting never ends", ("unknown smtp-garbled",)),
    (Manner.LONG_LINES, "lines of 64 KiB that never end", ("unknown smtp-garbled",)),
    (Manner.DRIP, "a byte now and then", ("unknown smtp-unreachable",)),
    (Manner.ENDLESS_IN_TLS, "its answer within TLS never ends", ("error smtp-fails-in-tls",)),
    (Manner.WEB_SERVER, "a web server listens there", ("unknown smtp-garbled",)),
    (Manner.NO_ESMTP, "it knows no EHLO", ("error starttls-missing",)),
    (
        Manner.MASKED,
        "a firewall has written XXXXXXXA over STARTTLS",
        ("error starttls-missing", "warning starttls-stripped"),
    ),
    (
        Manner.REFUSING_STARTTLS,
        "it offers STARTTLS and then refuses it",
        ("error starttls-refused",),
    ),
    (Manner.CLOSING_HANDSHAKE, "it hangs up within the handshake", ("unknown smtp-unreachable",)),
    (
        Manner.CLEAR_HANDSHAKE,
        "it goes on in clear where TLS is due",
        ("error tls-handshake-failed",),
    ),
    (Manner.CLOSING_IN_TLS, "it hangs up behind the handshake", ("unknown smtp-fails-in-tls",)),
    (Manner.PLAYED, "all is well", ()),
    (Manner.TLS_1_0, "TLS 1.0 and nothing newer", ("error tls-version-old",)),
)
_DEEP: tuple[tuple[Manner, str, tuple[str, ...]], ...] = (
    (Manner.TLS_1_0_TOO, "TLS 1.0, too", ("warning tls-old-versions-enabled",)),
    (
        Manner.OTHER_WITHOUT_SNI,
        "another certificate to whoever names no host",
        ("warning certificate-differs-without-sni",),
    ),
    (Manner.INJECTABLE, "it runs within TLS what came in clear", ("warning starttls-injection",)),
)
_FLAWS: tuple[tuple[Flaw, str, str, tuple[str, ...]], ...] = (
    (
        Flaw.NOT_YET_VALID,
        "mx-early",
        "its certificate is not valid yet",
        ("error certificate-not-yet-valid",),
    ),
    (
        Flaw.ENDS_SOON,
        "mx-soon",
        "its certificate ends in five days",
        ("warning certificate-expires-soon",),
    ),
    (
        Flaw.NO_INTERMEDIATE,
        "mx-incomplete",
        "it does not send its intermediate certificate",
        ("error certificate-incomplete-chain",),
    ),
    (
        Flaw.COMMON_NAME_ONLY,
        "mx-common-name",
        "its certificate has a common name alone",
        ("error certificate-wrong-name",),
    ),
    (Flaw.WEAK_KEY, "mx-weak-key", "its key has 1024 bits", ("warning certificate-weak-key",)),
    (
        Flaw.FOR_CLIENTS,
        "mx-for-clients",
        "its certificate is for clients",
        ("error certificate-distrusted", "warning certificate-wrong-purpose"),
    ),
    (
        Flaw.DISORDERLY,
        "mx-disorderly",
        "it sends the root before the issuer",
        ("info certificate-chain-disorderly",),
    ),
    (
        Flaw.MANY_NAMES,
        "mx-many-names",
        "its certificate has 10 000 names",
        ("error tls-handshake-failed",),
    ),
)
_SECONDS: tuple[tuple[str, Place, str, tuple[str, ...]], ...] = (
    (
        "second-expired",
        Place(flaw=Flaw.EXPIRED),
        "has an expired certificate",
        ("error certificate-expired", "warning mx-addresses-differ"),
    ),
    (
        "second-other",
        Place(flaw=Flaw.SELF_SIGNED),
        "has a self-signed certificate",
        ("error certificate-self-signed", "warning mx-addresses-differ"),
    ),
    ("second-busy", Place(manner=Manner.BUSY_GREETING), "is busy", ("unknown smtp-busy",)),
    (
        "second-clear",
        Place(manner=Manner.MASKED),
        "offers no STARTTLS",
        ("error starttls-missing", "warning starttls-stripped", "warning starttls-stripped"),
    ),
    ("second-tarpit", Place(manner=Manner.TARPIT), "never greets", ("unknown smtp-unreachable",)),
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    for manner, shows, finds in _MANNERS:
        yield _domain(f"mx-{_label(manner)}", f"MX host: {shows}", manner=manner, finds=finds)
    for manner, shows, finds in _DEEP:
        label = f"mx-{_label(manner)}"
        yield _domain(label, f"MX host: {shows}", manner=manner, is_deep=True, finds=finds)
    for flaw, label, shows, finds in _FLAWS:
        yield _domain(label, f"MX host: {shows}", flaw=flaw, finds=finds)
    yield _domain(
        "mx-weak-cipher",
        "MX host: a cipher without forward secrecy",
        manner=Manner.WEAK_CIPHER,
        flaw=Flaw.RSA,
        finds=("warning tls-cipher-weak",),
    )
    for label, place, shows, finds in _SECONDS:
        told = f"MX host: its second address {shows}"
        yield _domain(label, told, second=place, finds=finds)


def _label(manner: Manner) -> str:
    return manner.value.replace(".", "-")


def _domain(
    label: str,
    shows: str,
    *,
    manner: Manner = Manner.PLAYED,
    is_deep: bool = False,
    finds: tuple[str, ...],
    **host: Any,
) -> LabDomain:
    name = f"mx.{label}.test"
    return LabDomain(
        name=f"{label}.test",
        shows=shows,
        mx=(MxHost(name=name, manner=manner, **host),),
        sts_records=(STS_RECORD,),
        policy_host=PolicyHost(body=policy_text("enforce", name)),
        finds=finds,
        is_deep=is_deep,
    )
