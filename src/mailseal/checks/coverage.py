"""The policy against the MX records: may senders that enforce use every host? (RFC 8461 §4.1)"""

from collections.abc import Iterator, Mapping, Sequence

from mailseal.checks.correction import cover, draft_policy, ready_policy
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.checks.similarity import find_mistyped, nearest
from mailseal.dane.exchange import MxHost, MxSet
from mailseal.mtasts.advice import is_placeholder
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode, Policy
from mailseal.quoting import name_some

MAX_NAMED = 6  # ours, of hosts in one sentence
MAX_FILES = 4  # ours, of different files by address: each is told as much as a single one

NONE_COVERED = Entry(
    code="mx-none-covered",
    title="the policy covers no MX host at all",
    about="Senders that enforce the policy have no host that they may deliver to: in mode enforce "
    "all of their mail waits and then comes back.",
    clause="RFC 8461 §4.1, §5.1",
)
BEST_UNCOVERED = Entry(
    code="mx-best-uncovered",
    title="the policy does not cover an MX host of the best preference",
    about="Senders that enforce pass over hosts that no pattern covers; the mail goes to the "
    "others, which are often meant for emergencies only.",
    clause="RFC 8461 §4.1, §5.1",
)
BACKUP_UNCOVERED = Entry(
    code="mx-backup-uncovered",
    title="the policy does not cover a backup MX host",
    about="While the best hosts work nobody notices; when they are down, senders that enforce "
    "have no other.",
    clause="RFC 8461 §4.1, §8.4",
)
IMPLICIT_UNCOVERED = Entry(
    code="mx-implicit-uncovered",
    title="there is no MX record, and the policy does not cover the domain itself",
    about="Without MX records the domain itself is the MX host (RFC 5321 §5.1), and a pattern has "
    "to cover its name.",
    clause="RFC 8461 §4.1, RFC 5321 §5.1",
)
NULL_MX = Entry(
    code="mx-null-with-policy",
    title="a domain that takes no mail has a policy",
    about="A null MX (RFC 7505) says that there is nothing to deliver; a policy has no use.",
    clause="RFC 7505 §3",
)
STALE_PATTERN = Entry(
    code="mx-pattern-without-host",
    title="the policy names a host that is no MX host",
    about="A host of the past, of the future, or a typing mistake. Whoever controls the name may "
    "receive the mail as soon as they can forge DNS answers.",
    clause="RFC 8461 §8.1",
)
IDLE_WILDCARD = Entry(
    code="mx-wildcard-without-host",
    title="a wildcard of the policy covers no MX host",
    about="A star stands for exactly one label: *.example.net covers mx1.example.net, but neither "
    "example.net nor a.b.example.net.",
    clause="RFC 8461 §4.1",
)
WIDE_WILDCARD = Entry(
    code="mx-wildcard-shared",
    title="a wildcard of the policy covers hosts of other customers",
    about="Below the shared name of a provider each customer has a host; whoever forges DNS "
    "answers may send the mail to another customer's. The exact name is safer where it does not "
    "change.",
    clause="RFC 8461 §10.4",
)

ENTRIES = (
    NONE_COVERED,
    BEST_UNCOVERED,
    BACKUP_UNCOVERED,
    IMPLICIT_UNCOVERED,
    NULL_MX,
    STALE_PATTERN,
    IDLE_WILDCARD,
    WIDE_WILDCARD,
)

# Names below which a provider gives each customer a host: what the wildcards of their
# instructions cover.
_SHARED = frozenset({"mail.protection.outlook.com", "mail.eo.outlook.com", "pphosted.com"})


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the policy that is served, in force or not, with the MX set."""
    files = [(one.policy, one.body) for one in reading.strictest]
    if not files and reading.written and reading.written.policy:
        files = [(reading.written.policy, reading.body or b"")]
    mx = reading.mx
    if not files or mx is None or files[0][0].mode is Mode.NONE or not reading.wants_sts:
        return
    if mx.is_null:
        yield _judge_null(reading)
        return
    for policy, body in files[:MAX_FILES]:
        yield from _judge_hosts(reading, policy, body, mx)
        yield from _judge_patterns(reading, policy, mx)


def _judge_null(reading: Reading) -> Finding:
    return NULL_MX.found(
        Severity.INFO,
        reading.domain,
        seen=f"{reading.domain} takes no mail (null MX), and has a policy all the same.",
        follows="Nothing follows: there is no mail to be delivered.",
        remedy="Serve mode none, wait for the max_age that was served before, then remove record "
        "and policy.",
        ready=ready_policy(reading, reading.body or b""),
    )


def _usable(reading: Reading, mx: MxSet) -> tuple[MxHost, ...]:
    """Return the hosts that may have an address: without one a host takes no mail."""
    gone = {host.name for host in reading.hosts if not host.dane.has_address}
    return tuple(host for host in mx.hosts if host.name not in gone)


def _judge_hosts(reading: Reading, policy: Policy, body: bytes, mx: MxSet) -> Iterator[Finding]:
    hosts = _usable(reading, mx)
    uncovered = [host for host in hosts if not policy.covers(host.name)]
    if not uncovered:
        return
    entry = _choose_entry(reading, hosts, uncovered)
    names = _list([f"{host.name} (preference {host.preference})" for host in uncovered])
    is_one = len(uncovered) == 1
    line = f'no "mx:" line{_where(reading, policy)} covers'
    seen = f"{names} {'is an MX host' if is_one else 'are MX hosts'} but {line} "
    seen += "it." if is_one else "them."
    if entry is IMPLICIT_UNCOVERED:
        seen = f"{reading.domain} has no MX record, so that it is its own MX host, and {line} "
        seen += f"{reading.domain}."
    known = [host.name for host in hosts]
    idle = [one.text for one in policy.mx if not one.is_wildcard and one.text not in known]
    mistyped = find_mistyped((host.name for host in uncovered), idle)
    draft = draft_policy(reading, body)
    remedy = _say_remedy(uncovered, mistyped)
    yield entry.found(
        Severity.ERROR if reading.mode is Mode.ENFORCE else Severity.WARNING,
        reading.domain,
        seen=seen + _hint(policy, uncovered, mistyped),
        follows=_say_loss(reading, entry),
        remedy=f"{remedy} {draft.why}" if draft and draft.why else remedy,
        ready=draft.show(reading) if draft else (),
    )


def _where(reading: Reading, policy: Policy) -> str:
    """Say which of several policies is meant."""
    name = reading.name_policy(policy)
    return "" if name == "the policy" else f" of {name}"


def _choose_entry(reading: Reading, hosts: Sequence[MxHost], uncovered: Sequence[MxHost]) -> Entry:
    is_implicit = len(hosts) == 1 and hosts[0].name == reading.domain
    if is_implicit and not _has_mx_records(reading):
        return IMPLICIT_UNCOVERED
    if len(uncovered) == len(hosts):
        return NONE_COVERED
    best = min(host.preference for host in hosts)
    return BEST_UNCOVERED if any(h.preference == best for h in uncovered) else BACKUP_UNCOVERED


def _say_loss(reading: Reading, entry: Entry) -> str:
    losses = {
        NONE_COVERED: "Senders that enforce the policy cannot deliver any mail: it waits in "
        "their queues and comes back after days.",
        IMPLICIT_UNCOVERED: "Senders that enforce the policy cannot deliver any mail.",
        BEST_UNCOVERED: "Senders that enforce the policy do not deliver there; their mail goes to "
        "other hosts, or waits.",
        BACKUP_UNCOVERED: "Senders that enforce the policy do not deliver there, so that their "
        "mail waits while the better hosts are down.",
    }
    loss = losses[entry]
    if reading.mode is Mode.ENFORCE:
        return loss
    then = f"{loss[0].lower()}{loss[1:]}"
    if reading.mode is Mode.TESTING:
        return f"In mode testing it is only reported. With mode enforce, {then}"
    return f"No sender gets this policy today. Once they do and enforce it, {then}"


def _say_remedy(uncovered: Sequence[MxHost], mistyped: Mapping[str, str]) -> str:
    patterns = {str(host.name): cover(host.name) for host in uncovered}
    lines = [f'"mx: {each}"' for name, each in patterns.items() if each and name not in mistyped]
    parts = [
        f'Write "mx: {patterns[name]}" in place of "mx: {wrong}".'
        for name, wrong in mistyped.items()
        if patterns[name]
    ]
    parts += [f"Add {_list(lines)} to the policy."] if lines else []
    parts += ["Then publish a new id."] if parts else []
    bare = [name for name, each in patterns.items() if each is None]
    parts += [f"No pattern can cover {_list(bare)}: give it another name."] if bare else []
    return " ".join(parts)


def _judge_patterns(reading: Reading, policy: Policy, mx: MxSet) -> Iterator[Finding]:
    """Judge what covers nothing, and what covers too much."""
    names = [host.name for host in mx.hosts]
    usable = [host.name for host in _usable(reading, mx)]
    where = _where(reading, policy)
    idle = [one for one in policy.usable_patterns if not any(map(one.matches, names))]
    wildcards = [one for one in idle if one.is_wildcard]
    hosts = [one for one in idle if not one.is_wildcard and not is_placeholder(one)]
    if wildcards:
        yield IDLE_WILDCARD.found(
            Severity.WARNING,
            reading.domain,
            seen=f"{_quote(wildcards)}{where} {_cover(wildcards)} no MX host."
            + "".join(_hint_depth(one, names) for one in wildcards[:MAX_NAMED]),
            follows="It protects nothing, and lets hosts below that name receive the mail if DNS "
            "is forged.",
            remedy="Remove it, or name the hosts that were meant.",
        )
    if hosts:
        pairs = [(one.text, nearest(one.text, usable)) for one in hosts[:MAX_NAMED]]
        hints = "".join(f" Perhaps {meant} is meant by {one}." for one, meant in pairs if meant)
        yield STALE_PATTERN.found(
            Severity.WARNING,
            reading.domain,
            seen=f"{_quote(hosts)}{where} {_cover(hosts)} no MX host of {reading.domain}.{hints}",
            follows="Senders do not go there today. If such a host is given up, others may take "
            "its name and receive the mail once they forge DNS answers.",
            remedy="Remove what is not about to be added to the MX records.",
        )
    for pattern in policy.usable_patterns:
        if pattern.text[2:] in _SHARED and pattern.is_wildcard and pattern not in idle:
            covered = [f'"mx: {name}"' for name in names if pattern.matches(name)]
            yield WIDE_WILDCARD.found(
                Severity.INFO,
                reading.domain,
                seen=f'"mx: {pattern}" covers every customer of that provider.',
                follows="Whoever forges DNS answers may send the mail to another customer's host, "
                "which has a valid certificate.",
                remedy=f"Write {_list(covered)} instead.",
            )


def _quote(patterns: Sequence[MxPattern]) -> str:
    return _list([f'"mx: {pattern}"' for pattern in patterns])


def _cover(patterns: Sequence[MxPattern]) -> str:
    return "covers" if len(patterns) == 1 else "cover"


def _hint(policy: Policy, uncovered: Sequence[MxHost], mistyped: Mapping[str, str]) -> str:
    """Point to the pattern that was probably meant for the first of the hosts."""
    for host in uncovered[:MAX_NAMED]:
        if host.name in mistyped:
            return f' "mx: {mistyped[host.name]}" looks like a typing mistake of {host.name}.'
        for pattern in policy.mx:
            if pattern.is_wildcard and host.name.endswith(pattern.text[1:]):
                return f' The star of "mx: {pattern}" stands for one label only.'
            if pattern.is_wildcard and host.name == pattern.text[2:]:
                return f' "mx: {pattern}" covers names below {host.name}, not {host.name} itself.'
    return ""


def _hint_depth(pattern: MxPattern, names: Sequence[str]) -> str:
    deeper = [name for name in names if name.endswith(pattern.text[1:])]
    if deeper:
        return f" The star stands for one label, and {deeper[0]} has more in front."
    if pattern.text[2:] in names:
        return f" {pattern} covers names below {pattern.text[2:]}, not {pattern.text[2:]} itself."
    return ""


def _has_mx_records(reading: Reading) -> bool:
    return bool(getattr(reading.evidence.records.mx, "records", ()))


def _list(names: Sequence[str]) -> str:
    if len(names) > MAX_NAMED:
        return name_some(names, MAX_NAMED)
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)
