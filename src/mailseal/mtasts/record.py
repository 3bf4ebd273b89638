"""The TXT record at ``_mta-sts.DOMAIN``, which says that there is a policy (RFC 8461 §3.1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import mailseal
from mailseal.deviations import Deviation, Severity
from mailseal.mtasts.mistakes import txt
from mailseal.quoting import quote

MAX_RECORD_BYTES = 65_535  # RFC 1035 §3.2.1: RDLENGTH has 16 bits
MAX_DEVIATIONS = 50  # ours: nobody reads more, and a report has to end

_CLAUSE = "RFC 8461 §3.1"
_BLANKS = b" \t"
# spec: 8461 erratum 6285: the grammar allows blanks before the first semicolon, while the prose
# discards whatever does not begin with "v=STSv1;". We count such a record, as most senders do.
_VERSION = re.compile(rb"v=STSv1[ \t]*;")
_FIELD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)")
_ID = re.compile(rb"[A-Za-z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class StsRecord:
    """A domain's word that it has a policy; a new ``id`` says that the policy has changed.

    Ids have no order: what counts is whether two are equal, byte for byte.
    """

    id: str

    def __str__(self) -> str:
        return f"v=STSv1; id={self.id};"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReading:
    """The one record, or None when no policy is available, and every deviation.

    The deviation that decided against a record comes first; ``line`` counts the TXT records.
    """

    record: StsRecord | None
    deviations: tuple[Deviation, ...] = ()


class RecordSyntaxError(mailseal.Error):
    """The TXT records give no policy; ``deviation`` is what decided."""

    def __init__(self, deviation: Deviation) -> None:
        where = "TXT records" if deviation.line is None else f"TXT record {deviation.line}"
        super().__init__(f"{where}: {deviation.message}")
        self.deviation = deviation


def parse_records(records: Sequence[Sequence[bytes]]) -> StsRecord:
    """Read the TXT records at ``_mta-sts.DOMAIN`` or raise ``RecordSyntaxError``."""
    reading = read_records(records)
    if reading.record is None:
        raise RecordSyntaxError(reading.deviations[0])
    return reading.record


def read_records(records: Sequence[Sequence[bytes]]) -> RecordReading:
    """Read all TXT records of one answer, each a sequence of character-strings.

    Never raises; the work is linear in the size of the answer, which DNS bounds at 64 KiB.
    """
    found: list[tuple[int, bytes]] = []
    notes: list[Deviation] = []
    bare: int | None = None
    for number, strings in enumerate(records, 1):
        text = b"".join(strings)  # RFC 8461 §3.1: joined without blanks
        if len(text) > MAX_RECORD_BYTES:
            notes.append(_discarded(number, "longer than a TXT record can be"))
        elif _VERSION.match(text):
            found.append((number, text))
        elif text.rstrip(_BLANKS) == b"v=STSv1":
            bare = bare or number
            notes.append(_discarded(number, 'it is "v=STSv1" alone, and an id must follow'))
        else:
            notes.append(_judge_other(number, text))
    if len(found) > 1:
        return _refuse(_judge_several(found), notes)
    if not found and bare:
        return _refuse(_missing_id(bare), [one for one in notes if one.line != bare])
    if not found:
        return _refuse_all(notes, len(records))
    return _read_one(*found[0], notes)


def _read_one(number: int, text: bytes, notes: list[Deviation]) -> RecordReading:
    version = _VERSION.match(text)
    assert version is not None
    if version[0] != b"v=STSv1;":
        notes.append(
            _note(
                "blank-before-semicolon",
                number,
                'a blank stands between "v=STSv1" and the semicolon, for which some senders '
                'discard the record. Write "v=STSv1; id=..."',
            )
        )
    *fields, last = text[version.end() :].split(b";")
    if last.strip(_BLANKS):
        if last.endswith((b" ", b"\t")):  # blanks belong to a semicolon, and here is none
            return _refuse(_note("syntax", number, txt.explain_field(last, is_last=True)), notes)
        fields.append(last)
    identifier: bytes | None = None
    for field in (field.strip(_BLANKS) for field in fields):
        if not _FIELD.fullmatch(field) and field != b"id=":
            return _refuse(_note("syntax", number, txt.explain_field(field)), notes)
        name, _, value = field.partition(b"=")
        if name == b"id" and identifier is None:
            identifier = value
        elif name in (b"id", b"v"):
            notes.append(_duplicate(number, name))
    if identifier is None:
        return _refuse(_missing_id(number), notes)
    if not _ID.fullmatch(identifier):
        return _refuse(_note("bad-id", number, txt.explain_id(identifier)), notes)
    return RecordReading(
        record=StsRecord(identifier.decode("ascii")), deviations=tuple(notes[:MAX_DEVIATIONS])
    )


def _refuse_all(notes: list[Deviation], count: int) -> RecordReading:
    meant = [note for note in notes if note.severity is not Severity.INFO]
    if meant:
        first = meant[0]
        rest = [note for note in notes if note is not first]
        return _refuse(_note("no-usable-record", first.line, first.message.rstrip(".")), rest)
    seen = "there is no TXT record" if not count else "none of the TXT records is for MTA-STS"
    message = f'{seen}. Publish "v=STSv1; id=..." at _mta-sts.DOMAIN'
    return _refuse(_note("no-usable-record", None, message), notes)


def _judge_other(number: int, text: bytes) -> Deviation:
    mistake = txt.explain_discarded(text)
    if mistake:
        return _discarded(number, mistake, text)
    return Deviation(
        code="other-record",
        severity=Severity.INFO,
        line=number,
        message=f"{quote(text)} is no record of MTA-STS and is ignored.",
        clause=_CLAUSE,
    )


def _judge_several(found: list[tuple[int, bytes]]) -> Deviation:
    numbers = ", ".join(str(number) for number, _ in found[:5])
    return _note(
        "multiple-records",
        None,
        f"{len(found)} TXT records begin with v=STSv1 (number {numbers}), so that senders use "
        "none of them. Leave exactly one",
    )


def _missing_id(number: int) -> Deviation:
    message = 'the record has no id. Publish for example "v=STSv1; id=20260101T000000"'
    return _note("missing-id", number, message)


def _duplicate(number: int, name: bytes) -> Deviation:
    return Deviation(
        code="duplicate-field",
        severity=Severity.WARNING,
        line=number,
        message=f"{name.decode()} occurs twice, and only the first counts. Remove one.",
        clause="RFC 8461 §3.2",
    )


def _discarded(number: int, mistake: str, text: bytes = b"") -> Deviation:
    seen = f"{quote(text)} is discarded: " if text else "the record is discarded: "
    return Deviation(
        code="discarded-record",
        severity=Severity.WARNING,
        line=number,
        message=f"{seen}{mistake}.",
        clause=_CLAUSE,
    )


def _note(code: str, number: int | None, message: str) -> Deviation:
    return Deviation(
        code=code, severity=Severity.ERROR, line=number, message=f"{message}.", clause=_CLAUSE
    )


def _refuse(deciding: Deviation, notes: list[Deviation]) -> RecordReading:
    return RecordReading(record=None, deviations=(deciding, *notes[: MAX_DEVIATIONS - 1]))
