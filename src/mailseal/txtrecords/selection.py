"""Which of a name's TXT records counts (RFC 8461 §3.1, RFC 8460 §3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Never

from mailseal.deviations import Deviation, Severity
from mailseal.quoting import quote
from mailseal.txtrecords.form import RecordForm
from mailseal.txtrecords.mistakes import explain_record
from mailseal.txtrecords.reading import NO_RECORD, RecordReading, refuse

MAX_RECORD_BYTES = 65_535  # RFC 1035 §3.2.1: RDLENGTH has 16 bits

_BLANKS = b" \t"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedRecord:
    """The record that counts: its ``number`` among all, and what follows its first semicolon."""

    number: int
    rest: bytes
    notes: tuple[Deviation, ...]


def select_record(
    form: RecordForm, records: Sequence[Sequence[bytes]]
) -> SelectedRecord | RecordReading[Never]:
    """Return the only record that begins with the form's version, or why none counts.

    Never raises; the work is linear in the size of the answer, which DNS bounds at 64 KiB.
    """
    found: list[tuple[int, bytes, bytes]] = []
    notes: list[Deviation] = []
    bare: int | None = None
    for number, strings in enumerate(records, 1):
        text = b"".join(strings)  # both standards: joined without blanks
        if len(text) > MAX_RECORD_BYTES:
            notes.append(_discard(form, number, "longer than a TXT record can be"))
        elif cut := _cut_version(form, text):
            found.append((number, *cut))
        elif text.rstrip(_BLANKS) == form.start:
            bare = bare or number
            notes.append(_judge_bare(form, number))
        else:
            notes.append(_judge_other(form, number, text))
    if len(found) > 1:
        return refuse(_judge_several(form, [number for number, *_ in found]), notes)
    if found:
        number, blanks, rest = found[0]
        if blanks:
            notes.append(_note_blanks(form, number))
        return SelectedRecord(number=number, rest=rest, notes=tuple(notes))
    if bare and form.is_bare_incomplete:
        return refuse(miss_required(form, bare), [one for one in notes if one.line != bare])
    return _refuse_all(form, notes, len(records))


def miss_required(form: RecordForm, number: int) -> Deviation:
    """Return that a record lacks the field that it cannot do without."""
    message = f'the record has no {form.required}. Publish for example "{form.sample}"'
    return form.error(f"missing-{form.required}", number, message)


def _cut_version(form: RecordForm, text: bytes) -> tuple[bytes, bytes] | None:
    """Return the blanks in front of the first semicolon, and what follows it.

    None where the record does not begin with the version.
    """
    if not text.startswith(form.start):
        return None
    # spec: 8461 erratum 6285, and 8460 §3 has the same conflict: the grammar allows blanks before
    # the first semicolon, while the prose discards whatever does not begin with "v=STSv1;". We
    # count such a record, as most senders do.
    blanks, semicolon, rest = text[len(form.start) :].partition(b";")
    return (blanks, rest) if semicolon and not blanks.strip(_BLANKS) else None


def _note_blanks(form: RecordForm, number: int) -> Deviation:
    return form.error(
        "blank-before-semicolon",
        number,
        f'a blank stands between "v={form.version}" and the semicolon, for which some senders '
        f'discard the record. Write "{form.example}"',
    )


def _refuse_all(form: RecordForm, notes: list[Deviation], count: int) -> RecordReading[Never]:
    meant = [note for note in notes if note.severity is not Severity.INFO]
    if meant:
        first = meant[0]
        rest = [note for note in notes if note is not first]
        return refuse(form.error(NO_RECORD, first.line, first.message.rstrip(".")), rest)
    seen = f"none of the TXT records is for {form.purpose}" if count else "there is no TXT record"
    message = f'{seen}. Publish "{form.example}" at {form.place}'
    return refuse(form.error(NO_RECORD, None, message), notes)


def _judge_other(form: RecordForm, number: int, text: bytes) -> Deviation:
    mistake = explain_record(form, text)
    if mistake:
        return _discard(form, number, mistake, text)
    message = f"{quote(text)} is no record of {form.purpose} and is ignored"
    return form.remark("other-record", number, message)


def _judge_several(form: RecordForm, numbers: list[int]) -> Deviation:
    shown = ", ".join(str(number) for number in numbers[:5])
    return form.error(
        "multiple-records",
        None,
        f"{len(numbers)} TXT records begin with v={form.version} (number {shown}), so that "
        f"senders use none of them. Leave exactly one{form.merging}",
    )


def _judge_bare(form: RecordForm, number: int) -> Deviation:
    mistake = f'it is "v={form.version}" alone, and its {form.required} must follow'
    return _discard(form, number, mistake)


def _discard(form: RecordForm, number: int, mistake: str, text: bytes = b"") -> Deviation:
    seen = f"{quote(text)} is discarded: " if text else "the record is discarded: "
    return form.warning("discarded-record", number, f"{seen}{mistake}")
