"""DKIM keys of the selectors that were asked about (RFC 6376 §3.6): a neighbour."""

from collections.abc import Iterator

from mailseal.answers import Absent, Found, LookupFailed
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.mailauth.dkim import (
    GOOD_RSA_BITS,
    MIN_RSA_BITS,
    DkimKey,
    DkimSyntaxError,
    parse_key,
)

UNKNOWN = Entry(
    code="dkim-unknown",
    title="a DKIM key could not be looked up",
    about="A resolver that fails or stays silent proves no absence.",
    clause="RFC 6376 §3.6.2",
)
ABSENT = Entry(
    code="dkim-absent",
    title="there is no DKIM key at a selector",
    about="Signatures that name the selector cannot be verified. Which selectors a domain uses "
    "cannot be found out; those that are looked at were named by whoever asked.",
    clause="RFC 6376 §3.6.2",
)
PRESENT = Entry(
    code="dkim-present",
    title="a DKIM key is published",
    about="Signatures by this key can be verified.",
    clause="RFC 6376 §3.6.1",
)
SEVERAL = Entry(
    code="dkim-several",
    title="there is more than one record at a selector",
    about="Which of them receivers use is left to chance.",
    clause="RFC 6376 §3.6.2.2",
)
SYNTAX = Entry(
    code="dkim-syntax",
    title="a DKIM key cannot be read",
    about="No signature can be verified by it. Long keys are often cut short when a control "
    "panel takes one string only.",
    clause="RFC 6376 §3.6.1",
)
REVOKED = Entry(
    code="dkim-revoked",
    title="a DKIM key was revoked",
    about="An empty key says that signatures by it are void.",
    clause="RFC 6376 §3.6.1",
)
WEAK = Entry(
    code="dkim-weak",
    title="a DKIM key is short",
    about="Verifiers refuse RSA keys below 1024 bits, and 2048 are asked of signers.",
    clause="RFC 8301 §3.2",
)
TESTING = Entry(
    code="dkim-testing",
    title="a DKIM key is marked as a test",
    about="Receivers are asked to treat mail signed by it as if it were not signed.",
    clause="RFC 6376 §3.6.1",
)

ENTRIES = (UNKNOWN, ABSENT, PRESENT, SEVERAL, SYNTAX, REVOKED, WEAK, TESTING)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the record of each selector."""
    for lookup in reading.evidence.records.dkim:
        name = f"{lookup.selector}._domainkey.{reading.domain}"
        match lookup.answer:
            case LookupFailed(reason=reason):
                yield UNKNOWN.found(
                    Severity.UNKNOWN,
                    name,
                    seen=f"TXT of {name} could not be looked up: {reason}.",
                    follows="Whether signatures can be verified is not known.",
                    remedy="Check your resolver and the domain's name servers, then check again.",
                )
            case Absent():
                yield ABSENT.found(
                    Severity.WARNING,
                    name,
                    seen=f"There is no TXT record at {name}.",
                    follows="Signatures with this selector cannot be verified.",
                    remedy="Publish the key, or stop signing with this selector.",
                )
            case Found(records=records) if len(records) > 1:
                yield SEVERAL.found(
                    Severity.WARNING,
                    name,
                    seen=f"There are {len(records)} TXT records at {name}.",
                    follows="Signatures are verified by chance.",
                    remedy="Leave the record with the key in use.",
                )
            case Found(records=records):
                yield from _judge_record(name, b"".join(records[0]))


def _judge_record(name: str, text: bytes) -> Iterator[Finding]:
    try:
        key = parse_key(text)
    except DkimSyntaxError as error:
        yield SYNTAX.found(
            Severity.WARNING,
            name,
            seen=f"The key at {name} cannot be read: {error}.",
            follows="Signatures with this selector cannot be verified.",
            remedy="Publish the whole key, in several strings if it is longer than 255 characters.",
        )
        return
    if key.is_revoked:
        yield REVOKED.found(
            Severity.INFO,
            name,
            seen=f"The key at {name} was revoked.",
            follows="Signatures with this selector are void.",
            remedy="Make sure that nothing signs with it any more.",
        )
        return
    yield PRESENT.found(Severity.INFO, name, seen=_say_present(name, key))
    if key.kind == "rsa" and key.bits < GOOD_RSA_BITS:
        is_refused = key.bits < MIN_RSA_BITS
        yield WEAK.found(
            Severity.WARNING if is_refused else Severity.INFO,
            name,
            seen=f"The key at {name} has {key.bits} bits.",
            follows="Receivers take mail signed by it for unsigned."
            if is_refused
            else "It is accepted today, and not for much longer.",
            remedy=f"Sign with a key of {GOOD_RSA_BITS} bits.",
        )
    if key.is_testing:
        yield TESTING.found(
            Severity.INFO,
            name,
            seen=f"The key at {name} is marked as a test (t=y).",
            follows="Receivers may treat mail signed by it as unsigned.",
            remedy="Remove t=y when signing works.",
        )


def _say_present(name: str, key: DkimKey) -> str:
    kind = f"RSA, {key.bits} bits" if key.kind == "rsa" else "Ed25519"
    use = "" if key.is_for_mail else ", for other services than mail"
    return f"There is a key at {name} ({kind}{use})."
