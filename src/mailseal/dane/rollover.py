"""Whether a host's TLSA records let its key change without losing mail (RFC 7671 §8).

Records are cached: the one for the next key must have been there for a while when the key
changes. So two records of different keys are needed, one of them for a key that is not in use
yet, or else one for the key and one for the issuer, which stays when the key changes.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from mailseal.dane.match import DANE_EE, DANE_TA, is_usable, names_certificate
from mailseal.dane.presented import Presented
from mailseal.dane.tlsa import TlsaRecord


class Scheme(enum.StrEnum):
    """How the next change of the key is prepared."""

    NONE = "none"
    NEXT_KEY = "next-key"  # 3 1 1 for this key and 3 1 1 for another
    ISSUER = "issuer"  # 3 1 1 for this key and 2 1 1 for its issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollover:
    """How a host's records stand to a change of its key.

    ``current`` name something that is presented, ``spare`` nothing yet. ``repeated`` are those
    that say again what another one says, in another form or the very same.
    ``stale`` are the combinations of usage, selector and matching type no record of which names
    anything presented, although another one does: each needs one (RFC 7671 §8).
    """

    scheme: Scheme
    current: tuple[TlsaRecord, ...]
    spare: tuple[TlsaRecord, ...]
    repeated: tuple[TlsaRecord, ...]
    stale: tuple[tuple[int, int, int], ...]


def judge_rollover(records: Sequence[TlsaRecord], chains: Sequence[Sequence[bytes]]) -> Rollover:
    """Judge the records of a host by all the chains that its addresses present.

    Several records for one certificate prepare nothing, whatever their form. Neither does a
    ``3 0 x`` or ``3 1 x`` pair of which both are in use, each at another address.
    """
    shown = [[Presented.read(der) for der in chain] for chain in chains if chain]
    usable = [record for record in records if is_usable(record)]
    current: dict[TlsaRecord, frozenset[bytes]] = {}
    spare: list[TlsaRecord] = []
    repeated: list[TlsaRecord] = []
    for record in usable:
        keys = frozenset(_keys(record, shown))
        if record in spare or keys in current.values():
            repeated.append(record)
        elif keys:
            current[record] = keys
        else:
            spare.append(record)
    leaf_keys = {chain[0].spki for chain in shown}
    return Rollover(
        scheme=_judge_scheme(current, spare, leaf_keys),
        current=tuple(current),
        spare=tuple(spare),
        repeated=tuple(repeated),
        stale=_find_stale(usable, shown) if current else (),
    )


def _keys(record: TlsaRecord, shown: Sequence[Sequence[Presented]]) -> list[bytes]:
    """Return the keys presented that a record is about."""
    return [
        certificate.spki
        for chain in shown
        for certificate in (chain[:1] if record.usage == DANE_EE else chain)
        if names_certificate(record, certificate)
    ]


def _judge_scheme(
    current: dict[TlsaRecord, frozenset[bytes]], spare: Sequence[TlsaRecord], leaf_keys: set[bytes]
) -> Scheme:
    if any(not keys & leaf_keys for keys in current.values()):
        return Scheme.ISSUER
    forms = {_form(record) for record in current}
    if any(record.usage == DANE_EE and _form(record) in forms for record in spare):
        return Scheme.NEXT_KEY
    if current and any(record.usage == DANE_TA for record in spare):
        return Scheme.ISSUER
    return Scheme.NONE


def _find_stale(
    usable: Sequence[TlsaRecord], shown: Sequence[Sequence[Presented]]
) -> tuple[tuple[int, int, int], ...]:
    alive: dict[tuple[int, int, int], bool] = {}
    for record in usable:
        form = _form(record)
        alive[form] = alive.get(form, False) or bool(_keys(record, shown))
    return tuple(form for form, is_alive in alive.items() if not is_alive)


def _form(record: TlsaRecord) -> tuple[int, int, int]:
    return record.usage, record.selector, record.matching_type
