"""What ``mailseal lint`` says as JSON: one object for one policy or one set of TXT records.

**Limits**: a batch line has at most ``MAX_LINE_BYTES`` and asks for ``MAX_MX_HOSTS`` hosts.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from mailseal.deviations import Deviation
from mailseal.mtasts.advice import advise
from mailseal.mtasts.policy import Policy, read_policy
from mailseal.mtasts.record import StsRecord, read_records
from mailseal.names import MAX_NAME_BYTES, Domain, NameSyntaxError

MAX_LINE_BYTES = 1 << 20  # ours: the largest policy is 64 KiB, six times that when all is escaped
MAX_MX_HOSTS = 10_000  # ours: with a thousand patterns, a second of work

_MAX_HOST_CHARS = MAX_NAME_BYTES * 4  # a longer U-label name has no A-label form that fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was read, or None when mailseal would not use it, and all findings."""

    subject: Policy | StsRecord | None
    findings: tuple[Deviation, ...]

    def covers(self, host: str) -> bool:
        """Tell whether the policy covers an MX host, in whatever form and length it comes."""
        if not isinstance(self.subject, Policy) or len(host) > _MAX_HOST_CHARS:
            return False
        try:
            return self.subject.covers(Domain.parse(host))
        except NameSyntaxError:
            return False  # no MX host can have such a name


def judge_policy(body: bytes) -> Verdict:
    """Read a policy's bytes; advice is added only to a policy that may be used."""
    reading = read_policy(body)
    if reading.policy is None:
        return Verdict(subject=None, findings=reading.deviations)
    findings = [*reading.deviations, *advise(body, reading.policy)]
    findings.sort(key=lambda one: (one.line is None, one.line or 0))
    return Verdict(subject=reading.policy, findings=tuple(findings))


def judge_records(records: Sequence[Sequence[str]]) -> Verdict:
    """Read TXT records whose strings are given as text."""
    reading = read_records([[encode(string) for string in strings] for strings in records])
    return Verdict(subject=reading.record, findings=reading.deviations)


def encode(text: str) -> bytes:
    """Return UTF-8; surrogates, which no text should have, become bytes that are none."""
    return text.encode("utf-8", "surrogatepass")


def to_object(verdict: Verdict, mx_hosts: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the JSON object; ``covers`` is there when hosts were asked for."""
    answer: dict[str, Any] = {"valid": verdict.subject is not None}
    match verdict.subject:
        case Policy() as policy:
            answer["mode"] = policy.mode.value
            answer["mx"] = [pattern.text for pattern in policy.mx]
            answer["max_age"] = int(policy.max_age.total_seconds())
        case StsRecord() as record:
            answer["id"] = record.id
    answer["findings"] = [
        {
            "code": finding.code,
            "severity": finding.severity.value,
            "line": finding.line,
            "message": finding.message,
            "clause": finding.clause,
        }
        for finding in verdict.findings
    ]
    if mx_hosts is not None:
        answer["covers"] = {host: verdict.covers(host) for host in mx_hosts}
    return answer


def answer_lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Answer a stream of JSON lines one by one; a line that is not understood gives an error."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE_BYTES)
            yield {"error": f"the line is longer than {MAX_LINE_BYTES} bytes"}
            continue
        try:
            yield _answer(line)
        except _NotUnderstoodError as error:
            yield {"error": str(error)}


class _NotUnderstoodError(Exception):
    """A batch line has not the form that is documented."""


def _answer(line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _NotUnderstoodError("the line is not JSON in UTF-8") from error
    if not isinstance(asked, dict):
        raise _NotUnderstoodError("the line is not a JSON object")
    subjects = [key for key in ("body", "body_b64", "records") if key in asked]
    match subjects:
        case ["body" | "body_b64"]:
            return to_object(judge_policy(_read_body(asked)), _read_mx_hosts(asked))
        case ["records"]:
            return to_object(judge_records(_read_strings(asked["records"])))
        case _:
            raise _NotUnderstoodError(
                'the line has not exactly one of "body", "body_b64", "records"'
            )


def _read_body(asked: dict[str, Any]) -> bytes:
    match asked:
        case {"body": str(text)}:
            return encode(text)
        case {"body_b64": str(text)}:
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError) as error:
                raise _NotUnderstoodError('"body_b64" is not base64') from error
        case _:
            raise _NotUnderstoodError("the body is not a string")


def _read_mx_hosts(asked: dict[str, Any]) -> list[str] | None:
    hosts = asked.get("mx_hosts")
    if hosts is None:
        return None
    if not _is_list_of_strings(hosts):
        raise _NotUnderstoodError('"mx_hosts" is not a list of strings')
    if len(hosts) > MAX_MX_HOSTS:
        raise _NotUnderstoodError(f'"mx_hosts" has more than {MAX_MX_HOSTS} hosts')
    return list(hosts)


def _read_strings(records: Any) -> list[list[str]]:
    if not isinstance(records, list) or not all(_is_list_of_strings(one) for one in records):
        raise _NotUnderstoodError('"records" is not a list of lists of strings')
    return records


def _is_list_of_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
