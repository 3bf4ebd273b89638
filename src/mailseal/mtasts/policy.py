"""The policy that a domain serves over HTTPS: bytes to ``Policy`` and back (RFC 8461 §3.2)."""

from dataclasses import dataclass, field
from datetime import timedelta

import mailseal
from mailseal.deviations import Deviation
from mailseal.mtasts.fields import (
    MAX_DEVIATIONS,
    MAX_MAX_AGE,
    MAX_MX_PATTERNS,
    FieldReader,
    Mode,
    syntax_error,
    too_large,
)
from mailseal.mtasts.mistakes import body as body_mistakes
from mailseal.mtasts.mistakes.cause import Cause, Mistake
from mailseal.mtasts.pattern import MxPattern

MAX_BODY_BYTES = 65_536  # RFC 8461 §3.3 suggests 64 kilobytes
MAX_LINES = 4_096  # ours: a policy for a thousand hosts with a comment field on each

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_DEVIATIONS",
    "MAX_LINES",
    "MAX_MAX_AGE",
    "MAX_MX_PATTERNS",
    "Mode",
    "Policy",
    "PolicyReading",
    "PolicySyntaxError",
    "parse_policy",
    "read_policy",
    "render_policy",
]

# Which of several faults is named as the one that decides: first what keeps the text from being
# read at all, then the fields in the order in which RFC 8461 §3.2 lists them.
_PRECEDENCE = (
    "too-large",
    "syntax",
    "bad-version",
    "missing-version",
    "bad-mode",
    "missing-mode",
    "bad-max_age",
    "missing-max_age",
    "bad-mx",
    "missing-mx",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a domain asks of senders, and for how long.

    ``max_age`` is at most ``MAX_MAX_AGE``. ``lines`` are those of the file as served, without
    their ends, blank and ignored ones included, for TLSRPT's policy-string; there are none in a
    policy that nobody has served yet, and two policies are equal whatever their lines.
    """

    mode: Mode
    max_age: timedelta
    mx: tuple[MxPattern, ...] = ()
    lines: tuple[str, ...] = field(default=(), compare=False)

    def covers(self, mx_host: str) -> bool:
        """Tell whether any pattern covers an MX host: lower-case A-labels, no final dot."""
        return any(pattern.matches(mx_host) for pattern in self.mx)

    @property
    def usable_patterns(self) -> tuple[MxPattern, ...]:
        """The patterns that may be handed to an MTA, each once, in the order of the file."""
        return tuple(dict.fromkeys(pattern for pattern in self.mx if pattern.is_usable))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReading:
    """A policy, or None when the text is none, and every place where it leaves the grammar.

    The deviation that decided against the text comes first, the others in the order of lines.
    """

    policy: Policy | None
    deviations: tuple[Deviation, ...] = ()


class PolicySyntaxError(mailseal.Error):
    """A body is no policy that may be used; ``deviation`` is what decided."""

    def __init__(self, deviation: Deviation) -> None:
        where = "policy" if deviation.line is None else f"policy line {deviation.line}"
        super().__init__(f"{where}: {deviation.message}")
        self.deviation = deviation


def parse_policy(body: bytes) -> Policy:
    """Read a policy or raise ``PolicySyntaxError``."""
    reading = read_policy(body)
    if reading.policy is None:
        raise PolicySyntaxError(reading.deviations[0])
    return reading.policy


def render_policy(policy: Policy) -> bytes:
    """Return the file to serve, with CRLF, which RFC 8461's prose and grammar both allow."""
    lines = [
        "version: STSv1",
        f"mode: {policy.mode}",
        *(f"mx: {pattern}" for pattern in policy.mx),
        f"max_age: {int(policy.max_age.total_seconds())}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def read_policy(body: bytes) -> PolicyReading:
    """Read a policy, tolerating what can only mean one thing, and name every deviation.

    Never raises. The work is bounded by ``MAX_BODY_BYTES`` and ``MAX_LINES``.
    """
    if len(body) > MAX_BODY_BYTES:
        return _refuse([too_large(f"{MAX_BODY_BYTES} bytes")])
    reader = FieldReader()
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        number = body.count(b"\n", 0, error.start) + 1
        reader.faults.append(syntax_error(number, _explain_undecodable(body, error.start)))
    else:
        lines = _split(text)
        if len(lines) > MAX_LINES:
            return _refuse([too_large(f"{MAX_LINES} lines")])
        for number, line in enumerate(lines, 1):
            reader.take(number, line)
        fields = reader.finish(len(lines))
        if fields is not None:
            policy = Policy(mode=fields.mode, max_age=fields.max_age, mx=fields.mx, lines=lines)
            return PolicyReading(policy=policy, deviations=_in_order(reader.notes))
    is_other_file = bool(body.strip()) and not reader.has_known_field
    if is_other_file or any(fault.code == "syntax" for fault in reader.faults):
        mistake = body_mistakes.recognise(body)
        if mistake:
            return _refuse([syntax_error(mistake.line, mistake)])
    return _refuse(reader.faults, reader.notes)


def _split(text: str) -> tuple[str, ...]:
    # Never splitlines(): it also splits at U+2028, form feeds and others, so that a line of one's
    # own could be hidden in the value of an unknown field.
    *ended, last = text.split("\n")
    lines = [line.removesuffix("\r") for line in ended]
    # No line end follows the last one, so that a CR in it is a stray one.
    return tuple([*lines, last] if last else lines)


def _refuse(faults: list[Deviation], notes: list[Deviation] | None = None) -> PolicyReading:
    deciding = min(faults, key=lambda one: (_PRECEDENCE.index(one.code), one.line or 0))
    others = [one for one in faults if one is not deciding] + (notes or [])
    return PolicyReading(
        policy=None, deviations=(deciding, *_in_order(others)[: MAX_DEVIATIONS - 1])
    )


def _in_order(deviations: list[Deviation]) -> tuple[Deviation, ...]:
    by_line = sorted(deviations, key=lambda one: (one.line is None, one.line or 0))
    return tuple(by_line[:MAX_DEVIATIONS])


def _explain_undecodable(body: bytes, start: int) -> Mistake:
    column = start - body.rfind(b"\n", 0, start)
    return Mistake(
        Cause.NOT_UTF_8,
        f"byte {column} of the line, 0x{body[start]:02x}, is not UTF-8, and senders refuse the "
        "whole file. Save it as UTF-8, or better in plain ASCII",
    )
