"""A judgement laid out area by area: what is there, in the owner's words, with its marks."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mailseal.answers import Absent, Answer, Found, LookupFailed
from mailseal.checks.areas import Area, area_of
from mailseal.checks.evidence import Depth
from mailseal.checks.finding import Finding
from mailseal.checks.hostreading import HostReading
from mailseal.checks.hostviews import view_hosts, view_policy_addresses
from mailseal.checks.judge import Judgement
from mailseal.checks.overview import (
    AreaView,
    Fact,
    Mark,
    MxView,
    Overview,
    is_statement,
    mark_of,
    worst,
)
from mailseal.checks.reading import Reading
from mailseal.dane.exchange import ExchangeUnknown
from mailseal.dane.match import Standing

MAX_TEXT_CHARS = 300  # ours: of one record; the longest useful one of these has some 200
MAX_SHOWN = 20  # ours: records at one name, or mx lines; more is no mistake of one line
_TOLD = ("-present", "-signed")  # the facts say as much
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60}
_NEIGHBOURS = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC", "caa": "CAA"}


def lay_out(judgement: Judgement) -> Overview:
    """Return what a report on the domain shows."""
    reading = judgement.reading
    findings = judgement.findings
    hosts = view_hosts(reading, findings)
    facts = {
        Area.RECORD: tuple(_record(reading)),
        Area.POLICY: tuple(_policy(reading)),
        Area.MX: tuple(_mx(reading)),
        Area.DANE: tuple(_dane(reading, hosts)),
        Area.TLSRPT: tuple(_tlsrpt(reading)),
        Area.DNSSEC: tuple(_dnssec(reading)),
        Area.NEIGHBOURS: tuple(_neighbours(findings)),
    }
    return Overview(
        areas=tuple(
            _view(area, facts[area], findings, is_shown_good=area is Area.MX and _has_tls(hosts))
            for area in Area
        ),
        policy_addresses=view_policy_addresses(reading, findings),
        mx_hosts=hosts,
    )


def _has_tls(hosts: Sequence[MxView]) -> bool:
    """Tell whether TLS came about anywhere: the table of mail servers takes the place of facts."""
    return any(one.tls.mark is Mark.GOOD for host in hosts for one in host.addresses)


def _view(
    area: Area, facts: tuple[Fact, ...], findings: Sequence[Finding], *, is_shown_good: bool
) -> AreaView:
    own = tuple(one for one in findings if area_of(one.code) is area)
    told = tuple(
        Fact(label="", text=one.seen)
        for one in own
        if is_statement(one) and not one.code.endswith(_TOLD) and area is not Area.NEIGHBOURS
    )
    found = worst(mark_of(one.severity) for one in own)
    is_shown_good = is_shown_good or any(one.mark is Mark.GOOD for one in facts)
    if found is Mark.GOOD and not is_shown_good:
        found = worst(one.mark for one in facts) if facts else Mark.NONE
    return AreaView(area=area, mark=found, facts=(*facts, *told), findings=own)


# -- areas ----------------------------------------------------------------------------------


def _record(reading: Reading) -> Iterator[Fact]:
    mark = Mark.GOOD if reading.sts_record else Mark.WARNING
    yield from _texts(f"_mta-sts.{reading.domain}", reading.evidence.records.sts, mark)


def _policy(reading: Reading) -> Iterator[Fact]:
    policy = reading.served_policy
    if reading.evidence.depth is Depth.DNS:
        yield Fact(label="policy", text="not asked for: only DNS was looked at", mark=Mark.NONE)
    if policy is None:
        if reading.fetches:
            mark = Mark.WARNING if reading.wants_sts else Mark.NONE
            yield Fact(label="policy", text="none that senders would use", mark=mark)
        elif reading.evidence.depth is not Depth.DNS:
            yield Fact(label="policy", text="no policy host was found", mark=Mark.NONE)
        return
    yield Fact(label="mode", text=policy.mode.value)
    yield Fact(label="max_age", text=_duration(policy.max_age))
    for number, pattern in enumerate(policy.mx[:MAX_SHOWN]):
        yield Fact(label="" if number else "mx", text=str(pattern))
    if len(policy.mx) > MAX_SHOWN:
        yield Fact(label="", text=f"and {len(policy.mx) - MAX_SHOWN} more")


def _mx(reading: Reading) -> Iterator[Fact]:
    if isinstance(reading.exchange, ExchangeUnknown):
        yield Fact(label="MX", text=reading.exchange.reason, mark=Mark.UNKNOWN)
        return
    mx = reading.exchange.mx
    if mx.is_null:
        yield Fact(label="MX", text="none: the domain takes no mail (null MX)", mark=Mark.NONE)
    elif not mx.hosts:
        yield Fact(label="MX", text="no record names a host", mark=Mark.ERROR)
    elif isinstance(reading.evidence.records.mx, Absent):
        text = "no record, so mail goes to the domain itself"
        yield Fact(label="MX", text=text, mark=Mark.NONE)
    if reading.evidence.depth is not Depth.SMTP and mx.hosts:
        text = "they were not connected to"
        yield Fact(label="", text=text, mark=Mark.NONE)


def _dane(reading: Reading, hosts: Sequence[MxView]) -> Iterator[Fact]:
    for reading_of, host in zip(reading.hosts, hosts, strict=True):
        outcomes = [one.dane for one in host.addresses if one.dane.text]
        mark = worst((host.dane.mark, *(one.mark for one in outcomes)))
        yield Fact(label=host.name, text=host.dane.text, mark=mark)
        for number, record in enumerate(reading_of.dane.records[:MAX_SHOWN]):
            data = record.data.hex()
            shown = data if len(data) <= 16 else f"{data[:16]}..."
            text = f"{record.usage} {record.selector} {record.matching_type} {shown}"
            yield _tlsa(text, _standings(reading_of, number))


def _standings(host: HostReading, number: int) -> set[Standing]:
    """Return what became of one record at all addresses; nothing where there was no session."""
    matches = (one.dane.matches for one in host.observed if one.dane is not None)
    return {of[number].standing for of in matches if number < len(of)}


def _tlsa(text: str, standings: set[Standing]) -> Fact:
    if Standing.MATCHES in standings:
        return Fact(label="", text=f"{text} (in use)")
    if Standing.REFUSED in standings:
        return Fact(label="", text=f"{text} (refused)", mark=Mark.WARNING)
    if Standing.UNUSABLE in standings:
        return Fact(label="", text=f"{text} (unusable)", mark=Mark.WARNING)
    if Standing.UNCHECKED in standings:
        return Fact(label="", text=f"{text} (too many to check)", mark=Mark.UNKNOWN)
    if standings:
        return Fact(label="", text=f"{text} (matches nothing now)", mark=Mark.NONE)
    return Fact(label="", text=text, mark=Mark.NONE)


def _tlsrpt(reading: Reading) -> Iterator[Fact]:
    answer = reading.evidence.records.tlsrpt
    if answer is None:
        return
    name = f"_smtp._tls.{reading.domain}"
    record = reading.tlsrpt.record if reading.tlsrpt else None
    if record is None:
        yield from _texts(name, answer, Mark.WARNING)
        return
    for number, uri in enumerate(record.rua[:MAX_SHOWN]):
        yield Fact(label="" if number else "reports to", text=_cut(uri.text))


def _dnssec(reading: Reading) -> Iterator[Fact]:
    if reading.evidence.observer.validates is not True:
        text = "not known: the resolver used here is not known to validate"
        yield Fact(label="MX records", text=text, mark=Mark.UNKNOWN)
        return
    match reading.evidence.records.mx:
        case LookupFailed(reason=reason):
            yield Fact(label="MX records", text=f"not known: {reason}", mark=Mark.UNKNOWN)
        case answer if answer.is_secure:
            yield Fact(label="MX records", text="signed, and the signatures are good")
        case _:
            yield Fact(label="MX records", text="not signed", mark=Mark.NONE)
    for host in reading.hosts:
        found = [one for one in (host.evidence.a, host.evidence.aaaa) if isinstance(one, Found)]
        if found:
            is_secure = all(one.is_secure for one in found)
            yield Fact(
                label=host.name,
                text="addresses are signed" if is_secure else "addresses are not signed",
                mark=Mark.GOOD if is_secure else Mark.NONE,
            )


def _neighbours(findings: Sequence[Finding]) -> Iterator[Fact]:
    for prefix, label in _NEIGHBOURS.items():
        own = [one for one in findings if one.code.partition("-")[0] == prefix]
        for number, one in enumerate(own[:MAX_SHOWN]):
            mark = mark_of(one.severity)
            if mark is Mark.GOOD and one.code.endswith("-absent"):
                mark = Mark.NONE
            yield Fact(label="" if number else label, text=one.seen, mark=mark)


# -- words ----------------------------------------------------------------------------------


def _texts(name: str, answer: Answer[tuple[bytes, ...]], mark: Mark) -> Iterator[Fact]:
    match answer:
        case Found(records=records):
            for number, strings in enumerate(records[:MAX_SHOWN]):
                text = b"".join(strings).decode("ascii", "backslashreplace")
                yield Fact(label="" if number else name, text=_cut(text), mark=mark)
            if len(records) > MAX_SHOWN:
                yield Fact(label="", text=f"and {len(records) - MAX_SHOWN} more", mark=mark)
        case Absent():
            yield Fact(label=name, text="no TXT record", mark=Mark.NONE)
        case LookupFailed(reason=reason):
            yield Fact(label=name, text=f"not known: {reason}", mark=Mark.UNKNOWN)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}..."


def _duration(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    for unit, length in _UNITS.items():
        if seconds >= length:
            count = round(seconds / length)
            return f"{seconds} seconds ({count} {unit}{'' if count == 1 else 's'})"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
