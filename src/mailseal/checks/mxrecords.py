"""The MX records themselves: that each names a host that mail can go to (RFC 5321 §5.1)."""

import ipaddress
from collections import Counter
from collections.abc import Iterator, Sequence

from mailseal.answers import Absent, Found, LookupFailed, MxRecord
from mailseal.checks.addresses import failed_lookups
from mailseal.checks.evidence import HostEvidence
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.hostreading import HostReading
from mailseal.checks.reading import Reading
from mailseal.names import Domain, NameSyntaxError
from mailseal.quoting import quote

UNKNOWN = Entry(
    code="mx-unknown",
    title="the MX records could not be looked up",
    about="A resolver that fails or stays silent proves no absence. Without the MX records "
    "nothing can be said of the hosts that take the domain's mail.",
    clause="RFC 5321 §5.1",
)
NO_HOST = Entry(
    code="mx-no-host",
    title="no MX record leads to a host",
    about="Where MX records exist, mail goes to the hosts that they name and nowhere else. When "
    "none of them has an address, all mail comes back.",
    clause="RFC 5321 §5.1",
)
HOST_GONE = Entry(
    code="mx-host-gone",
    title="an MX host has no address",
    about="Senders pass it over. A name that nobody owns any more can be registered by somebody "
    "else, who then gets the mail.",
    clause="RFC 5321 §5.1",
)
HOST_UNKNOWN = Entry(
    code="mx-host-unknown",
    title="the addresses of an MX host could not be looked up",
    about="A resolver that fails or stays silent proves no absence. A and AAAA count each by "
    "itself: another sender may find addresses there that nobody has tested.",
    clause="RFC 5321 §5.1",
)
ADDRESS = Entry(
    code="mx-is-address",
    title="an MX record holds an IP address",
    about="An MX record names a host. Senders look the digits up as a name, find nothing, and "
    "pass the record over.",
    clause="RFC 1035 §3.3.9, RFC 5321 §5.1",
)
MALFORMED = Entry(
    code="mx-malformed",
    title="an MX record holds no host name",
    about="What it names cannot be looked up, so that senders pass it over.",
    clause="RFC 1035 §3.3.9, RFC 5321 §2.3.5",
)
ALIAS = Entry(
    code="mx-is-alias",
    title="an MX host is an alias",
    about="MX records must name hosts, not aliases. Most senders follow a CNAME all the same; "
    "certificates and policies have to be for the name in the MX record.",
    clause="RFC 2181 §10.3, RFC 5321 §5.1",
)
LOCALHOST = Entry(
    code="mx-is-local",
    title="an MX host leads into the sender's own network",
    about="A host called localhost, or with a loopback or private address, is another machine "
    "for each sender. Senders pass it over, and their mail comes back.",
    clause="RFC 5321 §5.1, RFC 6890 §2.2",
)
UNDERSCORE = Entry(
    code="mx-underscore",
    title="the name of an MX host has an underscore",
    about="It is a name in DNS and no host name. No public authority issues a certificate for "
    "it, and no exact mx line of a policy can name it.",
    clause="RFC 1123 §2.1, RFC 5321 §2.3.5",
)
DUPLICATE = Entry(
    code="mx-duplicate",
    title="an MX host is named twice",
    about="Senders use the better preference; the other record has no effect.",
    clause="RFC 5321 §5.1",
)
NULL_WITH_OTHERS = Entry(
    code="mx-null-with-others",
    title="a null MX stands beside other MX records",
    about="A null MX says that a domain takes no mail, and must then be its only MX record. "
    "Some senders deliver to the others, some return all mail.",
    clause="RFC 7505 §3",
)

ENTRIES = (
    UNKNOWN,
    NO_HOST,
    HOST_GONE,
    HOST_UNKNOWN,
    ADDRESS,
    MALFORMED,
    ALIAS,
    LOCALHOST,
    UNDERSCORE,
    DUPLICATE,
    NULL_WITH_OTHERS,
)

_LOCAL_NAMES = (".localhost", ".local", ".internal", ".home.arpa", ".invalid")  # RFC 6761, 8375
# RFC 6890: what another network has, too, or nobody
_LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge each MX record, then each host by its addresses."""
    answer = reading.evidence.records.mx
    if isinstance(answer, LookupFailed):
        yield UNKNOWN.found(
            Severity.UNKNOWN,
            reading.domain,
            seen=f"MX of {reading.domain} could not be looked up: {answer.reason}.",
            follows="Which hosts take its mail is not known.",
            remedy="Check your resolver and the domain's name servers, then check again.",
        )
        return
    if isinstance(answer, Found):
        yield from _judge_records(reading, answer.records)
    for host in reading.hosts:
        yield from _judge_host(reading, host)
    yield from _judge_all(reading)


def _judge_records(reading: Reading, records: Sequence[MxRecord]) -> Iterator[Finding]:
    nulls = [record for record in records if record.host in {"", "."}]
    named = [record for record in records if record.host not in {"", "."}]
    if nulls and named:
        yield NULL_WITH_OTHERS.found(
            Severity.ERROR,
            reading.domain,
            seen=f"{reading.domain} has a null MX and {len(named)} other MX records.",
            follows="Some senders return all mail for the domain.",
            remedy='Remove the MX record with the host ".", or all others.',
        )
    for name, count in Counter(record.host for record in named).items():
        yield from _judge_name(reading, name, count)


def _judge_name(reading: Reading, name: str, count: int) -> Iterator[Finding]:
    if count > 1:
        yield DUPLICATE.found(
            Severity.WARNING,
            reading.domain,
            seen=f"{count} MX records name {quote(name)}.",
            follows="Only the best preference counts.",
            remedy="Remove the others.",
        )
    if _is_address(name):
        yield ADDRESS.found(
            Severity.ERROR,
            reading.domain,
            seen=f"An MX record holds the address {name}.",
            follows="Senders pass it over.",
            remedy="Give the host a name with an A or AAAA record, and write that name.",
        )
        return
    try:
        Domain.parse(name)
    except NameSyntaxError:
        yield MALFORMED.found(
            Severity.ERROR,
            reading.domain,
            seen=f"An MX record names {quote(name)}, which is no host name.",
            follows="Senders pass it over.",
            remedy="Write the name of the host, without anything else.",
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _judge_host(reading: Reading, host: HostReading) -> Iterator[Finding]:
    alias = _alias_of(host.evidence)
    if alias:
        yield ALIAS.found(
            Severity.WARNING,
            host.name,
            seen=f"The MX host {host.name} is an alias of {alias}.",
            follows="Some senders do not follow it.",
            remedy="Name the real host in the MX record, or give this name addresses of its own. "
            "Certificate and policy have to be for the name that the MX record has.",
            ready=_propose(reading, host, alias),
        )
    if "_" in host.name:
        yield UNDERSCORE.found(
            Severity.WARNING,
            host.name,
            seen=f"The name of the MX host {host.name} has an underscore.",
            follows="It gets no certificate, so that no policy can be enforced for it.",
            remedy="Give the host another name, with a hyphen for example.",
        )
    yield from _judge_addresses(reading, host)


def _alias_of(host: HostEvidence) -> str:
    if isinstance(host.alias, Found):
        return host.alias.records[0]
    for answer in (host.a, host.aaaa):
        if isinstance(answer, Found) and answer.canonical != host.name:
            return answer.canonical
    return ""


def _propose(reading: Reading, host: HostReading, alias: str) -> tuple[Ready, ...]:
    if isinstance(reading.evidence.records.mx, Absent):
        return ()  # the domain itself is the host: an alias there is none of its MX records
    text = f"MX {host.host.preference} {alias}."
    return (Ready(kind=Kind.RECORD, place=reading.domain, text=text),)


def _judge_addresses(reading: Reading, host: HostReading) -> Iterator[Finding]:
    answers = (host.evidence.a, host.evidence.aaaa)
    addresses = [one for answer in answers if isinstance(answer, Found) for one in answer.records]
    if not reading.evidence.observer.is_inside and _is_local(host.name, addresses):
        shown = f" ({', '.join(addresses[:4])})" if addresses else ""
        yield LOCALHOST.found(
            Severity.ERROR,
            host.name,
            seen=f"The MX host {host.name}{shown} cannot be reached over the Internet.",
            follows="Mail to it comes back, or ends on a machine of the sender.",
            remedy="Name a host with a public address, or publish a null MX if the domain takes "
            "no mail.",
        )
        return
    for lookup in failed_lookups(*answers):
        yield HOST_UNKNOWN.found(
            Severity.UNKNOWN,
            host.name,
            seen=f"{lookup.rdtypes} of the MX host {host.name} could not be looked up: "
            f"{lookup.reason}.",
            follows="Whether mail can be delivered over these addresses is not known.",
            remedy="Check the name servers of its zone, then check again.",
        )


def _is_local(name: str, addresses: Sequence[str]) -> bool:
    return all(map(_is_local_address, addresses)) if addresses else _has_local_name(name)


def _is_local_address(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # saved evidence can hold anything
        return False
    return any(parsed in network for network in _LOCAL_NETWORKS)


def _has_local_name(name: str) -> bool:
    return f".{name}".endswith(_LOCAL_NAMES)


def _judge_all(reading: Reading) -> Iterator[Finding]:
    """Tell hosts without an address, and whether there is any other one."""
    mx = reading.mx
    if mx is None or mx.is_null:
        return
    gone = [host for host in reading.hosts if _is_gone(host.evidence)]
    is_none_left = len(gone) == len(mx.hosts)
    is_implicit = isinstance(reading.evidence.records.mx, Absent)
    for host in gone:
        if _has_local_name(host.name) or is_implicit:
            continue  # said elsewhere
        yield HOST_GONE.found(
            Severity.ERROR if is_none_left else Severity.WARNING,
            host.name,
            seen=f"The MX host {host.name} {_say_gone(host.evidence)}.",
            follows="Senders pass it over. Whoever gets hold of the name gets mail.",
            remedy="Remove the MX record, or give the host its address back.",
        )
    if is_none_left:
        yield NO_HOST.found(
            Severity.ERROR,
            reading.domain,
            seen=_say_no_host(reading),
            follows="No mail can be delivered to the domain.",
            remedy="Check the spelling. If the name is right, see to its registration, and to the "
            "name servers that it is delegated to."
            if reading.is_nowhere
            else "Publish the MX record of a host that takes its mail, or a null MX if it is to "
            "take none.",
            ready=(Ready(kind=Kind.RECORD, place=reading.domain, text="MX 0 ."),)
            if is_implicit and not reading.is_nowhere
            else (),
        )


def _say_no_host(reading: Reading) -> str:
    match reading.evidence.records.mx:
        case Absent(is_name_known=False):
            return f"{reading.domain} does not exist in DNS."
        case Absent():
            return f"{reading.domain} has neither MX records nor an address."
        case _:
            return f"No MX record of {reading.domain} leads to a host with an address."


def _is_gone(host: HostEvidence) -> bool:
    return isinstance(host.a, Absent) and isinstance(host.aaaa, Absent)


def _say_gone(host: HostEvidence) -> str:
    if isinstance(host.a, Absent) and not host.a.is_name_known:
        return "does not exist in DNS"
    return "has no address in DNS"
