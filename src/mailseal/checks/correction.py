"""A broken policy written again as it was meant, with the MX hosts that there are (RFC 8461 §3.2).

Nothing is invented: every pattern stands in the broken file or covers an MX host of the domain,
and a mode that cannot be told becomes testing, which holds no mail up. What is taken for a typing
mistake of an MX host gives way to it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mailseal.checks.beginning import soften
from mailseal.checks.finding import Kind, Ready
from mailseal.checks.reading import Reading
from mailseal.checks.similarity import find_mistyped
from mailseal.mtasts.advice import is_placeholder
from mailseal.mtasts.mistakes import typo
from mailseal.mtasts.mistakes.mx import meant_hosts
from mailseal.mtasts.mistakes.value import meant_max_age, meant_mode
from mailseal.mtasts.pattern import MxPattern, PatternSyntaxError
from mailseal.mtasts.policy import (
    MAX_BODY_BYTES,
    MAX_LINES,
    MAX_MAX_AGE,
    MAX_MX_PATTERNS,
    Mode,
    Policy,
    render_policy,
)

DEFAULT_MAX_AGE = timedelta(days=7)  # what half of all published policies have
DEFAULT_MAX_AGE_WHILE_TESTING = timedelta(days=1)  # a third has it; what is new may be wrong

_KNOWN = ("version", "mode", "max_age", "mx")
_MAX_SECONDS = int(MAX_MAX_AGE.total_seconds())
_RTF_WORD = re.compile(r"^(?:\{|\\[a-z]{1,32}-?[0-9]{0,10} ?)+")
_TAG = re.compile(r"<[^<>]{0,200}>")
_LITERAL_END = re.compile(r"\\[rn]")
_PAIR = re.compile(r"[\"']?([A-Za-z0-9_.-]{2,32})[\"']?[ \t]*[:=](.*)")
_BARE = re.compile(r"(version|mode|max_age|mx)[ \t]+(.*)", re.IGNORECASE)
_GLUED = re.compile(r"(?=(?:version|mode|max_age|mx)[ \t]*:)", re.IGNORECASE)
_QUOTING = "\"'`, \t\u00a0\ufeff"


def correct_policy(
    body: bytes, mx_hosts: Sequence[str] | None, *, takes_no_mail: bool = False
) -> Policy | None:
    """Return the policy that ``body`` was to be; None where nobody could tell its MX hosts.

    ``mx_hosts`` is None where they are not known; what the file names is believed then.
    ``takes_no_mail`` is that of a null MX. The work is linear in the body.
    """
    fields = list(_read_fields(_decode(body[:MAX_BODY_BYTES])))
    mode = next((Mode(meant) for name, value in fields if (meant := _read_mode(name, value))), None)
    if takes_no_mail:
        mode = Mode.NONE
    mode = mode or Mode.TESTING
    max_age = next((age for name, value in fields if (age := _read_max_age(name, value))), None)
    if max_age is None:
        max_age = DEFAULT_MAX_AGE_WHILE_TESTING if mode is Mode.TESTING else DEFAULT_MAX_AGE
    values = (value for name, value in fields if name == "mx")
    patterns = () if takes_no_mail else _choose_patterns(values, mx_hosts)
    if mode is not Mode.NONE and not patterns:
        return None
    return Policy(mode=mode, max_age=max_age, mx=patterns)


def cover(host: str) -> MxPattern | None:
    """Return the narrowest pattern that covers an MX host; None where there is none.

    A pattern cannot have the underscores that names of hosts have.
    """
    _, _, parent = host.partition(".")
    for text in (host, f"*.{parent}"):
        try:
            pattern = MxPattern.parse(text)
        except PatternSyntaxError:
            continue
        if pattern.is_usable and (not pattern.is_wildcard or "." in parent):
            return pattern
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A policy to be published; ``why`` says why it begins in mode testing, if it is to."""

    policy: Policy
    why: str = ""

    def show(self, reading: Reading) -> tuple[Ready, ...]:
        """Return the file and the record with a new id, to be published in this order."""
        return (show_policy(reading, self.policy), ready_record(reading))


def draft_policy(reading: Reading, body: bytes) -> Draft | None:
    """Return what to serve in place of a file: corrected, and enforced only where mail passes.

    A host that has no address is not named: whoever gets hold of the name would get mail.
    """
    mx = reading.mx
    gone = {host.name for host in reading.hosts if not host.dane.has_address}
    hosts = None if mx is None else [host.name for host in mx.hosts if host.name not in gone]
    policy = correct_policy(body, hosts, takes_no_mail=mx is not None and mx.is_null)
    if policy is None:
        return None
    first, why = soften(reading, policy)
    return Draft(policy=first, why=why)


def lead_to_policy(reading: Reading, step: str) -> tuple[str, tuple[Ready, ...]]:
    """Return how to have senders ask for the policy, in words and ready-made.

    ``step`` is what there is to do with the record, "publish the record". The record alone would
    start the enforcement of what is served, so that the file comes first where mail is at stake.
    """
    policy = reading.written.policy if reading.written else None
    if policy is not None and soften(reading, policy)[1]:
        draft = draft_policy(reading, reading.body or b"")
        if draft is not None:
            words = f"Serve the policy in mode testing first, then {step}. {draft.why}"
            return words, draft.show(reading)
    return f"{step[0].upper()}{step[1:]}.", (ready_record(reading),)


def ready_policy(reading: Reading, body: bytes) -> tuple[Ready, ...]:
    """Return the corrected file and the record with a new id, to be published in this order."""
    draft = draft_policy(reading, body)
    return draft.show(reading) if draft else ()


def show_policy(reading: Reading, policy: Policy) -> Ready:
    """Return a policy as the file to serve."""
    place = f"https://mta-sts.{reading.domain}/.well-known/mta-sts.txt"
    return Ready(kind=Kind.POLICY, place=place, text=render_policy(policy).decode("ascii"))


def ready_record(reading: Reading) -> Ready:
    """Return the TXT record with an id of the moment."""
    text = f'TXT "v=STSv1; id={reading.now:%Y%m%dT%H%M%S};"'
    return Ready(kind=Kind.RECORD, place=f"_mta-sts.{reading.domain}", text=text)


def _decode(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    if b"\0\0\0\0" in (body[:8:2], body[1:8:2]):
        is_little = body[1:8:2] == b"\0\0\0\0"
        return body.decode("utf-16-le" if is_little else "utf-16-be", "replace")
    return body.decode("utf-8-sig", "replace")


def _read_fields(text: str) -> Iterator[tuple[str, str]]:
    """Give names and values, however they are written; names are those that a policy has."""
    start = text.lstrip()[:1]
    if start == "{":
        fields = _read_json(text)
        if fields is not None:
            yield from fields
            return
    if start == "<":
        text = _TAG.sub("\n", text)
    is_in_list = False
    lines = _LITERAL_END.sub("\n", text.replace("\r", "\n")).split("\n")
    for raw in lines[: 2 * MAX_LINES]:
        line = _RTF_WORD.sub("", raw).strip(_QUOTING).rstrip("\\}")
        if is_in_list and line.startswith("-"):
            yield "mx", line.strip("- \t\"'")
            continue
        for name, value in _read_line(line.removeprefix("- ")):
            is_in_list = name == "mx" and not value
            yield name, value


def _read_json(text: str) -> list[tuple[str, str]] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = []
    for key, value in document.items():
        name = _read_name(key)
        if name:
            found += [(name, str(one)) for one in (value if isinstance(value, list) else [value])]
    return found


def _read_line(line: str) -> Iterator[tuple[str, str]]:
    if line.startswith(("#", "//", ";")):
        return
    pair = _PAIR.match(line) or _BARE.match(line)
    if pair is None:
        return
    name = _read_name(pair[1])
    if name is None:
        return
    value, *more = _GLUED.split(pair[2])
    yield name, value.strip(_QUOTING)
    for part in more:
        name, _, value = part.partition(":")
        yield name.strip().lower(), value.strip(_QUOTING)


def _read_name(text: str) -> str | None:
    return text if text in _KNOWN else typo.meant_by(text)


def _read_mode(name: str, value: str) -> str | None:
    return meant_mode(value) if name == "mode" else None


def _read_max_age(name: str, value: str) -> timedelta | None:
    if name != "max_age":
        return None
    if re.fullmatch(r"[0-9]{1,10}", value, re.ASCII):
        return min(timedelta(seconds=int(value)), MAX_MAX_AGE)
    seconds = meant_max_age(value, most_seconds=_MAX_SECONDS)
    return None if seconds is None else timedelta(seconds=seconds)


def _choose_patterns(
    values: Iterable[str], mx_hosts: Sequence[str] | None
) -> tuple[MxPattern, ...]:
    """Return what the file names, each once, and what is missing for the domain's MX hosts."""
    chosen: dict[MxPattern, None] = {}
    for value in values:
        for pattern, is_certain in _read_patterns(value):
            covers = mx_hosts is not None and any(pattern.matches(host) for host in mx_hosts)
            is_believed = is_certain or mx_hosts is None
            if covers or (is_believed and pattern.is_usable and not is_placeholder(pattern)):
                chosen[pattern] = None
        if len(chosen) >= MAX_MX_PATTERNS:
            break
    known = mx_hosts or ()
    missing = [host for host in known if not any(one.matches(host) for one in chosen)]
    idle = [one.text for one in chosen if not one.is_wildcard and one.text not in known]
    for wrong in find_mistyped((host for host in missing if cover(host)), idle).values():
        chosen.pop(MxPattern(wrong), None)  # a stranger may register it; two hosts may have one
    for host in missing:
        pattern_of_host = cover(host)
        if pattern_of_host:
            chosen[pattern_of_host] = None
    return tuple(chosen)[:MAX_MX_PATTERNS]


def _read_patterns(value: str) -> Iterator[tuple[MxPattern, bool]]:
    """Give the patterns in a value; certain is what needed no repair."""
    try:
        yield MxPattern.parse(value), True
    except PatternSyntaxError:
        for text in meant_hosts(value):
            try:
                yield MxPattern.parse(text), False
            except PatternSyntaxError:
                continue
