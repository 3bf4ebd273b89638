"""The answer of the policy host: status, headers, size and time (RFC 8461 §3.3)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from mailseal.checks.correction import ready_policy
from mailseal.checks.evidence import Failure, PolicyFetch, PolicyHostEvidence, Trouble
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.publication import policy_host, weigh
from mailseal.checks.reading import Reading
from mailseal.checks.servedpolicy import is_like_policy
from mailseal.checks.webservices import abandoned_at
from mailseal.mtasts.policy import MAX_BODY_BYTES
from mailseal.quoting import quote
from mailseal.results import ResultType

LARGE_BODY_BYTES = 4 * 1024  # RFC 8461 says 64 KiB; some senders stop at 4 KiB, says aykevl/mta-sts
SLOW = timedelta(seconds=5)  # ours: policies that work come in less than one
PATIENCE = timedelta(minutes=1)  # RFC 8461 §3.3 suggests that senders wait so long
STALE = timedelta(days=1)  # ours: senders refetch about daily
WELL_KNOWN = "/.well-known/mta-sts.txt"

_FETCH, _INVALID = ResultType.STS_POLICY_FETCH_ERROR, ResultType.STS_POLICY_INVALID

STATUS = Entry(
    code="policy-status",
    title="the policy host does not answer with status 200",
    about="Senders take a policy only from a response with exactly status 200.",
    clause="RFC 8461 §3.3",
    result=_FETCH,
)
ABANDONED = Entry(
    code="policy-host-abandoned",
    title="a hosting service says that nobody has the policy host's name",
    about="The name leads to a service where no customer claims it any more. Whoever claims it "
    "next can write the domain's policy, certificate included.",
    clause="RFC 8461 §8.2, §10.1",
    result=_FETCH,
)
REDIRECT = Entry(
    code="policy-redirect",
    title="the policy host redirects",
    about="Senders must not follow redirects, neither to another host nor to another path.",
    clause="RFC 8461 §3.3",
    result=_FETCH,
)
USER_AGENT = Entry(
    code="policy-user-agent-blocked",
    title="the policy host turns away programs that are no browser",
    about="A firewall or a bot filter lets browsers in and mail servers not: the page looks well "
    "to people, and senders get no policy.",
    clause="RFC 8461 §3.3",
    result=_FETCH,
)
ELSEWHERE = Entry(
    code="policy-elsewhere",
    title="the policy stands in the wrong place",
    about="Senders ask for https://mta-sts.DOMAIN/.well-known/mta-sts.txt and nothing else.",
    clause="RFC 8461 §3.2, §3.3",
    result=_FETCH,
)
CONTENT_TYPE = Entry(
    code="policy-content-type",
    title="the policy is not served as text/plain",
    about="Senders should refuse other types, since on some hosts anybody may upload files of "
    "other types. mailseal as a sender does refuse them.",
    clause="RFC 8461 §3.2",
    result=_INVALID,
)
ENCODING = Entry(
    code="policy-content-encoding",
    title="the policy is sent compressed",
    about="Senders do not ask for compression, and few can undo it.",
    clause="RFC 8461 §3.3",
    result=_FETCH,
)
LARGE = Entry(
    code="policy-large",
    title="the policy is larger than 4 KiB",
    about="Senders may bound what they read; the RFC suggests 64 kilobytes, some take less.",
    clause="RFC 8461 §3.3",
)
TOO_LARGE = Entry(
    code="policy-too-large",
    title="the policy is larger than 64 KiB",
    about="Senders stop reading at 64 kilobytes and take no policy.",
    clause="RFC 8461 §3.3",
    result=_FETCH,
)
SLOW_ANSWER = Entry(
    code="policy-slow",
    title="the policy host is slow",
    about="Senders wait for a minute at most, many for a few seconds, before they deliver without "
    "the policy.",
    clause="RFC 8461 §3.3",
)
UNFINISHED = Entry(
    code="policy-unfinished",
    title="the policy host does not finish its answer",
    about="TLS came about, and then the response was not HTTP, ended in the middle, or never "
    "ended. A connection that was cut, or for which our own time ran out within the minute that "
    "senders are to wait, proves nothing about others.",
    clause="RFC 8461 §3.3",
    result=_FETCH,
)
STALE_COPY = Entry(
    code="policy-stale-copy",
    title="a cache in front of the policy host serves an old copy",
    about="After a change of the policy and its id, senders may fetch the old policy once more "
    "and keep it under the new id.",
    clause="RFC 8461 §3.3, §8.1",
)

ENTRIES = (
    STATUS,
    ABANDONED,
    REDIRECT,
    USER_AGENT,
    ELSEWHERE,
    CONTENT_TYPE,
    ENCODING,
    LARGE,
    TOO_LARGE,
    SLOW_ANSWER,
    UNFINISHED,
    STALE_COPY,
)

_SEVERITIES = (Severity.INFO, Severity.UNKNOWN, Severity.WARNING, Severity.ERROR)
_NO_POLICY = "Senders get no policy; those that know an older one go on with that."


def check(reading: Reading) -> Iterator[Finding]:
    """Judge every response; what all addresses share is said once."""
    host = policy_host(reading)
    if host is None:
        return
    answered = [one for one in host.fetches if one.tls is not None or one.status is not None]
    found: dict[Finding, list[str]] = {}
    for fetch in answered:
        for finding in _judge(reading, host, fetch):
            found.setdefault(finding, []).append(fetch.address)
    for finding, addresses in found.items():
        yield _place(finding, host, addresses, is_everywhere=len(addresses) == len(answered))


def _place(
    finding: Finding, host: PolicyHostEvidence, addresses: Sequence[str], *, is_everywhere: bool
) -> Finding:
    if is_everywhere:
        return finding
    where = ", ".join(addresses[:4])
    return replace(
        finding,
        severity=min(finding.severity, Severity.WARNING, key=_SEVERITIES.index),
        subject=f"{host.name} [{addresses[0]}]",
        seen=f"At {where}: {finding.seen}",
    )


def _judge(reading: Reading, host: PolicyHostEvidence, fetch: PolicyFetch) -> Iterator[Finding]:
    if fetch.status is None:
        if fetch.failure is not None:
            yield _judge_unfinished(reading, host, fetch, fetch.failure)
        return
    if fetch.status != 200:
        yield _judge_status(reading, host, fetch)
        return
    if fetch.failure is not None:
        yield _judge_unfinished(reading, host, fetch, fetch.failure)
    yield from _judge_head(reading, host, fetch)
    yield from _judge_size(reading, host, fetch)
    if fetch.duration > SLOW and fetch.failure is None:
        yield SLOW_ANSWER.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} took more than {int(SLOW.total_seconds())} seconds to answer.",
            follows="Some senders do not wait that long, and deliver without the policy.",
            remedy="Serve the file from a web server without a slow application behind it.",
        )


def _judge_unfinished(
    reading: Reading, host: PolicyHostEvidence, fetch: PolicyFetch, failure: Failure
) -> Finding:
    begun = "began to answer" if fetch.status is not None else "did not answer"
    is_late = failure.trouble is Trouble.TIMEOUT and fetch.duration > PATIENCE
    is_proven = is_late or failure.trouble not in (Trouble.TIMEOUT, Trouble.CLOSED)
    return UNFINISHED.found(
        weigh(reading) if is_proven else Severity.UNKNOWN,
        host.name,
        seen=f"{host.name} {begun}, and then: {failure.reason}.",
        follows=_NO_POLICY
        if is_proven
        else "Senders that meet the same get no policy, and go on with one they know.",
        remedy="Look at the web server's log, and at what stands in front of it.",
    )


def _judge_status(reading: Reading, host: PolicyHostEvidence, fetch: PolicyFetch) -> Finding:
    status = fetch.status
    assert status is not None
    if 300 <= status < 400:
        target = fetch.header("location") or ""
        return REDIRECT.found(
            weigh(reading),
            host.name,
            seen=f"{host.name} answers with {status} and sends to {quote(target)}."
            if target
            else f"{host.name} answers with the redirect {status}.",
            follows=f"Senders do not follow it. {_NO_POLICY}",
            remedy=f"Serve the file itself at https://{host.name}{WELL_KNOWN}.",
        )
    service = abandoned_at(fetch.body)
    if service:
        return ABANDONED.found(
            weigh(reading),
            host.name,
            seen=f"{host.name} answers with {status} and the page by which {service} says that "
            "nobody has set up this name there.",
            follows="Senders get no policy, and whoever sets the name up there decides what the "
            "policy says.",
            remedy=f"Set the name up at {service} again, or remove the DNS records of {host.name} "
            "and the TXT record.",
        )
    if any(one.address == fetch.address and one.status == 200 for one in host.as_browser):
        return USER_AGENT.found(
            weigh(reading),
            host.name,
            seen=f"{host.name} answers with {status} to a mail server, and with 200 to a browser.",
            follows=_NO_POLICY,
            remedy=f"Except {WELL_KNOWN} from the bot filter of the firewall or CDN.",
        )
    place = _find_elsewhere(host)
    if place:
        return ELSEWHERE.found(
            weigh(reading),
            host.name,
            seen=f"{host.name} answers with {status}, and a policy stands at {place}.",
            follows=_NO_POLICY,
            remedy=f"Serve that file at https://{host.name}{WELL_KNOWN}.",
        )
    return STATUS.found(
        weigh(reading),
        host.name,
        seen=f"{host.name} answers with status {status} instead of 200.",
        follows=_NO_POLICY,
        remedy=f"Serve the policy at https://{host.name}{WELL_KNOWN}.",
        ready=ready_policy(reading, b"")[:1],
    )


def _find_elsewhere(host: PolicyHostEvidence) -> str | None:
    for place, fetch in host.elsewhere:
        if fetch.status == 200 and is_like_policy(fetch.body):
            return f"https://{host.name}{place}" if place.startswith("/") else place
    return None


def _judge_head(
    reading: Reading, host: PolicyHostEvidence, fetch: PolicyFetch
) -> Iterator[Finding]:
    kind = fetch.header("content-type")
    if kind is None or kind.partition(";")[0].strip().lower() != "text/plain":
        seen = "has no Content-Type" if kind is None else f"has the Content-Type {quote(kind)}"
        yield CONTENT_TYPE.found(
            Severity.WARNING,
            host.name,
            seen=f"The policy at {host.name} {seen}.",
            follows="Some senders refuse it, as they should, and get no policy.",
            remedy='Have the web server send "Content-Type: text/plain" for this file.',
        )
    encoding = (fetch.header("content-encoding") or "").strip().lower()
    if encoding not in ("", "identity"):
        yield ENCODING.found(
            weigh(reading),
            host.name,
            seen=f"{host.name} sends the policy with Content-Encoding {quote(encoding)}, which "
            "nobody asked for.",
            follows=_NO_POLICY,
            remedy="Turn compression off for this file.",
        )
    age = fetch.header("age") or ""
    if re.fullmatch(r"[0-9]{1,9}", age, re.ASCII) and timedelta(seconds=int(age)) > STALE:
        yield STALE_COPY.found(
            Severity.INFO,
            host.name,
            seen=f"A cache serves the policy of {host.name}; its copy is more than "
            f"{int(STALE.total_seconds()) // 3600} hours old.",
            follows="After a change senders may fetch the old policy under the new id.",
            remedy="Purge the cache with each change, before the new id is published.",
        )


def _judge_size(
    reading: Reading, host: PolicyHostEvidence, fetch: PolicyFetch
) -> Iterator[Finding]:
    size = len(fetch.body)
    announced = fetch.header("content-length") or ""
    is_cut = not fetch.is_whole and fetch.failure is None
    if size > MAX_BODY_BYTES or is_cut:
        is_known = re.fullmatch(r"[0-9]{1,12}", announced, re.ASCII)
        known = f"{announced} bytes" if is_known else f"more than {MAX_BODY_BYTES} bytes"
        yield TOO_LARGE.found(
            weigh(reading),
            host.name,
            seen=f"What {host.name} serves has {known}; senders read {MAX_BODY_BYTES} bytes.",
            follows=_NO_POLICY,
            remedy="Serve only the policy; a wildcard can stand for many MX hosts.",
        )
    elif size > LARGE_BODY_BYTES:
        yield LARGE.found(
            Severity.WARNING,
            host.name,
            seen=f"The policy at {host.name} has {size} bytes.",
            follows="Senders that read less than that get no policy.",
            remedy="Remove what is not needed; a wildcard can stand for many MX hosts.",
        )
