"""Which TLSA records the chain of a server matches, and whether one suffices (RFC 7672 §3).

The rules are those of the MTAs' TLS library: a usage 3 record asks for nothing but the server's
own key or certificate; a usage 2 record for a chain up to the certificate that it names, with
valid dates and a name that was asked for. One record that matches is enough.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain as concatenated

from mailseal.certs import quietly, reading_errors
from mailseal.dane.presented import Presented
from mailseal.dane.tlsa import TlsaRecord
from mailseal.dane.trust import explain_refusal, is_signed_by

DANE_TA, DANE_EE = 2, 3  # RFC 7218
WHOLE = 0  # the matching type without a digest
MAX_RECORDS = 100  # ours; more than 30 do not fit into a datagram
MAX_CHAIN = 32  # ours; chains that work have 2 to 5 certificates


class Standing(enum.StrEnum):
    """What became of one record."""

    MATCHES = "matches"
    NO_MATCH = "no-match"  # nothing that the server sent is what the record names
    REFUSED = "refused"  # it names an issuer that was found, but the chain or the name is bad
    SUPERSEDED = "superseded"  # a stronger digest stands beside it (RFC 7671 §9)
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMatch:
    """One record and what became of it.

    ``depth`` is the place in the chain of the certificate that it names, the server's own being
    0; None where that was not sent. ``reason`` is half a sentence for REFUSED.
    """

    record: TlsaRecord
    standing: Standing
    depth: int | None = None
    reason: str = ""


class DaneOutcome(enum.StrEnum):
    """What a client with DNSSEC does with the server (RFC 7672 §2.2)."""

    AUTHENTICATED = "authenticated"
    REFUSED = "refused"
    UNAUTHENTICATED = "unauthenticated"  # TLS is due, but no record can be used to verify it


@dataclass(frozen=True, slots=True, kw_only=True)
class DaneMatch:
    """What the records of a host, in their order, say of one chain."""

    matches: tuple[RecordMatch, ...]

    @property
    def outcome(self) -> DaneOutcome:
        """The verdict over all records."""
        seen = {match.standing for match in self.matches}
        if Standing.MATCHES in seen:
            return DaneOutcome.AUTHENTICATED
        return DaneOutcome.UNAUTHENTICATED if seen <= {Standing.UNUSABLE} else DaneOutcome.REFUSED

    def of(self, standing: Standing) -> tuple[RecordMatch, ...]:
        """Return the records of one standing."""
        return tuple(match for match in self.matches if match.standing is standing)


def reference_names(
    base: str, next_hop: str, *, is_mx_secure: bool, canonical: str = ""
) -> tuple[str, ...]:
    """Return the names one of which a usage 2 chain must be for (RFC 7672 §3.2.2).

    ``base`` is where the TLSA records stand. Behind secure MX records the domain that mail is for
    counts, too, and ``canonical``, which CNAMEs of its own led to; behind insecure ones it does
    not, since an attacker may have chosen the host.
    """
    names = (base, next_hop, canonical) if is_mx_secure else (base,)
    return tuple(dict.fromkeys(name for name in names if name))


def match_chain(
    records: Sequence[TlsaRecord], chain: Sequence[bytes], names: Sequence[str], now: datetime
) -> DaneMatch:
    """Match records with a chain of DER certificates as it was sent, the server's own first.

    ``names`` are the reference identifiers. Anything at all may be in records and chain;
    beyond ``MAX_RECORDS`` and ``MAX_CHAIN`` nothing is looked at.
    """
    records = records[:MAX_RECORDS]
    shown = tuple(Presented.read(der) for der in chain[:MAX_CHAIN])
    usable = [record for record in records if is_usable(record)]
    strongest = {
        (record.usage, record.selector): max(
            other.matching_type
            for other in usable
            if (other.usage, other.selector) == (record.usage, record.selector)
        )
        for record in usable
    }
    matches = []
    for record in records:
        if record not in usable:
            matches.append(RecordMatch(record=record, standing=Standing.UNUSABLE))
        elif WHOLE < record.matching_type < strongest[record.usage, record.selector]:
            matches.append(RecordMatch(record=record, standing=Standing.SUPERSEDED))
        elif record.usage == DANE_EE:
            matches.append(_match_leaf(record, shown))
        else:
            matches.append(_match_issuer(record, shown, usable, names, now))
    return DaneMatch(matches=tuple(matches))


def is_usable(record: TlsaRecord) -> bool:
    """Tell whether an MTA takes the record: what is given in full must be readable, too."""
    if not record.is_usable:
        return False
    return record.matching_type != WHOLE or _is_readable(record)


def names_certificate(record: TlsaRecord, certificate: Presented) -> bool:
    """Tell whether the association data are those of this very certificate or its key."""
    return certificate.digest(record.selector, record.matching_type) == record.data


def _match_leaf(record: TlsaRecord, shown: Sequence[Presented]) -> RecordMatch:
    # Neither names nor dates nor issuers count here (RFC 7672 §3.1.1).
    if shown and names_certificate(record, shown[0]):
        return RecordMatch(record=record, standing=Standing.MATCHES, depth=0)
    return RecordMatch(record=record, standing=Standing.NO_MATCH)


def _match_issuer(
    record: TlsaRecord,
    shown: Sequence[Presented],
    usable: Sequence[TlsaRecord],
    names: Sequence[str],
    now: datetime,
) -> RecordMatch:
    # The server's own certificate is no issuer, not even of itself.
    anchors: list[tuple[int | None, bytes]] = [
        (depth, each.der)
        for depth, each in enumerate(shown[1:], 1)
        if names_certificate(record, each)
    ]
    if not anchors and record.matching_type == WHOLE and shown:
        if record.selector == 0:
            if record.data != shown[0].der:
                anchors = [(None, record.data)]
        else:
            # A bare key: what it has signed is as good as itself (RFC 7671 §5.2.3).
            anchors = [(None, each.der) for each in shown if is_signed_by(each.der, record.data)]
    if not anchors:
        return RecordMatch(record=record, standing=Standing.NO_MATCH)
    given = (each.data for each in usable if _is_whole_issuer(each))
    helpers = tuple(concatenated((each.der for each in shown[1:]), given))
    is_bare = record.selector == 1 and all(depth is None for depth, _ in anchors)
    refusals = []
    for depth, anchor in anchors:
        refusal = explain_refusal(
            shown[0].der, anchor, helpers, names, now, is_anchor_dated=is_bare
        )
        if not refusal:
            return RecordMatch(record=record, standing=Standing.MATCHES, depth=depth)
        refusals.append(
            RecordMatch(record=record, standing=Standing.REFUSED, depth=depth, reason=refusal)
        )
    if record.matching_type == WHOLE and all(depth is None for depth, _ in anchors):
        # It was tried for want of anything better: the chain may have nothing to do with it.
        return RecordMatch(record=record, standing=Standing.NO_MATCH, reason=refusals[0].reason)
    return refusals[0]


def _is_whole_issuer(record: TlsaRecord) -> bool:
    return (record.usage, record.selector, record.matching_type) == (DANE_TA, 0, WHOLE)


@quietly()
def _is_readable(record: TlsaRecord) -> bool:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        if record.selector == 0:
            x509.load_der_x509_certificate(record.data).public_key()
        else:
            load_der_public_key(record.data)
    except reading_errors():
        return False
    return True
