"""The TXT record at ``_smtp._tls.DOMAIN``, which asks for reports (RFC 8460 §3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailseal.deviations import Deviation
from mailseal.quoting import quote
from mailseal.tlsrpt.uri import ReportUri, UnknownSchemeError, UriSyntaxError, parse_uri
from mailseal.txtrecords.fields import read_required
from mailseal.txtrecords.form import Mistake, RecordForm
from mailseal.txtrecords.reading import RecordReading, accept, refuse

MAX_URIS = 100  # ours: most records name one

_BLANKS = b" \t"
_FORM = RecordForm(
    version="TLSRPTv1",
    purpose="TLS reporting",
    place="_smtp._tls.DOMAIN",
    required="rua",
    read_alone=re.compile(rb"rua=.*", re.DOTALL),  # URIs have equals signs, commas blanks
    is_repeatable=True,
    clause="RFC 8460 §3",
    repetition_clause="RFC 8460 §3",
    example="v=TLSRPTv1; rua=mailto:...",
    sample="v=TLSRPTv1; rua=mailto:tls@DOMAIN",
    merging=", with all addresses in its rua",
    meant=re.compile(rb"v[ \t]*[=:][ \t]*tls[ -]?rpt", re.IGNORECASE),
    other_version=re.compile(rb"v=tls-?rpt", re.IGNORECASE),
    known_fields=(
        Mistake(
            looks_like=re.compile(rb"^(mailto|https?):", re.IGNORECASE),
            message="stands behind a semicolon. Separate addresses by commas",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class TlsrptRecord:
    """A domain's wish for reports; ``rua`` has at least one address, in the record's order."""

    rua: tuple[ReportUri, ...]

    def __str__(self) -> str:
        return f"v=TLSRPTv1; rua={','.join(uri.text for uri in self.rua)}"


def parse_records(records: Sequence[Sequence[bytes]]) -> TlsrptRecord:
    """Read the TXT records at ``_smtp._tls.DOMAIN`` or raise ``RecordSyntaxError``."""
    return read_records(records).require()


def read_records(records: Sequence[Sequence[bytes]]) -> RecordReading[TlsrptRecord]:
    """Read all TXT records of one answer, each a sequence of character-strings.

    Never raises; the work is linear in the size of the answer, which DNS bounds at 64 KiB.
    """
    read = read_required(_FORM, records)
    if isinstance(read, RecordReading):
        return read
    notes = list(read.notes)
    if len(read.values) > 1:
        # spec: 8460 §3 is silent on a second rua; senders differ, and we take the URIs of all.
        message = (
            "rua occurs twice, and not every sender reads both. Write one, with the addresses "
            "separated by commas"
        )
        notes.append(_FORM.warning("duplicate-field", read.number, message))
    return _read_uris(read.number, b",".join(read.values), notes)


def _read_uris(number: int, value: bytes, notes: list[Deviation]) -> RecordReading[TlsrptRecord]:
    uris: dict[str, ReportUri] = {}
    faults: list[Deviation] = []
    texts = [text.strip(_BLANKS) for text in value.split(b",")]
    for text in texts[:MAX_URIS]:
        try:
            uri = parse_uri(text.decode("utf-8", "backslashreplace"))
        except UnknownSchemeError as error:
            faults.append(_FORM.warning("unknown-scheme", number, f"{error}"))
        except UriSyntaxError as error:
            faults.append(_FORM.error("bad-uri", number, f"{error}"))
        else:
            if uri.text in uris:
                message = f"{quote(uri.text)} is there twice. Remove one"
                notes.append(_FORM.warning("duplicate-uri", number, message))
            uris.setdefault(uri.text, uri)
    if len(texts) > MAX_URIS:
        message = f"rua has {len(texts)} addresses, and those behind the first {MAX_URIS} are cut"
        faults.append(_FORM.error("too-many-uris", number, message))
    if not uris:
        seen = faults[0].message.rstrip(".")
        return refuse(_FORM.error("no-usable-uri", number, seen), [*faults[1:], *notes])
    return accept(TlsrptRecord(tuple(uris.values())), [*faults, *notes])
