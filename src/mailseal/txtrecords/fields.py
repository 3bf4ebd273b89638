"""The fields ``name=value`` behind a record's version (RFC 8461 §3.1, RFC 8460 §3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Never

from mailseal.deviations import Deviation
from mailseal.txtrecords.form import RecordForm
from mailseal.txtrecords.mistakes import BLANK_AT_END, explain_field
from mailseal.txtrecords.reading import RecordReading, refuse
from mailseal.txtrecords.selection import miss_required, select_record

_BLANKS = b" \t"
_FIELD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredField:
    """The ``values`` of the field that the form requires: one, or several if it is repeatable.

    ``number`` is that of the TXT record, ``notes`` what was odd on the way to it.
    """

    number: int
    values: tuple[bytes, ...]
    notes: tuple[Deviation, ...]


def read_required(
    form: RecordForm, records: Sequence[Sequence[bytes]]
) -> RequiredField | RecordReading[Never]:
    """Read the record that counts up to its required field, or tell why there is none.

    Each of ``records`` is a sequence of character-strings. Fields of other names have to keep
    to the grammar, and are ignored. Never raises; the work is linear in the size of the answer.
    """
    selected = select_record(form, records)
    if isinstance(selected, RecordReading):
        return selected
    number, notes = selected.number, list(selected.notes)
    *texts, last = selected.rest.split(b";")
    if last.strip(_BLANKS):
        if last.endswith((b" ", b"\t")):  # blanks belong to a semicolon, and here is none
            at_end = _find_fault(form, last.strip(_BLANKS)) or BLANK_AT_END
            return refuse(form.error("syntax", number, at_end), notes)
        texts.append(last)
    required = form.required.encode("ascii")
    values: list[bytes] = []
    for text in (text.strip(_BLANKS) for text in texts):
        fault = _find_fault(form, text)
        if fault:
            return refuse(form.error("syntax", number, fault), notes)
        name, _, value = text.partition(b"=")
        if name == required and (form.is_repeatable or not values):
            values.append(value)
        elif name in (required, b"v"):
            notes.append(_repeat(form, number, name))
    if not values:
        return refuse(miss_required(form, number), notes)
    return RequiredField(number=number, values=tuple(values), notes=tuple(notes))


def _find_fault(form: RecordForm, text: bytes) -> str | None:
    if form.read_alone.fullmatch(text) or _FIELD.fullmatch(text):
        return None
    return explain_field(form, text)


def _repeat(form: RecordForm, number: int, name: bytes) -> Deviation:
    message = f"{name.decode('ascii')} occurs twice, and only the first counts. Remove one"
    warning = form.warning("duplicate-field", number, message)
    return replace(warning, clause=form.repetition_clause)
