"""Evidence as a file."""

import msgspec
import pytest

from mailseal.checks.evidence import FORMAT
from mailseal.checks.judge import judge
from mailseal.checks.saved import SavedEvidenceError, read_evidence, write_evidence
from mailseal.dane.tlsa import TlsaRecord
from mailseal.testing.evidence import domain_evidence, failed, host, records

RECORD = TlsaRecord(usage=3, selector=1, matching_type=1, data=bytes(32))


@pytest.mark.parametrize(
    "evidence",
    [
        domain_evidence(),
        domain_evidence(host(tlsa=(RECORD,))),
        domain_evidence(own_records=records(sts=failed())),
    ],
    ids=["good", "dane", "failed-lookup"],
)
def test_saved_evidence_reads_back_and_is_judged_alike(evidence: object) -> None:
    """A judgement needs nothing that was not written down."""
    assert isinstance(evidence, type(domain_evidence()))
    again = read_evidence(write_evidence(evidence))

    assert again == evidence
    assert judge(again) == judge(evidence)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "truncated"),
        (b"{}", "format"),
        (b'{"format": 1}', "domain"),  # nothing but a header
        (b"[" * 100_000, "evidence"),  # nested beyond any reader's stack
        (b'{"format": %d}' % (FORMAT + 1), "newer"),
    ],
)
def test_what_is_no_evidence_is_refused_with_a_reason(text: bytes, why: str) -> None:
    """A damaged or foreign file is told apart from one of a newer version."""
    with pytest.raises(SavedEvidenceError, match=why):
        read_evidence(text)


def test_any_change_of_a_type_is_noticed() -> None:
    """A wrong type is named by its place in the file."""
    document = msgspec.json.decode(write_evidence(domain_evidence()))
    document["records"]["mx"]["ttl"] = "soon"

    with pytest.raises(SavedEvidenceError, match=r"\$\.records\.mx"):
        read_evidence(msgspec.json.encode(document))
