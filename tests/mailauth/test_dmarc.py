"""DMARC records: what receivers would act upon (RFC 7489 §6.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.mailauth.dmarc import (
    DmarcRecord,
    DmarcSyntaxError,
    parse_record,
    select_records,
)


def test_a_full_record_is_read() -> None:
    """Values have no case, blanks round them do not count."""
    text = b"v=DMARC1; p = Reject; sp=quarantine;rua=mailto:a@example.com!10m, mailto:b@x.example;"
    assert parse_record(text) == DmarcRecord(
        policy="reject",
        subdomain_policy="quarantine",
        rua=("mailto:a@example.com!10m", "mailto:b@x.example"),
    )


def test_subdomains_get_the_policy_unless_told() -> None:
    """RFC 7489 §6.3: without sp, p is for both."""
    assert parse_record(b"v=DMARC1; p=none; pct=50; x_new=1").subdomain_policy == "none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"v=DMARC1", "no p"),
        (b"v=DMARC1; rua=mailto:a@example.com", "no p"),
        (b"v=DMARC1; p=block", "expected none, quarantine or reject"),
        (b"v=DMARC1; p=none; sp=all", "expected none, quarantine or reject"),
        (b"v=DMARC1; p=none; adkim=x", "expected r or s"),
        (b"v=DMARC1; p=none; pct=150", "expected 0 to 100"),
        (b"v=DMARC1; p=none; pct=50%", "expected 0 to 100"),
        (b"v=DMARC1; p=none; rua=a@example.com", "mailto:"),  # the commonest mistake
        (b"v=DMARC1; p=none; ruf=mailto:a@example.com,", "mailto:"),
        (b"v=DMARC1; p=none; p=reject", "p is there twice"),
        (b"v=DMARC1; p=none;; sp=none", "two semicolons"),
        (b"v=DMARC1; p", "no tag"),
        (b"p=none; v=DMARC1", "does not begin"),
        (b"v=DMARC1; p=none\xa0", "not ASCII"),
        (b"v=DMARC1; \x00=1", "no name of a tag"),
        (b"v=DMARC1; p=a\x00b", "not allowed"),
    ],
)
def test_the_mistake_is_named_in_words(text: bytes, words: str) -> None:
    """The message says what is wrong with the record."""
    with pytest.raises(DmarcSyntaxError, match=words):
        parse_record(text)


def test_only_records_of_dmarc_are_selected() -> None:
    """Version DMARC10, or one in other letters, is none (RFC 7489 §6.6.3)."""
    records = [[b"v=DMARC1; p", b"=none"], [b"v=DMARC10; p=none"], [b"v=dmarc1; p=none"]]
    assert select_records(records) == (b"v=DMARC1; p=none",)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_record_or_our_own_error(text: bytes) -> None:
    """Nothing but DmarcSyntaxError is raised."""
    try:
        record = parse_record(b"v=DMARC1; p=none; " + text)
    except DmarcSyntaxError:
        return
    assert record.policy == "none"
