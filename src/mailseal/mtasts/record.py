"""The TXT record at ``_mta-sts.DOMAIN``, which says that there is a policy (RFC 8461 §3.1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailseal.mtasts.mistakes import txt
from mailseal.txtrecords.fields import read_required
from mailseal.txtrecords.form import RecordForm
from mailseal.txtrecords.reading import RecordReading, accept, refuse

_ID = re.compile(rb"[A-Za-z0-9]{1,32}")
_FORM = RecordForm(
    version="STSv1",
    purpose="MTA-STS",
    place="_mta-sts.DOMAIN",
    required="id",
    read_alone=re.compile(rb"id="),  # an empty id is a bad one, rather than no field
    is_bare_incomplete=True,
    clause="RFC 8461 §3.1",
    repetition_clause="RFC 8461 §3.2",
    example="v=STSv1; id=...",
    sample="v=STSv1; id=20260101T000000",
    hint=" with a letter-and-digit id",
    meant=re.compile(rb"v[ \t]*[=:][ \t]*sts", re.IGNORECASE),
    other_version=re.compile(rb"v=STSv?[0-9]", re.IGNORECASE),
    known_records=(txt.POLICY_IN_DNS,),
)


@dataclass(frozen=True, slots=True)
class StsRecord:
    """A domain's word that it has a policy; a new ``id`` says that the policy has changed.

    Ids have no order: what counts is whether two are equal, byte for byte.
    """

    id: str

    def __str__(self) -> str:
        return f"v=STSv1; id={self.id};"


def parse_records(records: Sequence[Sequence[bytes]]) -> StsRecord:
    """Read the TXT records at ``_mta-sts.DOMAIN`` or raise ``RecordSyntaxError``."""
    return read_records(records).require()


def read_records(records: Sequence[Sequence[bytes]]) -> RecordReading[StsRecord]:
    """Read all TXT records of one answer, each a sequence of character-strings.

    Never raises; the work is linear in the size of the answer, which DNS bounds at 64 KiB.
    """
    read = read_required(_FORM, records)
    if isinstance(read, RecordReading):
        return read
    (identifier,) = read.values
    if not _ID.fullmatch(identifier):
        return refuse(_FORM.error("bad-id", read.number, txt.explain_id(identifier)), read.notes)
    return accept(StsRecord(identifier.decode("ascii")), read.notes)
