"""Judgements for programs: JSON, JUnit, and a monitoring plug-in's line."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import msgspec
import pytest

from mailseal.checks.evidence import Evidence
from mailseal.checks.judge import judge
from mailseal.checks.saved import read_evidence
from mailseal.faces.check import jsonform, junitform, nagiosform
from mailseal.faces.check.document import CheckAnswer, to_answer
from mailseal.testing.evidence import (
    domain_evidence,
    failed,
    host,
    records,
    session,
    tls,
    txt,
)
from tests.faces.check.hostile import HARMFUL, hostile_evidence

GOOD = domain_evidence()
BROKEN = domain_evidence(
    host(sessions=(session(handshake=tls("other.example")),)), domain="broken.example"
)
UNSEEN = domain_evidence(own_records=records(sts=failed()), domain="unseen.example")
WORLDS = [GOOD, BROKEN, UNSEEN, hostile_evidence()]


# -- JSON -----------------------------------------------------------------------------------


@pytest.mark.parametrize("evidence", WORLDS)
def test_the_object_is_of_its_type_and_reads_back(evidence: Evidence) -> None:
    """What the schema promises is what is written."""
    judgement = judge(evidence)
    text = jsonform.render([judgement])

    assert msgspec.json.decode(text, type=CheckAnswer) == to_answer(judgement)
    assert text.isascii()
    assert not set(HARMFUL) - {"\x7f"} & set(text)


def test_the_object_has_what_a_program_asks_for() -> None:
    """Verdict, exit code, and each finding with its code and what to do."""
    document = json.loads(jsonform.render([judge(BROKEN)]))

    assert document["verdict"] == "enforcing-and-losing-mail"
    assert document["exit_code"] == 2
    first = document["findings"][0]
    assert (first["code"], first["area"], first["severity"]) == (
        "certificate-wrong-name",
        "mx",
        "error",
    )
    assert document["policy"] == {"mode": "enforce", "max_age": 604800, "mx": ["mx1.example.com"]}
    assert document["mx_hosts"][0]["addresses"][0]["certificate"]["mark"] == "error"


def test_several_domains_are_lines() -> None:
    """A reader takes one at a time."""
    lines = jsonform.render([judge(GOOD), judge(BROKEN)]).splitlines()

    assert [json.loads(line)["domain"] for line in lines] == ["example.com", "broken.example"]


def test_evidence_is_there_when_asked_for() -> None:
    """It is what --save-evidence keeps, and can be judged again."""
    assert "evidence" not in json.loads(jsonform.render([judge(GOOD)]))
    document = json.loads(jsonform.render([judge(GOOD)], has_evidence=True))

    assert read_evidence(json.dumps(document["evidence"]).encode()) == GOOD


# -- JUnit ----------------------------------------------------------------------------------


def test_a_domain_is_a_suite_and_an_area_a_case() -> None:
    """A build's page shows which part is broken, and counts agree."""
    root = ET.fromstring(junitform.render([judge(GOOD), judge(BROKEN), judge(UNSEEN)]))
    suites = {suite.get("name"): suite for suite in root}

    for suite in suites.values():
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        for name, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert suite.get(count) == str(len(suite.findall(f"testcase/{name}")))
    failures = suites["broken.example"].findall("testcase[@name='Mail servers']/failure")
    assert [one.get("type") for one in failures] == ["certificate-wrong-name"]
    assert "certificate-wrong-name: mx1.example.com" in (failures[0].text or "")
    assert suites["example.com"].findall("testcase/failure") == []
    errors = suites["unseen.example"].findall("testcase[@name='MTA-STS record']/error")
    assert [one.get("type") for one in errors] == ["sts-record-unknown"]


def test_a_case_that_is_left_out_says_why() -> None:
    """A good domain's mail servers pass, and what was not looked at has a reason."""
    unasked = replace(GOOD, records=replace(GOOD.records, tlsrpt=None))
    root = ET.fromstring(junitform.render([judge(GOOD), judge(unasked)]))

    assert all(one.get("message") for one in root.iter("skipped"))
    servers = root.findall("testsuite/testcase[@name='Mail servers']")
    assert [len(case) for case in servers] == [0, 0]


def test_warnings_stand_in_the_output_of_a_case_that_passes() -> None:
    """JUnit has no word for them."""
    evidence = replace(GOOD, records=replace(GOOD.records, tlsrpt=txt()))
    root = ET.fromstring(junitform.render([judge(evidence)]))
    outputs = [one.text or "" for one in root.iter("system-out")]

    assert any("tlsrpt-absent" in text for text in outputs)


def test_junit_of_a_hostile_domain_is_well_formed() -> None:
    """XML has no way to write most controls, escaped or not."""
    text = junitform.render([judge(hostile_evidence())])

    ET.fromstring(text)
    assert not set(HARMFUL) & set(text)


# -- monitoring -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worlds", "start"),
    [
        ([BROKEN], "CRITICAL - broken.example: enforcing and losing mail. "),
        ([UNSEEN], "UNKNOWN - unseen.example: cannot tell from here. "),
        ([GOOD, BROKEN, UNSEEN], "CRITICAL - 1 of 3 domains: broken.example | "),
        ([GOOD, UNSEEN], "UNKNOWN - 1 of 2 domains: unseen.example | "),
    ],
)
def test_the_first_line_has_state_and_reason(worlds: list[Evidence], start: str) -> None:
    """It is all that many pages show."""
    assert nagiosform.render([judge(one) for one in worlds]).startswith(start)


def test_figures_follow_the_guidelines() -> None:
    """label=value[unit];warn;crit: a grapher reads them without being told."""
    (first, *_) = nagiosform.render([judge(BROKEN)]).splitlines()
    text, bar, figures = first.partition(" | ")

    assert bar
    assert "|" not in text
    words = figures.split(" ")
    assert all(re.fullmatch(r"[a-z_]+=[0-9.]+s?(;[0-9]*){0,2}", word) for word in words)
    assert "errors=1;;0" in words
    assert any(word.startswith("certificate_days=") for word in words)


def test_a_hostile_domain_cannot_write_figures() -> None:
    """A bar in a server's text would begin some; a line end another service's."""
    text = nagiosform.render([judge(hostile_evidence())])

    assert text.count("|") == 1
    assert not set(HARMFUL) & set(text)
    assert not [line for line in text.splitlines() if line.startswith("::")]
    assert len(text) < 8192
