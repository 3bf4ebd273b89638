"""Evidence as a file: JSON that reads back as exactly what was observed."""

import msgspec

import mailseal
from mailseal.checks.evidence import FORMAT, Evidence
from mailseal.checks.plausibility import find_fault

MAX_SAVED_BYTES = 64 * 1024 * 1024  # ours: 32 hosts with 16 addresses and long chains need 30 MiB


class SavedEvidenceError(mailseal.Error):
    """A text is no evidence that this version can read."""


class _Header(msgspec.Struct):
    format: int


def write_evidence(evidence: Evidence) -> bytes:
    """Return the evidence as one line of JSON; octets are in base64, times as in RFC 3339."""
    return msgspec.json.encode(evidence, enc_hook=_plain)


def _plain(value: object) -> str:
    """Write a ``Domain`` as the text that it is."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"evidence holds a {type(value).__name__}")


def read_evidence(text: bytes) -> Evidence:
    """Read what ``write_evidence`` wrote; raise ``SavedEvidenceError`` for anything else."""
    if len(text) > MAX_SAVED_BYTES:
        raise SavedEvidenceError(f"longer than {MAX_SAVED_BYTES} bytes")
    try:
        known = msgspec.json.decode(text, type=_Header).format
        if known > FORMAT:
            raise SavedEvidenceError(
                f"it has format {known}, and this version reads up to {FORMAT}; "
                "take the version of mailseal that wrote it, or a newer one"
            )
        evidence = msgspec.json.decode(text, type=Evidence)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SavedEvidenceError(f"it is no saved evidence: {error}") from error
    fault = "$.format: the first format is 1" if known < 1 else find_fault(evidence)
    if fault is not None:
        raise SavedEvidenceError(f"nobody can have observed this: {fault}")
    return evidence
