"""Where the names of MTA-STS lead: wrong places, wildcards, aliases, servers that disagree."""

from collections.abc import Iterator

from mailseal.answers import Absent, Answer, Found
from mailseal.checks.correction import lead_to_policy
from mailseal.checks.evidence import AuthorityAnswer, PolicyHostEvidence
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.organisation import organisation_of
from mailseal.checks.reading import Reading
from mailseal.quoting import quote

APEX = Entry(
    code="sts-record-at-apex",
    title="the record of MTA-STS stands at the domain itself",
    about="Senders look at _mta-sts.DOMAIN only; control panels that add the domain by themselves "
    "often put the record somewhere else than was meant.",
    clause="RFC 8461 §3.1",
)
DANGLING = Entry(
    code="sts-record-dangling",
    title="the _mta-sts alias leads nowhere",
    about="_mta-sts is a CNAME, and there is no TXT record where it points to: senders find no "
    "policy. Whoever gets hold of the target decides about the record.",
    clause="RFC 8461 §3.1, §8.2",
)
SPLIT = Entry(
    code="sts-delegation-split",
    title="record and policy are in different hands",
    about="Where the record is delegated by a CNAME and the policy host is not, or to somebody "
    "else, the one changes without the other: a new policy keeps the old id, or a new id comes "
    "without a new policy.",
    clause="RFC 8461 §8.2",
)
WILDCARD_HOST = Entry(
    code="policy-host-wildcard",
    title="the policy host answers by accident",
    about="A wildcard gives any name below the domain an address, mta-sts.DOMAIN among them; what "
    "answers there knows nothing of a policy.",
    clause="RFC 8461 §3.3",
)
LEGACY = Entry(
    code="sts-legacy-name",
    title="a record stands at a name that only drafts knew",
    about="Before RFC 8460 the reporting record was at _smtp-tlsrpt; nobody looks there any more.",
    clause="RFC 8460 §3",
)
AUTHORITIES = Entry(
    code="sts-authorities-differ",
    title="the domain's name servers give different _mta-sts records",
    about="Which record a sender sees depends on the server that it happens to ask, so that "
    "policies come and go.",
    clause="RFC 8461 §3.1",
    is_deep=True,
)

ENTRIES = (APEX, DANGLING, SPLIT, WILDCARD_HOST, LEGACY, AUTHORITIES)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the names, whatever stands there."""
    yield from _judge_apex(reading)
    yield from _judge_alias(reading)
    host = reading.evidence.policy_host
    if host is not None:
        yield from _judge_delegation(reading, host)
        yield from _judge_wildcard(reading, host)
    yield from _judge_legacy(reading)
    yield from _judge_authorities(reading)


def _judge_apex(reading: Reading) -> Iterator[Finding]:
    if not reading.has_record_at_apex:
        return
    is_alone = reading.record is not None and reading.sts_record is None
    remedy, ready = lead_to_policy(reading, "move the record") if is_alone else ("Remove it.", ())
    yield APEX.found(
        Severity.ERROR if is_alone else Severity.WARNING,
        reading.domain,
        seen=f'A TXT record that begins with "v=STSv1" stands at {reading.domain} itself.',
        follows=f"Senders look at _mta-sts.{reading.domain} only, and find no record there."
        if is_alone
        else "Senders do not look there; it only confuses people.",
        remedy=remedy,
        ready=ready,
    )


def _judge_alias(reading: Reading) -> Iterator[Finding]:
    alias, answer = reading.evidence.records.sts_alias, reading.evidence.records.sts
    if not isinstance(alias, Found) or not isinstance(answer, Absent) or _has_wildcard(reading):
        return
    seen = f"_mta-sts.{reading.domain} is an alias of {alias.records[0]}, "
    seen += "which has no TXT record." if answer.is_name_known else "a name that does not exist."
    step = "have the record published at the target, or put it here in place of the CNAME"
    remedy, ready = lead_to_policy(reading, step)
    yield DANGLING.found(
        Severity.WARNING,
        reading.domain,
        seen=seen,
        follows="Senders find no policy. Where the target can be registered by anybody, so can the "
        "record.",
        remedy=remedy,
        ready=ready,
    )


def _judge_delegation(reading: Reading, host: PolicyHostEvidence) -> Iterator[Finding]:
    answer, addresses = reading.evidence.records.sts, _found(host)
    if reading.sts_record is None or not isinstance(answer, Found) or addresses is None:
        return
    # Between a provider's own name and the end there may be a CDN: every step counts.
    domain = organisation_of(reading.domain)
    record_at = _organisations(reading.evidence.records.sts_alias, answer.canonical)
    host_at = _organisations(host.alias, addresses.canonical)
    if domain in record_at or record_at & host_at:
        return
    is_elsewhere = domain not in host_at
    seen = f"The record is delegated to {answer.canonical}, and the policy host "
    seen += f"to {addresses.canonical}." if is_elsewhere else "has an address of its own."
    yield SPLIT.found(
        Severity.WARNING if is_elsewhere else Severity.INFO,
        reading.domain,
        seen=seen,
        follows="Whoever changes the policy cannot change the id, so that senders go on with the "
        "old one; and a new id may come without a new policy.",
        remedy=f"Delegate _mta-sts.{reading.domain} and {host.name} to the same provider, or "
        "publish both yourself.",
    )


def _judge_wildcard(reading: Reading, host: PolicyHostEvidence) -> Iterator[Finding]:
    wildcard, own = reading.evidence.records.unlikely_a, _found(host)
    if not isinstance(wildcard, Found) or own is None:
        return
    is_policy = reading.written is not None and reading.written.policy is not None
    if is_policy or not set(own.records) & set(wildcard.records):
        return
    is_expected = reading.wants_sts
    yield WILDCARD_HOST.found(
        Severity.WARNING if is_expected else Severity.INFO,
        host.name,
        seen=f"{host.name} has the address {wildcard.records[0]} of the wildcard "
        f"*.{reading.domain}, as any other name.",
        follows="Senders that ask for the policy get whatever that server shows."
        if is_expected
        else "It is no policy host; without a record senders do not ask it.",
        remedy=f"Give {host.name} an address of its own, where the policy is served."
        if is_expected
        else "Nothing is to be done as long as there is no record.",
    )


def _judge_legacy(reading: Reading) -> Iterator[Finding]:
    legacy = reading.evidence.records.legacy
    if not isinstance(legacy, Found) or _has_wildcard(reading):
        return
    texts = [b"".join(record) for record in legacy.records]
    meant = [text for text in texts if text.lower().lstrip().startswith(b"v=tlsrpt")]
    if meant:
        yield LEGACY.found(
            Severity.WARNING,
            reading.domain,
            seen=f"_smtp-tlsrpt.{reading.domain} has the record {quote(meant[0])}.",
            follows="Senders look at _smtp._tls only, so that this record brings no reports.",
            remedy=f"Move it to _smtp._tls.{reading.domain}.",
        )


def _judge_authorities(reading: Reading) -> Iterator[Finding]:
    name = f"_mta-sts.{reading.domain}"
    answers: dict[tuple[str, ...], list[AuthorityAnswer]] = {}
    for one in reading.evidence.records.authorities:
        if one.rdtype == "TXT" and one.name == name and one.texts is not None:
            answers.setdefault(tuple(sorted(one.texts)), []).append(one)
    if len(answers) < 2:
        return
    said = "; ".join(_say_answer(*pair) for pair in list(answers.items())[:4])
    yield AUTHORITIES.found(
        Severity.WARNING,
        reading.domain,
        seen=f"TXT at {name} depends on the name server asked: {said}.",
        follows="Some senders see one record and some another, and each change of what they see "
        "makes them fetch the policy again or miss a new one.",
        remedy="Bring the servers in step: check serial numbers and zone transfers.",
    )


def _say_answer(texts: tuple[str, ...], servers: list[AuthorityAnswer]) -> str:
    named = ", ".join(f"{one.server} [{one.address}]" for one in servers[:4])
    has = "has" if len(servers) == 1 else "have"
    return f"{named} {has} {' and '.join(map(quote, texts[:3])) or 'none'}"


def _has_wildcard(reading: Reading) -> bool:
    """Tell whether any name below the domain exists, so that an alias may be one by accident."""
    unlikely = reading.evidence.records.unlikely_txt
    return isinstance(unlikely, Found) or (isinstance(unlikely, Absent) and unlikely.is_name_known)


def _organisations(alias: Answer[str] | None, canonical: str) -> set[str]:
    steps = [*(alias.records if isinstance(alias, Found) else ()), canonical]
    return {organisation_of(step) for step in steps}


def _found(host: PolicyHostEvidence) -> Found[str] | None:
    answers: tuple[Answer[str], ...] = (host.a, host.aaaa)
    return next((answer for answer in answers if isinstance(answer, Found)), None)
