"""Every code that lint can answer has its paragraph in the reference, and no other has one."""

import json
import re
from pathlib import Path

from mailseal.deviations import Deviation
from mailseal.faces.lint_json import judge_policy, judge_records

ROOT = Path(__file__).parents[2]
GOOD = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 60\n"
UNWISE = [
    GOOD + "mx: mx.example.com\nmx: *.com\nmx: mx.yourdomain.example\nnote: x \nms: x",
    GOOD.replace("mx.example.com", "localhost"),
    "x" * 100_000,
]


def everything_found() -> list[Deviation]:
    """Judge all vectors and some unwise policies."""
    vectors = ROOT / "tests" / "vectors"
    found: list[Deviation] = []
    for vector in json.loads((vectors / "policies.json").read_text("utf-8")):
        if "body" in vector:
            found += judge_policy(vector["body"].encode()).findings
    for vector in json.loads((vectors / "records.json").read_text("utf-8")):
        found += judge_records(vector["records"]).findings
    for body in UNWISE:
        found += judge_policy(body.encode()).findings
    return found


def test_codes_and_their_paragraphs_are_the_same() -> None:
    """A code without a paragraph, or a paragraph without a code, is a mistake in one of them."""
    reference = (ROOT / "docs" / "reference" / "lint.md").read_text("utf-8")
    headings = re.findall(r"^### (.+)$", reference, re.MULTILINE)
    documented = {code for heading in headings for code in re.findall(r"`([^`]+)`", heading)}
    assert documented == {one.code for one in everything_found()}
