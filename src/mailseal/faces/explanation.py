"""An explanation as text: what was seen, what is in force, what each MTA is told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mailseal.quoting import printable_only

Document = Mapping[str, Any]

_ANSWERS = {
    "dane-required": "DANE is required: deliver only to hosts whose TLSA records match",
    "dane-opportunistic": "DANE where a host has it, else whatever TLS there is",
    "sts-enforced": "the MTA-STS policy is enforced",
    "sts-enforced-narrowed": "the MTA-STS policy is enforced, for the hosts without DANE alone",
    "sts-testing": "as the MTA's own default; the MTA-STS policy is in mode testing",
    "tls-optional": "whatever TLS there is, though the MTA's own default is DANE",
    "opportunistic": "as the MTA's own default",
    "unavailable": "mail has to wait",
}

_SOURCES = {
    "domain": "the domain's own",
    "override": "by the override",
    "pin": "pinned",
}
_PINS = {
    "held": "held whatever the domain serves",
    "available": "counts until the domain has served a policy of its own",
    "replaced": "replaced by the domain's own",
    "expired": "no longer, its list has expired",
}


def render(document: Document) -> str:
    """Return an explanation for a terminal."""
    return "\n".join(
        [
            f"Next hop {document['next_hop']}",
            *_section("Record", _record(document["record"])),
            *_section("Policy host", _fetch(document["fetch"])),
            *_section("Policy in force", _policy(document)),
            *_section_if("Override", document["override"], _override),
            *_section_if("Pin", document["pin"], _pin),
            *_section("Policy that counts", _ruling(document["ruling"])),
            *_section("MX hosts", _exchange(document["exchange"])),
            *_section("Decision", _decision(document["decision"])),
            *_views(document["views"]),
            *_section("Replies", _replies(document["replies"])),
            *_section_if("Replies of zones with rules of their own", document["zones"], _replies),
        ]
    )


def render_policy(policy: Document) -> str:
    """Return a stored policy with its dates for a terminal."""
    return "\n".join([f"{policy['domain']}", *(f"  {line}" for line in _policy_lines(policy))])


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield title
    for line in lines:
        yield f"  {line}"


def _section_if(
    title: str, content: Any, lines: Callable[[Document], Iterator[str]]
) -> Iterator[str]:
    """Write a section only where there is something to say."""
    if content:
        yield from _section(title, lines(content))


def _views(views: Sequence[Document]) -> Iterator[str]:
    """Write what zones with resolvers of their own see and are told."""
    for view in views:
        asked = ", ".join(view["resolvers"])
        zones = ", ".join(view["zones"])
        yield from _section(f"MX hosts for {zones}, by {asked}", _exchange(view["exchange"]))
        yield from _section(f"Decision for {zones}", _decision(view["decision"]))


def _override(override: Document) -> Iterator[str]:
    for name in ("sts", "dane"):
        if override[name]:
            yield f"{name} {override[name]}, for {override['matched']}"
    for pattern in override["mx"]:
        yield f"mx {pattern}"
    if override["expires"]:
        yield f"until {override['expires']}"
    if override["comment"]:
        yield _shown(override["comment"])


def _pin(pin: Document) -> Iterator[str]:
    yield f"mode {pin['mode']}, {_PINS[pin['state']]}"
    for pattern in pin["mx"]:
        yield f"mx {pattern}"
    yield f"list issued {pin['issued']}, expires {pin['expires']}"
    if pin["replaced_at"]:
        yield f"the domain served a policy of its own {pin['replaced_at']}"
    if pin["comment"]:
        yield _shown(pin["comment"])


def _ruling(ruling: Document) -> Iterator[str]:
    if ruling["mode"] is None:
        yield "none, by the override" if ruling["policy_from"] == "override" else "none"
        return
    yield f"mode {ruling['mode']}, {_SOURCES[ruling['policy_from']]}"
    match ruling["mode_changed_by"]:
        case "override":
            yield "its mode is changed by the override"
        case "strict-zone":
            yield "its mode is changed by a strict zone"


def _record(record: Document) -> Iterator[str]:
    match record["state"]:
        case "found" | "unusable":
            for text in record["texts"]:
                yield f'{record["name"]} TXT "{_shown(text)}"'
            yield f"TTL {record['ttl_s']} s, {_signed(record['dnssec'])}"
            if record["id"]:
                yield f"id {record['id']}"
            for finding in record["findings"]:
                yield f"{finding['severity']}: {finding['message']} ({finding['clause']})"
        case "absent":
            yield f"{record['name']}: none ({record['reason']})"
        case "failed":
            yield f"{record['name']}: could not be looked up: {record['reason']}"
        case _:
            yield f"{record['name']}: not asked for"
    if record["seen_at"]:
        yield f"seen {record['seen_at']}"


def _fetch(fetch: Document) -> Iterator[str]:
    yield fetch["url"]
    match fetch["state"]:
        case "fetched":
            yield f"fetched {fetch['at']} from {fetch['address']}, {fetch['size_bytes']} bytes"
        case "failed":
            yield f"failed {fetch['at']}: {fetch['result']}: {fetch['reason']}"
        case _:
            yield "not fetched by the process that answers"
            return
    certificate = fetch["certificate"]
    if certificate:
        yield f"certificate for {_shown(', '.join(certificate['names'][:5]))}"
        yield f"  valid {certificate['not_before']} to {certificate['not_after']}"
        yield f"  issued by {_shown(certificate['issuer'])}"


def _policy(document: Document) -> Iterator[str]:
    if document["policy"] is None:
        because = document["no_policy_because"]
        yield f"none: {_shown(because)}" if because else "none"
        return
    yield from _policy_lines(document["policy"])


def _policy_lines(policy: Document) -> Iterator[str]:
    yield f"mode {policy['mode']}, id {policy['id']}, max_age {policy['max_age']} s"
    for pattern in policy["mx"]:
        yield f"mx {pattern}"
    yield f"fetched {policy['fetched_at']}, expires {policy['expires_at']}"
    yield f"id checked {policy['id_checked_at']}, fetched again by {policy['refetch_at']}"
    failure = policy["failure"]
    if failure:
        yield f"last fetch failed {failure['at']} ({failure['count']} in a row): " + _shown(
            f"{failure['result']}: {failure['reason']}"
        )


def _exchange(exchange: Document) -> Iterator[str]:
    match exchange["state"]:
        case "unknown":
            yield f"unknown: {_shown(exchange['reason'])}"
            if exchange["last_verdict"]:
                yield f"DANE when last known: {exchange['last_verdict']}"
            return
        case "null-mx":
            yield "the domain takes no mail (null MX)"
            return
    if exchange["unvalidated"]:
        yield f"nothing here is proven: {_shown(exchange['unvalidated'])}"
    yield f"MX set {_signed(exchange['dnssec'])}"
    for host in exchange["hosts"]:
        covered = {True: "allowed by the policy", False: "NOT allowed by the policy", None: ""}
        words = [f"{host['preference']:>5} {_shown(host['host'])}"]
        words += [text for text in (covered[host["covered"]], _dane(host)) if text]
        yield ", ".join(words)


def _dane(host: Document) -> str:
    match host["dane"]:
        case None:
            return ""
        case "none":
            return "no DANE"
        case "failed":
            return f"DANE unknown: {_shown(host['reason'])}"
        case state:
            records = "; ".join(host["tlsa"][:3])
            return f"DANE {state}: {_shown(records)}"


def _decision(decision: Document) -> Iterator[str]:
    yield f"{decision['answer']}: {_ANSWERS[decision['answer']]}"
    if decision["reason"]:
        yield _shown(decision["reason"])
    yield (
        f"answered from memory for {decision['usable_for_s']:.0f} s, "
        f"looked up again behind an answer after {decision['fresh_for_s']:.0f} s"
    )


def _replies(replies: Mapping[str, str]) -> Iterator[str]:
    for profile, reply in replies.items():
        yield f"{profile:<13} {reply}"


def _signed(is_secure: bool) -> str:
    return "validated by DNSSEC" if is_secure else "not validated by DNSSEC"


def _shown(text: str) -> str:
    """Return text of strangers so that it cannot move the cursor or colour the screen."""
    return printable_only(text[:500])
