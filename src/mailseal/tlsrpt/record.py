"""The TXT record at ``_smtp._tls.DOMAIN``, which asks for reports (RFC 8460 §3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import mailseal
from mailseal.deviations import Deviation, Severity
from mailseal.quoting import quote
from mailseal.tlsrpt import mistakes
from mailseal.tlsrpt.uri import ReportUri, UnknownSchemeError, UriSyntaxError, parse_uri

MAX_RECORD_BYTES = 65_535  # RFC 1035 §3.2.1: RDLENGTH has 16 bits
MAX_URIS = 100  # ours: most records name one
MAX_DEVIATIONS = 50  # ours: nobody reads more, and a report has to end

_CLAUSE = "RFC 8460 §3"
_BLANKS = b" \t"
# spec: 8460 §3 has the conflict of 8461 erratum 6285: the grammar allows blanks before the first
# semicolon, while the prose discards what does not begin with "v=TLSRPTv1;". We count the record.
_VERSION = re.compile(rb"v=TLSRPTv1[ \t]*;")
_FIELD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)")


@dataclass(frozen=True, slots=True)
class TlsrptRecord:
    """A domain's wish for reports; ``rua`` has at least one address, in the record's order."""

    rua: tuple[ReportUri, ...]

    def __str__(self) -> str:
        return f"v=TLSRPTv1; rua={','.join(uri.text for uri in self.rua)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReading:
    """The one record, or None when no reports are asked for, and every deviation.

    The deviation that decided against a record comes first; ``line`` counts the TXT records.
    """

    record: TlsrptRecord | None
    deviations: tuple[Deviation, ...] = ()


class RecordSyntaxError(mailseal.Error):
    """The TXT records ask for no reports; ``deviation`` is what decided."""

    def __init__(self, deviation: Deviation) -> None:
        where = "TXT records" if deviation.line is None else f"TXT record {deviation.line}"
        super().__init__(f"{where}: {deviation.message}")
        self.deviation = deviation


def parse_records(records: Sequence[Sequence[bytes]]) -> TlsrptRecord:
    """Read the TXT records at ``_smtp._tls.DOMAIN`` or raise ``RecordSyntaxError``."""
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
    for number, strings in enumerate(records, 1):
        text = b"".join(strings)  # RFC 8460 §3: joined without blanks
        if len(text) > MAX_RECORD_BYTES:
            notes.append(_discarded(number, "longer than a TXT record can be"))
        elif _VERSION.match(text):
            found.append((number, text))
        elif text.rstrip(_BLANKS) == b"v=TLSRPTv1":
            notes.append(_discarded(number, 'it is "v=TLSRPTv1" alone, and a rua must follow'))
        else:
            notes.append(_judge_other(number, text))
    if len(found) > 1:
        return _refuse(_judge_several(found), notes)
    if not found:
        return _refuse_all(notes, len(records))
    return _read_one(*found[0], notes)


def _read_one(number: int, text: bytes, notes: list[Deviation]) -> RecordReading:
    version = _VERSION.match(text)
    assert version  # that is how the record was found
    if version[0] != b"v=TLSRPTv1;":
        notes.append(
            _error(
                "blank-before-semicolon",
                number,
                'a blank stands between "v=TLSRPTv1" and the semicolon, for which some senders '
                'discard the record. Write "v=TLSRPTv1; rua=..."',
            )
        )
    *fields, last = text[version.end() :].split(b";")
    if last.strip(_BLANKS):
        if last.endswith((b" ", b"\t")):  # blanks belong to a semicolon, and here is none
            return _refuse(_error("syntax", number, mistakes.BLANK_AT_END), notes)
        fields.append(last)
    values = []
    for field in (field.strip(_BLANKS) for field in fields):
        name, equals, value = field.partition(b"=")
        if name == b"rua" and equals:
            values.append(value)
        elif not _FIELD.fullmatch(field):
            return _refuse(_error("syntax", number, mistakes.explain_field(field)), notes)
        elif name == b"v":
            notes.append(
                _warning("duplicate-field", number, "v occurs twice, and the first counts")
            )
    if not values:
        return _refuse(_missing_rua(number), notes)
    if len(values) > 1:
        # spec: 8460 §3 is silent on a second rua; senders differ, and we take the URIs of all.
        message = (
            "rua occurs twice, and not every sender reads both. Write one, with the addresses "
            "separated by commas"
        )
        notes.append(_warning("duplicate-field", number, message))
    return _read_uris(number, b",".join(values), notes)


def _read_uris(number: int, value: bytes, notes: list[Deviation]) -> RecordReading:
    uris: dict[str, ReportUri] = {}
    faults: list[Deviation] = []
    texts = [text.strip(_BLANKS) for text in value.split(b",")]
    for text in texts[:MAX_URIS]:
        try:
            uri = parse_uri(text.decode("utf-8", "backslashreplace"))
        except UnknownSchemeError as error:
            faults.append(_warning("unknown-scheme", number, f"{error}"))
        except UriSyntaxError as error:
            faults.append(_error("bad-uri", number, f"{error}"))
        else:
            if uri.text in uris:
                message = f"{quote(uri.text)} is there twice. Remove one"
                notes.append(_warning("duplicate-uri", number, message))
            uris.setdefault(uri.text, uri)
    if len(texts) > MAX_URIS:
        message = f"rua has {len(texts)} addresses, and those behind the first {MAX_URIS} are cut"
        faults.append(_error("too-many-uris", number, message))
    if not uris:
        seen = faults[0].message.rstrip(".")
        return _refuse(_error("no-usable-uri", number, seen), [*faults[1:], *notes])
    return RecordReading(
        record=TlsrptRecord(tuple(uris.values())),
        deviations=(*faults, *notes)[:MAX_DEVIATIONS],
    )


def _refuse_all(notes: list[Deviation], count: int) -> RecordReading:
    meant = [note for note in notes if note.severity is not Severity.INFO]
    if meant:
        first = meant[0]
        rest = [note for note in notes if note is not first]
        return _refuse(_error("no-usable-record", first.line, first.message.rstrip(".")), rest)
    seen = "there is no TXT record" if not count else "none of the TXT records is for TLS reporting"
    message = f'{seen}. Publish "v=TLSRPTv1; rua=mailto:..." at _smtp._tls.DOMAIN'
    return _refuse(_error("no-usable-record", None, message), notes)


def _judge_other(number: int, text: bytes) -> Deviation:
    mistake = mistakes.explain_discarded(text)
    if mistake:
        return _discarded(number, mistake, text)
    return Deviation(
        code="other-record",
        severity=Severity.INFO,
        line=number,
        message=f"{quote(text)} is no record of TLS reporting and is ignored.",
        clause=_CLAUSE,
    )


def _judge_several(found: list[tuple[int, bytes]]) -> Deviation:
    numbers = ", ".join(str(number) for number, _ in found[:5])
    return _error(
        "multiple-records",
        None,
        f"{len(found)} TXT records begin with v=TLSRPTv1 (number {numbers}), so that senders use "
        "none of them. Leave exactly one, with all addresses in its rua",
    )


def _missing_rua(number: int) -> Deviation:
    message = 'the record has no rua. Publish for example "v=TLSRPTv1; rua=mailto:tls@DOMAIN"'
    return _error("missing-rua", number, message)


def _discarded(number: int, mistake: str, text: bytes = b"") -> Deviation:
    seen = f"{quote(text)} is discarded: " if text else "the record is discarded: "
    return _warning("discarded-record", number, f"{seen}{mistake}")


def _error(code: str, number: int | None, message: str) -> Deviation:
    return _note(code, Severity.ERROR, number, message)


def _warning(code: str, number: int | None, message: str) -> Deviation:
    return _note(code, Severity.WARNING, number, message)


def _note(code: str, severity: Severity, number: int | None, message: str) -> Deviation:
    return Deviation(
        code=code, severity=severity, line=number, message=f"{message}.", clause=_CLAUSE
    )


def _refuse(deciding: Deviation, notes: list[Deviation]) -> RecordReading:
    return RecordReading(record=None, deviations=(deciding, *notes[: MAX_DEVIATIONS - 1]))
