"""The policy host by address: does each of them answer, and do they serve the same? (RFC 8461
§3.3)"""

from collections.abc import Iterator, Sequence

from mailseal.answers import Absent, Found
from mailseal.checks.addresses import failed_lookups
from mailseal.checks.evidence import PolicyFetch, PolicyHostEvidence, Trouble
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.publication import policy_host, weigh
from mailseal.checks.reading import Reading
from mailseal.mtasts.policy import read_policy
from mailseal.quoting import name_some
from mailseal.results import ResultType

UNKNOWN = Entry(
    code="policy-host-unknown",
    title="the addresses of the policy host could not be looked up",
    about="Senders whose resolver fails, too, get no policy and go on with the one they know. A "
    "and AAAA count each by itself: addresses that another sender finds there were not tested.",
    clause="RFC 8461 §3.3",
    result=ResultType.STS_POLICY_FETCH_ERROR,
)
ABSENT = Entry(
    code="policy-host-absent",
    title="the policy host has no address",
    about="The record says that there is a policy, and mta-sts.DOMAIN, where senders fetch it, "
    "does not exist or has neither an A nor an AAAA record.",
    clause="RFC 8461 §3.3",
    result=ResultType.STS_POLICY_FETCH_ERROR,
)
DANGLING = Entry(
    code="policy-host-dangling",
    title="the policy host is an alias of a name that is gone",
    about="mta-sts.DOMAIN is a CNAME whose target has no address. Where the target can be "
    "registered by anybody, so can the policy of the domain be written by anybody.",
    clause="RFC 8461 §8.2, §10.1",
    result=ResultType.STS_POLICY_FETCH_ERROR,
)
REFUSED = Entry(
    code="policy-host-refused",
    title="the policy host refuses connections on port 443",
    about="Nothing listens for HTTPS at this address.",
    clause="RFC 8461 §3.3",
    result=ResultType.STS_POLICY_FETCH_ERROR,
)
TIMEOUT = Entry(
    code="policy-host-timeout",
    title="the policy host does not answer on port 443",
    about="Connections get no answer: a firewall drops them, or the host is down. Whether other "
    "senders meet the same cannot be seen from one place.",
    clause="RFC 8461 §3.3",
    result=ResultType.STS_POLICY_FETCH_ERROR,
)
CLOSED = Entry(
    code="policy-host-closed",
    title="the policy host drops connections",
    about="TCP connections are reset or closed before a TLS handshake has ended: a firewall, a "
    "proxy without this name, or an overloaded server.",
    clause="RFC 8461 §3.3",
    result=ResultType.STS_POLICY_FETCH_ERROR,
)
NO_TLS = Entry(
    code="policy-host-no-tls",
    title="the policy host does not get through a TLS handshake",
    about="Senders need TLS 1.2 or newer with the name of the policy host (SNI); a server that "
    "does not know the name, or speaks only old versions, ends the handshake.",
    clause="RFC 8461 §3.3, §7.2",
    result=ResultType.STS_WEBPKI_INVALID,
)
UNTESTED = Entry(
    code="policy-host-untested",
    title="addresses of the policy host could not be tested from here",
    about="This machine has no IPv6 or no IPv4, no route, or may not connect to the address; that "
    "says nothing about the host.",
    clause="RFC 8461 §3.3",
)
FAMILY = Entry(
    code="policy-host-family-broken",
    title="the policy host works over IPv4 or over IPv6 only",
    about="It has addresses of both kinds, and those of one kind do not answer: senders that "
    "prefer them wait, or get no policy.",
    clause="RFC 8461 §3.3",
    result=ResultType.STS_POLICY_FETCH_ERROR,
)
DIFFERS = Entry(
    code="policy-host-addresses-differ",
    title="addresses of the policy host serve different files",
    about="Which policy a sender gets depends on the address that it happens to use. Where mode or "
    "mx differ, some senders refuse what others deliver: the verdict is that of the worst of them.",
    clause="RFC 8461 §3.3",
)

ENTRIES = (
    UNKNOWN,
    ABSENT,
    DANGLING,
    REFUSED,
    TIMEOUT,
    CLOSED,
    NO_TLS,
    UNTESTED,
    FAMILY,
    DIFFERS,
)

_PROVEN = {Trouble.REFUSED: REFUSED, Trouble.TLS: NO_TLS}
_SEEN_HERE = {Trouble.TIMEOUT: TIMEOUT, Trouble.CLOSED: CLOSED}
_UNTESTED = (Trouble.UNREACHABLE, Trouble.BLOCKED, Trouble.NO_FAMILY, Trouble.SKIPPED)

_REMEDIES = {
    REFUSED.code: "Have a web server listen on port 443 of this address, or remove the address.",
    TIMEOUT.code: "Let everybody reach port 443 of this address, or remove the address.",
    CLOSED.code: "Look at the web server, and at the firewall or proxy in front of it.",
    NO_TLS.code: "Set up TLS 1.2 and 1.3 for this host name at the web server.",
}


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the addresses of the policy host, where there is to be one."""
    host = policy_host(reading)
    if host is None:
        return
    failed = failed_lookups(host.a, host.aaaa)
    for lookup in failed:
        yield UNKNOWN.found(
            Severity.UNKNOWN,
            host.name,
            seen=f"{lookup.rdtypes} of {host.name} could not be looked up: {lookup.reason}.",
            follows="Senders that meet the same get no policy there.",
            remedy="Check your resolver and the domain's name servers, then check again.",
        )
    if not any(isinstance(answer, Found) for answer in (host.a, host.aaaa)):
        if not failed:
            yield from _judge_missing(reading, host)
        return
    yield from _judge_connections(reading, host)
    yield from _judge_difference(reading, host)


def _judge_missing(reading: Reading, host: PolicyHostEvidence) -> Iterator[Finding]:
    if isinstance(host.alias, Found):
        is_gone = isinstance(host.a, Absent) and not host.a.is_name_known
        what = "does not exist" if is_gone else "has no address"
        yield DANGLING.found(
            weigh(reading),
            host.name,
            seen=f"{host.name} is an alias of {host.alias.records[0]}, which {what}.",
            follows="Senders get no policy. Where the target can be registered by anybody, they "
            "decide what the policy says.",
            remedy="Register the target at the provider again, or remove the alias and the record.",
        )
        return
    yield ABSENT.found(
        weigh(reading),
        host.name,
        seen=f"{host.name} has neither an A nor an AAAA record.",
        follows="Senders see the TXT record and get no policy.",
        remedy=f"Give {host.name} the address of a web server that serves the policy over HTTPS.",
    )


def _judge_connections(reading: Reading, host: PolicyHostEvidence) -> Iterator[Finding]:
    working = [one for one in host.fetches if one.status is not None]
    broken = _is_family_broken(host.fetches)
    if broken:
        what = ", ".join(f"{one.address} ({one.failure.reason})" for one in broken if one.failure)
        yield FAMILY.found(
            Severity.WARNING,
            host.name,
            seen=f"{_family(broken[0])} does not work: {what}. {_family(working[0])} does.",
            follows="Senders that try it first wait, and some of them give up without a policy.",
            remedy=f"Repair {_family(broken[0])} of the web server, or remove those addresses.",
        )
    for trouble, entry in (_PROVEN | _SEEN_HERE).items():
        failed = [one for one in host.fetches if _trouble(one) is trouble and one not in broken]
        if failed:
            yield _judge_failed(reading, host, entry, failed, is_alone=not working)
    untested = [one for one in host.fetches if _trouble(one) in _UNTESTED]
    if untested:
        yield _judge_untested(host, untested, is_alone=len(untested) == len(host.fetches))


def _judge_failed(
    reading: Reading,
    host: PolicyHostEvidence,
    entry: Entry,
    failed: Sequence[PolicyFetch],
    *,
    is_alone: bool,
) -> Finding:
    """Judge failures before any response; what only shows from here proves nothing on its own."""
    is_proven = entry in _PROVEN.values()
    severity = weigh(reading) if is_proven else Severity.UNKNOWN
    what = ", ".join(f"{one.address} ({one.failure.reason})" for one in failed if one.failure)
    follows = "Senders get no policy." if is_proven else "Senders that meet the same get no policy."
    return entry.found(
        severity if is_alone else Severity.WARNING,
        host.name,
        seen=f"{host.name}: {what}.",
        follows=follows if is_alone else "Senders that try it first wait, or get no policy.",
        remedy=_REMEDIES[entry.code],
    )


def _judge_untested(
    host: PolicyHostEvidence, untested: Sequence[PolicyFetch], *, is_alone: bool
) -> Finding:
    what = ", ".join(f"{one.address} ({one.failure.reason})" for one in untested if one.failure)
    return UNTESTED.found(
        Severity.UNKNOWN if is_alone else Severity.INFO,
        host.name,
        seen=f"{host.name} could not be tested at {what}.",
        follows="Whether senders get the policy there is not known.",
        remedy="Check again from a machine that can reach these addresses.",
    )


def _judge_difference(reading: Reading, host: PolicyHostEvidence) -> Iterator[Finding]:
    bodies: dict[bytes, list[str]] = {}
    for one in host.fetches:
        if one.status == 200 and one.is_whole:
            bodies.setdefault(one.body, []).append(one.address)
    if len(bodies) < 2:
        return
    served = "; ".join(
        f"{', '.join(addresses[:4])}: {_describe(body)}"
        for body, addresses in list(bodies.items())[:4]
    )
    policies = [one.policy for one in reading.served]
    is_contrary = len({(one.mode, frozenset(one.usable_patterns)) for one in policies}) > 1
    follows = "Which policy a sender follows depends on the address that it happens to use"
    yield DIFFERS.found(
        weigh(reading) if is_contrary else Severity.WARNING,
        host.name,
        seen=f"{host.name} serves {len(bodies)} different files ({served}).",
        follows=f"{follows}: with one of them mail may be lost that goes through with the other."
        if is_contrary
        else f"{follows}.",
        remedy="Serve the same file at each address, then publish a new id.",
    )


def _describe(body: bytes) -> str:
    policy = read_policy(body).policy
    if policy is None:
        return f"{len(body)} bytes that are no policy"
    hosts = name_some(policy.mx, 3) or "none"
    seconds = int(policy.max_age.total_seconds())
    return f"mode {policy.mode}, max_age {seconds}, mx {hosts}"


def _is_family_broken(fetches: Sequence[PolicyFetch]) -> tuple[PolicyFetch, ...]:
    """Return the fetches of the one address family that fails while the other one works."""
    for family in ("IPv6", "IPv4"):
        own = tuple(one for one in fetches if _family(one) == family)
        others = [one for one in fetches if _family(one) != family]
        is_broken = bool(own) and all(_trouble(one) in {*_PROVEN, *_SEEN_HERE} for one in own)
        if is_broken and others and all(one.status is not None for one in others):
            return own
    return ()


def _family(fetch: PolicyFetch) -> str:
    return "IPv6" if ":" in fetch.address else "IPv4"


def _trouble(fetch: PolicyFetch) -> Trouble | None:
    """Return what kept a fetch from any response; None where one began, or TLS came about."""
    if fetch.failure is None or fetch.status is not None or fetch.tls is not None:
        return None
    return fetch.failure.trouble
