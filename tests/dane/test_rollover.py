"""Whether records let a key change (RFC 7671 §8)."""

import pytest

from mailseal.dane.rollover import Scheme, judge_rollover
from mailseal.dane.tlsa import TlsaRecord
from tests.danegrid import chain_of, raw, tlsa


def records(text: str) -> tuple[TlsaRecord, ...]:
    """Make records of ``FORM KEY`` pairs."""
    words = text.split()
    return tuple(tlsa(form, key) for form, key in zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize(
    ("published", "chains", "scheme"),
    [
        ("311 leaf 311 other", ["usual"], Scheme.NEXT_KEY),
        ("311 other 311 leaf", ["usual"], Scheme.NEXT_KEY),
        ("301 leaf 301 other", ["usual"], Scheme.NEXT_KEY),
        ("311 leaf 211 issuer", ["usual"], Scheme.ISSUER),
        ("311 leaf 211 root", ["usual"], Scheme.ISSUER),  # not sent: the next issuer, perhaps
        ("211 issuer", ["usual"], Scheme.ISSUER),  # any key of this issuer will do
        ("311 leaf", ["usual"], Scheme.NONE),
        ("311 leaf 311 leaf", ["usual"], Scheme.NONE),  # the same record twice
        ("311 leaf 301 leaf", ["usual"], Scheme.NONE),  # two records, one certificate
        ("311 leaf 312 leaf", ["usual"], Scheme.NONE),
        ("311 self 211 self", ["self-signed"], Scheme.NONE),  # it is its own issuer
        ("211 self", ["self-signed"], Scheme.NONE),  # whose key changes with the server's
        ("211 self 211 root", ["self-signed"], Scheme.ISSUER),
        ("211 leaf", ["usual"], Scheme.NONE),  # the server's own key, whatever it is called
        ("211 root", ["usual"], Scheme.NONE),  # nothing matches, so nothing is prepared
        ("311 leaf 301 other", ["usual"], Scheme.NONE),  # 3 0 1 has none for the key in use
        ("311 leaf 311 self", ["usual", "self-signed"], Scheme.NONE),  # both are in use
        ("311 other", ["usual"], Scheme.NONE),  # nothing matches: there is worse to say
        ("311 leaf", [], Scheme.NONE),
    ],
)
def test_a_spare_key_or_an_issuer_prepares_a_change(
    published: str, chains: list[str], scheme: Scheme
) -> None:
    """Two distinct keys, one not in use yet; or a key and its issuer."""
    shown = [chain_of(name) for name in chains]

    assert judge_rollover(records(published), shown).scheme is scheme


def test_records_are_sorted_by_what_they_are_for() -> None:
    """In use, in reserve, said again, of a form that has none in use; unusable ones are nothing."""
    published = (
        *records("311 leaf 301 leaf 311 other 312 other 211 issuer 311 leaf 311 other"),
        raw("111", bytes(32)),
    )
    rollover = judge_rollover(published, [chain_of("usual")])

    assert rollover.current == (published[0], published[4])
    assert rollover.spare == (published[2], published[3])
    assert rollover.repeated == (published[1], published[5], published[6])
    assert rollover.stale == ((3, 1, 2),)


def test_an_address_that_showed_no_chain_changes_nothing() -> None:
    """A handshake may end before anything is shown."""
    published = records("311 leaf 311 other")

    rollover = judge_rollover(published, [(), chain_of("usual"), ()])

    assert rollover == judge_rollover(published, [chain_of("usual")])
    assert judge_rollover(published, [()]).current == ()
