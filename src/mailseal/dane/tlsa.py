"""TLSA records and which of them SMTP can use (RFC 6698 §2.1, RFC 7672 §3.1)."""

from dataclasses import dataclass

_DIGEST_BYTES = {1: 32, 2: 64}  # matching type: SHA-256, SHA-512 (RFC 6698 §2.1.3)
_MIN_EXACT_BYTES = 32  # shorter than any DER certificate or public key that is in use


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsaRecord:
    """One TLSA record; ``data`` is the association data as bytes."""

    usage: int
    selector: int
    matching_type: int
    data: bytes

    @property
    def is_usable(self) -> bool:
        """Tell whether an SMTP client can authenticate a host with this record.

        Only usages 2 (DANE-TA) and 3 (DANE-EE) count (RFC 7672 §3.1.3); an unknown selector or
        matching type or a digest of the wrong length makes the record unusable (RFC 6698 §4.1).
        """
        if self.usage not in (2, 3) or self.selector not in (0, 1):
            return False
        if self.matching_type == 0:
            return len(self.data) >= _MIN_EXACT_BYTES and self.data[:1] == b"\x30"
        return len(self.data) == _DIGEST_BYTES.get(self.matching_type, -1)

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching_type} {self.data.hex()}"
