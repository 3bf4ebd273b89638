"""Which TLSA records the chain of a server matches, and whether one suffices (RFC 7672 §3).

The rules are those of the MTAs' TLS library: a usage 3 record asks for nothing but the server's
own key or certificate; a usage 2 record for a chain up to the certificate that it names, with
valid dates and a name that was asked for. One record that matches is enough.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from mailseal.certs import quietly, reading_errors
from mailseal.dane.effort import Effort
from mailseal.dane.presented import Presented
from mailseal.dane.tlsa import TlsaRecord
from mailseal.dane.trust import explain_refusal, is_signed_by

DANE_TA, DANE_EE = 2, 3  # RFC 7218
WHOLE = 0  # the matching type without a digest
MAX_RECORDS = 100  # ours; more than 30 do not fit into a datagram
MAX_CHAIN = 10  # Postfix's own limit, smtp_tls_scert_verifydepth: 9 above the server's
MAX_WHOLE_ISSUERS = 8  # ours; each may have to be tried with every certificate, and few have one


class Standing(enum.StrEnum):
    """What became of one record."""

    MATCHES = "matches"
    NO_MATCH = "no-match"  # nothing that the server sent is what the record names
    REFUSED = "refused"  # it names an issuer that was found, but the chain or the name is bad
    SUPERSEDED = "superseded"  # a stronger digest stands beside it (RFC 7671 §9)
    UNUSABLE = "unusable"
    UNCHECKED = (
        "unchecked"  # finding out would take more work than a host is worth: a bound of ours
    )


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
    UNKNOWN = "unknown"  # no record matches of those that were checked


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
        if Standing.UNCHECKED in seen:
            return DaneOutcome.UNKNOWN
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
    records: Sequence[TlsaRecord],
    chain: Sequence[bytes],
    names: Sequence[str],
    now: datetime,
    *,
    effort: Effort | None = None,
) -> DaneMatch:
    """Match records with a chain of DER certificates as it was sent, the server's own first.

    ``names`` are the reference identifiers. Anything at all may be in records and chain: beyond
    ``MAX_RECORDS`` and ``MAX_CHAIN`` nothing is looked at, and what would need more signatures
    than ``effort`` has left is UNCHECKED.
    """
    records = records[:MAX_RECORDS]
    usable = {record: is_usable(record) for record in _within_bounds(records)}
    strongest: dict[tuple[int, int], int] = {}
    for record in (record for record, is_good in usable.items() if is_good):
        kind = (record.usage, record.selector)
        strongest[kind] = max(record.matching_type, strongest.get(kind, WHOLE))
    trial = _Trial(
        chain=chain,
        names=names,
        now=now,
        given=[one.data for one, is_good in usable.items() if is_good and _is_whole_issuer(one)],
        effort=effort or Effort(),
    )
    found: dict[TlsaRecord, RecordMatch] = {}
    for record in records:
        if record in found:
            continue
        if record not in usable:
            found[record] = RecordMatch(record=record, standing=Standing.UNCHECKED)
        elif not usable[record]:
            found[record] = RecordMatch(record=record, standing=Standing.UNUSABLE)
        elif WHOLE < record.matching_type < strongest[record.usage, record.selector]:
            found[record] = RecordMatch(record=record, standing=Standing.SUPERSEDED)
        elif record.usage == DANE_EE:
            found[record] = trial.match_leaf(record)
        else:
            found[record] = trial.match_issuer(record)
    return DaneMatch(matches=tuple(found[record] for record in records))


def is_usable(record: TlsaRecord) -> bool:
    """Tell whether an MTA takes the record: what is given in full must be readable, too."""
    if not record.is_usable:
        return False
    return record.matching_type != WHOLE or _is_readable(record)


def names_certificate(record: TlsaRecord, certificate: Presented) -> bool:
    """Tell whether the association data are those of this very certificate or its key."""
    return certificate.digest(record.selector, record.matching_type) == record.data


class _Trial:
    """One chain, tried with one record after another; each piece of work is done once."""

    def __init__(
        self,
        *,
        chain: Sequence[bytes],
        names: Sequence[str],
        now: datetime,
        given: Sequence[bytes],
        effort: Effort,
    ) -> None:
        self._shown = tuple(Presented.read(der) for der in chain[:MAX_CHAIN])
        self._helpers = tuple(dict.fromkeys([*(each.der for each in self._shown[1:]), *given]))
        self._names = names
        self._now = now
        self._effort = effort
        self._digests: dict[tuple[int, int], tuple[bytes, ...]] = {}
        self._refusals: dict[tuple[bytes, bool], str | None] = {}

    def match_leaf(self, record: TlsaRecord) -> RecordMatch:
        # Neither names nor dates nor issuers count here (RFC 7672 §3.1.1).
        if 0 in self._find(record):
            return RecordMatch(record=record, standing=Standing.MATCHES, depth=0)
        return RecordMatch(record=record, standing=Standing.NO_MATCH)

    def match_issuer(self, record: TlsaRecord) -> RecordMatch:
        unchecked = RecordMatch(record=record, standing=Standing.UNCHECKED)
        # The server's own certificate is no issuer, not even of itself.
        anchors: list[tuple[int | None, bytes]] = [
            (depth, self._shown[depth].der) for depth in self._find(record) if depth
        ]
        if not anchors and record.matching_type == WHOLE and self._shown:
            tried = self._anchors_for(record)
            if tried is None:
                return unchecked
            anchors = [(None, der) for der in tried]
        if not anchors:
            return RecordMatch(record=record, standing=Standing.NO_MATCH)
        is_bare = record.selector == 1 and anchors[0][0] is None
        refusals = []
        for depth, anchor in anchors:
            refusal = self._explain_refusal(anchor, is_bare=is_bare)
            if refusal is None:
                return unchecked
            if not refusal:
                return RecordMatch(record=record, standing=Standing.MATCHES, depth=depth)
            refusals.append(
                RecordMatch(record=record, standing=Standing.REFUSED, depth=depth, reason=refusal)
            )
        if anchors[0][0] is None:
            # It was tried for want of anything better: the chain may have nothing to do with it.
            return RecordMatch(record=record, standing=Standing.NO_MATCH, reason=refusals[0].reason)
        return refusals[0]

    def _find(self, record: TlsaRecord) -> list[int]:
        """Return the places in the chain that a record names."""
        form = record.selector, record.matching_type
        if form not in self._digests:
            self._digests[form] = tuple(each.digest(*form) for each in self._shown)
        return [depth for depth, one in enumerate(self._digests[form]) if one == record.data]

    def _anchors_for(self, record: TlsaRecord) -> list[bytes] | None:
        """Return what a whole key or certificate that was not sent may be tried as; None: too much.

        A bare key: what it has signed is as good as itself (RFC 7671 §5.2.3).
        """
        if record.selector == 0:
            return [record.data] if record.data != self._shown[0].der else []
        anchors: list[bytes] = []
        for der in dict.fromkeys(each.der for each in self._shown):
            is_signed = is_signed_by(der, record.data, self._effort)
            if is_signed is None:
                return None
            if is_signed:
                anchors.append(der)
        return anchors

    def _explain_refusal(self, anchor: bytes, *, is_bare: bool) -> str | None:
        known = anchor, is_bare
        if known not in self._refusals:
            # OpenSSL checks one signature of each certificate of the path at the most.
            is_paid = self._effort.spend(len(self._helpers) + 1)
            self._refusals[known] = (
                explain_refusal(
                    self._shown[0].der,
                    anchor,
                    self._helpers,
                    self._names,
                    self._now,
                    is_anchor_dated=is_bare,
                )
                if is_paid
                else None
            )
        return self._refusals[known]


def _within_bounds(records: Sequence[TlsaRecord]) -> list[TlsaRecord]:
    """Return each record once, but of issuers given as a whole no more than we try."""
    kept, whole = list[TlsaRecord](), 0
    for record in dict.fromkeys(records):
        is_whole = record.usage == DANE_TA and record.matching_type == WHOLE and record.is_usable
        whole += is_whole
        if not is_whole or whole <= MAX_WHOLE_ISSUERS:
            kept.append(record)
    return kept


def _is_whole_issuer(record: TlsaRecord) -> bool:
    return (record.usage, record.selector, record.matching_type) == (DANE_TA, 0, WHOLE)


@lru_cache(maxsize=MAX_RECORDS)  # every session with a host asks about the same few
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
