"""Every vector of ``tests/vectors`` comes out as it says (RFC 8461 §3.1, §3.2, §4.1)."""

import json
from pathlib import Path
from typing import Any

import pytest

from mailseal.deviations import Severity
from mailseal.faces.lint_json import judge_policy
from mailseal.mtasts.policy import read_policy
from mailseal.mtasts.record import read_records

VECTORS = Path(__file__).parents[1] / "vectors"


def cases(name: str) -> list[Any]:
    """Return the vectors of one file as parameters, named."""
    vectors = json.loads((VECTORS / name).read_text("utf-8"))
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


@pytest.mark.parametrize("vector", cases("records.json"))
def test_records_read_as_their_vector_says(vector: dict[str, Any]) -> None:
    """The record has the id, or the first deviation is the reason (RFC 8461 §3.1)."""
    reading = read_records([[s.encode() for s in strings] for strings in vector["records"]])
    if reading.record is None:
        assert reading.deviations[0].severity is Severity.ERROR
        assert vector["expect"] == {"reason": reading.deviations[0].code}
    else:
        assert vector["expect"] == {"id": reading.record.id}


@pytest.mark.parametrize("vector", cases("policies.json"))
def test_policies_read_as_their_vector_says(vector: dict[str, Any]) -> None:
    """The policy has the values, or the first deviation is the reason (RFC 8461 §3.2)."""
    body = bytes.fromhex(vector["body_hex"]) if "body_hex" in vector else vector["body"].encode()
    reading = read_policy(body)
    if reading.policy is None:
        assert reading.deviations[0].severity is Severity.ERROR
        assert vector["expect"] == {"reason": reading.deviations[0].code}
    else:
        assert vector["expect"] == {
            "mode": reading.policy.mode,
            "mx": [pattern.text for pattern in reading.policy.mx],
            "max_age": int(reading.policy.max_age.total_seconds()),
            "strict": not any(one.severity is Severity.ERROR for one in reading.deviations),
        }


@pytest.mark.parametrize("vector", cases("mx_hosts.json"))
def test_hosts_are_covered_as_their_vector_says(vector: dict[str, Any]) -> None:
    """A host in any form is covered or not; an unusable policy covers none (RFC 8461 §4.1)."""
    mode = "enforce" if vector["patterns"] else "none"
    lines = ["version: STSv1", f"mode: {mode}", "max_age: 604800"]
    lines += [f"mx: {pattern}" for pattern in vector["patterns"]]
    verdict = judge_policy("\r\n".join(lines).encode())
    assert verdict.covers(vector["host"]) is vector["expect"]
