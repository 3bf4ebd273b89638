"""The fields of a policy: what is there, missing, wrong or ignored (RFC 8461 §3.2)."""

import enum
import re
from dataclasses import dataclass
from datetime import timedelta

from mailseal.deviations import Deviation, Severity
from mailseal.mtasts.mistakes import line as line_mistakes
from mailseal.mtasts.mistakes import mx as mx_mistakes
from mailseal.mtasts.mistakes import typo
from mailseal.mtasts.mistakes import value as value_mistakes
from mailseal.mtasts.mistakes.cause import Cause, Mistake
from mailseal.mtasts.pattern import AddressPatternError, MxPattern, PatternSyntaxError
from mailseal.quoting import quote

MAX_MX_PATTERNS = 1_000  # ours: the largest published policies have some two hundred
MAX_DEVIATIONS = 50  # ours: nobody reads more, and a report has to end
MAX_MAX_AGE = timedelta(seconds=31_557_600)  # RFC 8461 §3.2: about one year

_CLAUSE = "RFC 8461 §3.2"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_AGE = re.compile(r"[0-9]{1,10}", re.ASCII)

_MISSING = {
    "version": 'Add a line "version: STSv1"',
    "mode": 'Add a line "mode: testing", later "mode: enforce"',
    "max_age": 'Add a line such as "max_age: 604800"',
    "mx": 'Add one line "mx: HOST" for each MX host',
}


class Mode(enum.StrEnum):
    """What a domain asks of senders when validation fails (RFC 8461 §5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The fields of one policy, all valid."""

    mode: Mode
    max_age: timedelta
    mx: tuple[MxPattern, ...]


def syntax_error(line: int | None, mistake: Mistake) -> Deviation:
    """Return the deviation of a text that cannot be read."""
    return _error("syntax", line, mistake.words, mistake.cause)


def _error(code: str, line: int | None, message: str, cause: Cause | None = None) -> Deviation:
    return Deviation(
        code=code,
        severity=Severity.ERROR,
        line=line,
        message=f"{message}.",
        clause=_CLAUSE,
        cause=cause or "",
    )


def _warning(code: str, line: int | None, message: str) -> Deviation:
    return Deviation(
        code=code, severity=Severity.WARNING, line=line, message=f"{message}.", clause=_CLAUSE
    )


def too_large(limit: str) -> Deviation:
    """Return the deviation of a policy beyond one of our limits."""
    return _error(
        "too-large",
        None,
        f"the policy has more than {limit}, and senders stop reading there. Remove what is not "
        "needed; a wildcard can stand for many MX hosts",
    )


class FieldReader:
    """Takes the lines of one policy and judges them when all are there."""

    def __init__(self) -> None:
        self.faults: list[Deviation] = []  # each makes the text unusable
        self.notes: list[Deviation] = []
        self._fields: dict[str, tuple[int, str]] = {}
        self._mx: list[MxPattern] = []
        self._blank_lines: list[int] = []
        self._typos: dict[str, str] = {}
        self._has_mx_line = False

    @property
    def has_known_field(self) -> bool:
        """Tell whether any field of a policy was among the lines."""
        return bool(self._fields) or self._has_mx_line or bool(self._typos)

    def take(self, number: int, line: str) -> None:
        """Take one line, whose end is removed."""
        if not line.strip(" \t"):
            self._blank_lines.append(number)
            return
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon or not _NAME.fullmatch(name) or _CONTROL.search(value):
            self.faults.append(syntax_error(number, line_mistakes.explain(line)))
        elif name == "mx":
            self._take_mx(number, value)
        elif name in ("version", "mode", "max_age"):
            if name in self._fields:
                # spec: 8461 §3.2 has all but the first "ignored"; we do not even look whether
                # the later value is valid, so that no later line can take a policy away.
                self.notes.append(
                    _warning(
                        "duplicate-field",
                        number,
                        f"{name} is here for the second time, and only the first one, in line "
                        f"{self._fields[name][0]}, counts. Remove one",
                    )
                )
            else:
                self._fields[name] = (number, value)
        elif not value:
            self.faults.append(syntax_error(number, line_mistakes.explain_empty(name)))
        else:
            self._take_unknown(number, name)

    def finish(self, line_count: int) -> Fields | None:
        """Judge what was taken; None when there are ``faults``."""
        self._note_blank_lines(line_count)
        version = self._value_of("version")
        if version is not None and version != "STSv1":
            self._fault_in("version", value_mistakes.explain_version(version))
        mode = self._value_of("mode")
        if mode is not None and mode not in tuple(Mode):
            self._fault_in("mode", value_mistakes.explain_mode(mode))
        max_age = self._judge_max_age()
        if mode in (Mode.ENFORCE, Mode.TESTING) and not self._mx:
            self._judge_empty_mx(mode)
        if len(self._mx) > MAX_MX_PATTERNS:
            self.faults.append(too_large(f"{MAX_MX_PATTERNS} mx lines"))
        if self.faults or mode is None or max_age is None:
            return None
        return Fields(mode=Mode(mode), max_age=max_age, mx=tuple(self._mx))

    def _take_mx(self, number: int, value: str) -> None:
        self._has_mx_line = True
        try:
            pattern = MxPattern.parse(value)
        except AddressPatternError:
            # spec: 8461 §3.2 is silent on addresses; the entry can cover no MX host, so that
            # leaving it out changes nothing for the others.
            self.notes.append(
                _error(
                    "mx-address",
                    number,
                    f"mx is {quote(value)}, which reads as an address and covers no MX host; it "
                    "is ignored. Write the host's name, as in the MX record",
                )
            )
            return
        except PatternSyntaxError:
            if len(self.faults) < MAX_DEVIATIONS:  # explaining costs more than reading
                mistake = mx_mistakes.explain(value)
                self.faults.append(_error("bad-mx", number, mistake.words, mistake.cause))
            return
        if value.endswith("."):
            self.notes.append(
                _error(
                    "mx-trailing-dot",
                    number,
                    f"mx is {quote(value)}, and the final dot is outside the grammar: some "
                    f"senders refuse the whole policy. Write {quote(f'mx: {pattern}')}",
                )
            )
        self._mx.append(pattern)

    def _take_unknown(self, number: int, name: str) -> None:
        meant = typo.meant_by(name)
        if meant:
            self._typos.setdefault(meant, name)
            self.notes.append(
                _warning(
                    "likely-typo",
                    number,
                    f"{quote(name)} is an unknown field, which senders ignore. "
                    f"If {quote(meant)} is meant, write it exactly so",
                )
            )

    def _judge_max_age(self) -> timedelta | None:
        text = self._value_of("max_age")
        if text is None:
            return None
        most = int(MAX_MAX_AGE.total_seconds())
        if not _MAX_AGE.fullmatch(text):
            self._fault_in("max_age", value_mistakes.explain_max_age(text, most_seconds=most))
            return None
        if int(text) > most:
            # spec: 8461 erratum 7282: the grammar lets more pass than the bound; to refuse the
            # policy would be a downgrade.
            self.notes.append(
                _error(
                    "max_age-above-bound",
                    self._fields["max_age"][0],
                    f"max_age is {text}, more than the {most} seconds allowed: some senders refuse "
                    f'the policy, mailseal uses {most}. Write "max_age: {most}" or less',
                )
            )
        return min(timedelta(seconds=int(text)), MAX_MAX_AGE)

    def _judge_empty_mx(self, mode: str) -> None:
        if not self._has_mx_line:
            self._fault_missing("mx", f"mode is {mode}, but no mx line names an MX host")
        elif not any(fault.code == "bad-mx" for fault in self.faults):
            self._fault("bad-mx", None, f"no mx line names an MX host. {_MISSING['mx']}")

    def _note_blank_lines(self, line_count: int) -> None:
        # spec: 8461 §3.2 has no empty lines, but senders differ; to refuse would be a downgrade.
        if not self._blank_lines:
            return
        first = self._blank_lines[0]
        count = len(self._blank_lines)
        what = "the line is blank" if count == 1 else f"this line and {count - 1} more are blank"
        is_at_end = first + count - 1 == line_count
        where = "End the file with its last field" if is_at_end else "Remove blank lines"
        self.notes.append(
            _error("blank-line", first, f"{what}, for which some senders refuse a policy. {where}")
        )

    def _value_of(self, name: str) -> str | None:
        if name in self._fields:
            return self._fields[name][1]
        self._fault_missing(name, f"there is no {name}")
        return None

    def _fault_missing(self, name: str, seen: str) -> None:
        if name in self._typos:
            seen += f"; {quote(self._typos[name])} does not count as one"
        self._fault(f"missing-{name}", None, f"{seen}. {_MISSING[name]}")

    def _fault_in(self, name: str, mistake: Mistake) -> None:
        line = self._fields[name][0]
        self.faults.append(_error(f"bad-{name}", line, mistake.words, mistake.cause))

    def _fault(self, code: str, line: int | None, message: str) -> None:
        self.faults.append(_error(code, line, message))
