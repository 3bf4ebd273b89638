"""What one standard's TXT records look like, as far as it differs from the other standards'."""

import re
from dataclasses import dataclass

from mailseal.deviations import Deviation, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A mistake of one standard alone: what it looks like, and half a sentence about it."""

    looks_like: re.Pattern[bytes]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordForm:
    """The form of one standard's records, and the words to speak of them.

    ``version`` is the word behind ``v=``; ``purpose`` and ``place`` are what the record is for
    and where it stands. ``required`` is the one field that a record cannot lack; unless
    ``is_repeatable``, the first of several counts. ``read_alone`` matches such a field where its
    standard's own reader judges the value, whatever the grammar of fields says of it.
    ``is_bare_incomplete`` says that a version alone counts as a record without its field.
    """

    version: str
    purpose: str
    place: str
    required: str
    read_alone: re.Pattern[bytes]
    is_repeatable: bool = False
    is_bare_incomplete: bool = False

    clause: str
    repetition_clause: str
    example: str  # with dots where the owner's own value comes
    sample: str  # as it could be published
    hint: str = ""  # behind the example, where its dots leave a question
    merging: str = ""  # behind "leave exactly one"

    meant: re.Pattern[bytes]  # somewhere in what was meant to be such a record
    other_version: re.Pattern[bytes]  # at the beginning of one that has a wrong version
    known_records: tuple[Mistake, ...] = ()
    known_fields: tuple[Mistake, ...] = ()

    @property
    def start(self) -> bytes:
        """What a record begins with, in front of its first semicolon."""
        return f"v={self.version}".encode("ascii")

    @property
    def right(self) -> str:
        """What to publish, in half a sentence."""
        return f'Publish "{self.example}"{self.hint}'

    def error(self, code: str, number: int | None, message: str) -> Deviation:
        """Return what has to be put right; ``number`` is that of the TXT record."""
        return self._note(code, Severity.ERROR, number, message)

    def warning(self, code: str, number: int | None, message: str) -> Deviation:
        """Return what should be put right."""
        return self._note(code, Severity.WARNING, number, message)

    def remark(self, code: str, number: int | None, message: str) -> Deviation:
        """Return what is good to know."""
        return self._note(code, Severity.INFO, number, message)

    def _note(self, code: str, severity: Severity, number: int | None, message: str) -> Deviation:
        return Deviation(
            code=code, severity=severity, line=number, message=f"{message}.", clause=self.clause
        )
