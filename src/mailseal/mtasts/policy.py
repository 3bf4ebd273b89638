"""The policy that a domain serves over HTTPS: bytes to ``Policy`` and back (RFC 8461 §3.2)."""

import enum
import re
from dataclasses import dataclass, field
from datetime import timedelta

import mailseal
from mailseal.deviations import Deviation, Severity
from mailseal.mtasts.pattern import AddressPatternError, MxPattern, PatternSyntaxError
from mailseal.mtasts.quoting import quote

MAX_BODY_BYTES = 65_536  # RFC 8461 §3.3 suggests 64 kilobytes
MAX_LINES = 4_096  # ours: a policy for a thousand hosts with a comment field on each
MAX_MX_PATTERNS = 1_000  # ours: the largest published policies have some two hundred
MAX_DEVIATIONS = 50  # ours: nobody reads more, and a report has to end
MAX_MAX_AGE = timedelta(seconds=31_557_600)  # RFC 8461 §3.2: about one year

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_AGE = re.compile(r"[0-9]{1,10}", re.ASCII)

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


class Mode(enum.StrEnum):
    """What a domain asks of senders when validation fails (RFC 8461 §5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


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
        return _refused("too-large", None, f"the policy has more than {MAX_BODY_BYTES} bytes")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        bad_line = body.count(b"\n", 0, error.start) + 1
        return _refused("syntax", bad_line, f"byte {error.start + 1} is not UTF-8")
    lines = text.split("\n")  # never splitlines(), which splits at U+2028 and other such traps
    last = lines.pop()
    lines = [line.removesuffix("\r") for line in lines]
    if last:
        lines.append(last)  # no line end behind it, so that a CR here is a stray one
    if len(lines) > MAX_LINES:
        return _refused("too-large", None, f"the policy has more than {MAX_LINES} lines")
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        reader.take(number, line)
    return reader.finish(tuple(lines))


def _refused(code: str, line: int | None, message: str) -> PolicyReading:
    return PolicyReading(policy=None, deviations=(_error(code, line, message),))


def _error(code: str, line: int | None, message: str) -> Deviation:
    return Deviation(
        code=code, severity=Severity.ERROR, line=line, message=message, clause="RFC 8461 §3.2"
    )


class _Reader:
    """Takes the lines of one policy and judges them when all are there."""

    def __init__(self) -> None:
        self.fields: dict[str, tuple[int, str]] = {}
        self.mx: list[MxPattern] = []
        self.has_mx_line = False
        self.faults: list[Deviation] = []  # each makes the text unusable
        self.notes: list[Deviation] = []

    def take(self, number: int, line: str) -> None:
        """Take one line, whose end is removed."""
        if not line.strip(" \t"):
            # spec: 8461 §3.2 has no empty lines; to refuse them would be a downgrade.
            self.notes.append(_error("blank-line", number, "the line is blank"))
            return
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon or not _NAME.fullmatch(name) or _CONTROL.search(value):
            self.faults.append(_error("syntax", number, f"{quote(line)} is no field"))
        elif name == "mx":
            self._take_mx(number, value)
        elif name in ("version", "mode", "max_age"):
            # spec: 8461 §3.2 "all entries except the first SHALL be ignored": not even parsed.
            if name in self.fields:
                message = f"{name} stands here again; only the first one counts"
                self.notes.append(
                    Deviation(
                        code="duplicate-field",
                        severity=Severity.WARNING,
                        line=number,
                        message=message,
                        clause="RFC 8461 §3.2",
                    )
                )
            else:
                self.fields[name] = (number, value)
        elif not value:
            self.faults.append(_error("syntax", number, f"{name} has no value"))

    def _take_mx(self, number: int, value: str) -> None:
        self.has_mx_line = True
        try:
            pattern = MxPattern.parse(value)
        except AddressPatternError:
            self.notes.append(
                _error("mx-address", number, f"mx is the address {quote(value)} and is ignored")
            )
            return
        except PatternSyntaxError as error:
            self.faults.append(_error("bad-mx", number, f"mx {error}"))
            return
        if value.endswith("."):
            self.notes.append(_error("mx-trailing-dot", number, f"mx {quote(value)} ends in a dot"))
        self.mx.append(pattern)

    def finish(self, lines: tuple[str, ...]) -> PolicyReading:
        """Judge what was taken."""
        version = self._value("version", "STSv1")
        if version is not None and version != "STSv1":
            self._fault("version", f"is {quote(version)}, expected STSv1")
        mode = self._value("mode", "enforce, testing or none")
        if mode is not None and mode not in tuple(Mode):
            self._fault("mode", f"is {quote(mode)}, expected enforce, testing or none")
        seconds = self._value("max_age", "1 to 10 digits")
        if seconds is not None and not _MAX_AGE.fullmatch(seconds):
            self._fault("max_age", f"is {quote(seconds)}, expected 1 to 10 digits")
        if mode in (Mode.ENFORCE, Mode.TESTING) and not self.mx:
            if not self.has_mx_line:
                self.faults.append(_error("missing-mx", None, f"mode is {mode} without any mx"))
            elif not any(fault.code == "bad-mx" for fault in self.faults):
                self.faults.append(_error("bad-mx", None, "no mx is left that names a host"))
        if len(self.mx) > MAX_MX_PATTERNS:
            self.faults.append(_error("too-large", None, f"more than {MAX_MX_PATTERNS} mx"))
        if self.faults:
            return self._refuse()
        assert mode is not None
        assert seconds is not None
        max_age = timedelta(seconds=int(seconds))
        if max_age > MAX_MAX_AGE:
            self.notes.append(
                _error("max_age-above-bound", self.fields["max_age"][0], "max_age is too long")
            )
        policy = Policy(
            mode=Mode(mode), max_age=min(max_age, MAX_MAX_AGE), mx=tuple(self.mx), lines=lines
        )
        return PolicyReading(policy=policy, deviations=tuple(self.notes[:MAX_DEVIATIONS]))

    def _value(self, name: str, expected: str) -> str | None:
        if name not in self.fields:
            self.faults.append(_error(f"missing-{name}", None, f"{name} is missing: {expected}"))
            return None
        return self.fields[name][1]

    def _fault(self, name: str, message: str) -> None:
        self.faults.append(_error(f"bad-{name}", self.fields[name][0], f"{name} {message}"))

    def _refuse(self) -> PolicyReading:
        def rank(fault: Deviation) -> tuple[int, int]:
            return _PRECEDENCE.index(fault.code), fault.line or 0

        deciding = min(self.faults, key=rank)
        others = [one for one in self.faults + self.notes if one is not deciding]
        others.sort(key=lambda one: (one.line is None, one.line or 0))
        return PolicyReading(policy=None, deviations=(deciding, *others[: MAX_DEVIATIONS - 1]))
