"""Versions and ciphers of TLS on MX hosts (RFC 8461 §7.2, RFC 8996, RFC 9325)."""

import re
from collections.abc import Iterator

from mailseal.checks.context import each_session, judge_missing_tls, say_loss_by_old_tls
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.reading import Reading
from mailseal.checks.webpki import GOOD_VERSIONS
from mailseal.results import ResultType

OLD = Entry(
    code="tls-version-old",
    title="an MX host speaks only an obsolete TLS",
    about="TLS 1.0 and 1.1 are broken and forbidden; MTA-STS wants 1.2 at least. Many senders no "
    "longer speak anything older.",
    clause="RFC 8461 §7.2, RFC 8996",
    result=ResultType.VALIDATION_FAILURE,
)
OLD_ENABLED = Entry(
    code="tls-old-versions-enabled",
    title="an MX host still accepts an obsolete TLS",
    about="Senders that speak a newer one use that. An attacker may try to talk them down.",
    clause="RFC 8996",
    is_deep=True,
)
NOT_NEWEST = Entry(
    code="tls-1-3-missing",
    title="an MX host does not speak TLS 1.3",
    about="TLS 1.2 is good enough for MTA-STS and DANE; 1.3 is faster and simpler to get right.",
    clause="RFC 9325 §3.1.1",
)
WEAK_CIPHER = Entry(
    code="tls-cipher-weak",
    title="an MX host picks a weak cipher",
    about="Of all that a modern sender offers the host picked a cipher without forward secrecy, "
    "or one that is broken.",
    clause="RFC 9325 §4.1, §4.2",
)

ENTRIES = (OLD, OLD_ENABLED, NOT_NEWEST, WEAK_CIPHER)

_BROKEN = re.compile(r"NULL|EXP|RC4|RC2|(3DES|DES-CBC)|MD5|(^|[-_])(ADH|AECDH|anon)", re.ASCII)
_FORWARD = re.compile(r"^(TLS_(AES|CHACHA20)|(TLS_)?(ECDHE|DHE|EDH))", re.ASCII)

_POSTFIX = "smtpd_tls_mandatory_protocols = >=TLSv1.2\nsmtpd_tls_protocols = >=TLSv1.2"


def check(reading: Reading) -> Iterator[Finding]:
    """Judge what every address negotiated."""
    yield from each_session(reading, _judge)


def _judge(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    tls, deep = one.session.tls, one.session.deep
    if tls is None:
        return
    if tls.version not in GOOD_VERSIONS:
        yield OLD.found(
            judge_missing_tls(reading, host),
            host.name,
            seen=f"{host.name} speaks {tls.version} at best.",
            follows=say_loss_by_old_tls(reading, host),
            remedy="Update the server's TLS library and allow TLS 1.2 and 1.3.",
            ready=(_setting(),),
        )
    elif tls.version == "TLSv1.2":
        yield NOT_NEWEST.found(
            Severity.INFO,
            host.name,
            seen=f"{host.name} speaks TLS 1.2, not 1.3.",
            remedy="Allow TLS 1.3 where the server's TLS library has it.",
        )
    if deep is not None and deep.old_versions and tls.version in GOOD_VERSIONS:
        versions = " and ".join(deep.old_versions)
        yield OLD_ENABLED.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} still accepts {versions}.",
            follows="Senders that offer something better get it; very old ones get weak TLS.",
            remedy="Switch the obsolete versions off, if you can do without such senders.",
            ready=(_setting(),),
        )
    if problem := _judge_cipher(tls.cipher):
        yield WEAK_CIPHER.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} picks {tls.cipher}, {problem}.",
            follows="Whoever records the mail now may read it later.",
            remedy="Let the server prefer ECDHE with AES-GCM or ChaCha20.",
        )


def _judge_cipher(cipher: str) -> str:
    if not cipher:
        return ""
    if _BROKEN.search(cipher):
        return "which is broken"
    return "" if _FORWARD.search(cipher) else "without forward secrecy"


def _setting() -> Ready:
    return Ready(kind=Kind.SETTING, place="Postfix (3.6 or later): main.cf", text=_POSTFIX)
