"""Every vector of TLSRPT records comes out as it says (RFC 8460 §3)."""

import json
from pathlib import Path
from typing import Any

import pytest

from mailseal.deviations import Severity
from mailseal.tlsrpt.record import read_records

VECTORS = Path(__file__).parents[1] / "vectors" / "tlsrpt_records.json"


def cases() -> list[Any]:
    """Return the vectors as parameters, named."""
    return [pytest.param(one, id=one["name"]) for one in json.loads(VECTORS.read_text("utf-8"))]


@pytest.mark.parametrize("vector", cases())
def test_records_read_as_their_vector_says(vector: dict[str, Any]) -> None:
    """The record has these addresses, or the first deviation is the reason."""
    reading = read_records([[s.encode() for s in strings] for strings in vector["records"]])
    if reading.record is None:
        assert reading.deviations[0].severity is Severity.ERROR
        assert vector["expect"] == {"reason": reading.deviations[0].code}
    else:
        assert vector["expect"] == {"rua": [uri.text for uri in reading.record.rua]}
