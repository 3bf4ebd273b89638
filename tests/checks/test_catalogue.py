"""The catalogue as a whole: codes, texts, and evidence for each of them."""

import re
from functools import cache
from pathlib import Path

import pytest

from mailseal.checks import catalogue
from mailseal.checks.catalogue import ENTRIES
from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Entry, Finding, Kind, Severity
from mailseal.checks.judge import judge
from mailseal.checks.saved import read_evidence, write_evidence

from .examples import examples, good

MAX_TEXT_CHARS = 400  # ours: five lines of a terminal
MAX_TITLE_CHARS = 100

# Kebab-case, with an underscore as in the name of a field, "max_age".
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+(_[a-z0-9]+)*)+")
# Begins with a capital, something quoted, or a name; ends with a full stop.
_NAME = r"mailseal\b|max_age\b|localhost\b|[a-z0-9][a-z0-9_-]*\."
_SENTENCE = re.compile(rf"([A-Z0-9\"'(_*]|{_NAME})\S*( .*)?[^.]\.")
_DOCS = Path(__file__).parents[2] / "docs"
_CLAUSE = re.compile(r"RFC [0-9]{3,4}( §|$)")


@cache
def findings() -> tuple[Finding, ...]:
    """Judge every example once."""
    return tuple(dict.fromkeys(one for example in examples() for one in judge(example).findings))


def test_codes_are_unique_words() -> None:
    """A code is a promise: monitoring and scripts go by it."""
    codes = [entry.code for entry in ENTRIES]
    assert len(codes) == len(set(codes))
    assert [code for code in codes if not _CODE.fullmatch(code)] == []


def test_every_module_with_entries_is_in_the_catalogue() -> None:
    """A module that nobody lists finds nothing."""
    with_entries = {
        path.stem
        for path in Path(catalogue.__file__).parent.glob("*.py")
        if re.search(r"^def check\(reading", path.read_text("utf-8"), re.MULTILINE)
    }
    assert {module.__name__.rpartition(".")[2] for module in catalogue.MODULES} == with_entries


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_an_entry_explains_its_check(entry: Entry) -> None:
    """A half sentence as its title, one to three whole ones about it, and a clause."""
    assert len(entry.title) <= MAX_TITLE_CHARS
    assert not entry.title.endswith(".")
    assert _SENTENCE.fullmatch(entry.about)
    assert len(entry.about) <= MAX_TEXT_CHARS
    assert _CLAUSE.match(entry.clause)
    assert f"{entry.title}{entry.about}{entry.clause}".isprintable()


def test_every_entry_is_found_in_some_example() -> None:
    """No code is in the catalogue for nothing; what needs history is tried with its changes."""
    found = {finding.code for finding in findings()}
    expected = {entry.code for entry in ENTRIES if not entry.needs_history}
    assert expected - found == set()
    assert found - {entry.code for entry in ENTRIES} == set()


@pytest.mark.parametrize("name", good())
def test_good_domains_have_nothing_to_be_changed(name: str) -> None:
    """Nothing above INFO, so that monitoring stays quiet."""
    judgement = judge(good()[name])
    assert {one.severity for one in judgement.findings} <= {Severity.INFO}, judgement.findings


def _texts(finding: Finding) -> tuple[str, ...]:
    return (finding.seen, finding.follows, finding.remedy)


def test_what_is_found_is_told_in_whole_sentences() -> None:
    """What was seen always; what follows and what to do where there is something to be done."""
    bad = [
        (finding.code, text)
        for finding in findings()
        for text in filter(None, _texts(finding))
        if not _SENTENCE.fullmatch(text) or len(text) > MAX_TEXT_CHARS
    ]
    assert bad == []
    assert all(finding.seen for finding in findings())


def test_what_is_wrong_comes_with_a_consequence_and_a_remedy() -> None:
    """An error or a warning without a way out helps nobody."""
    bad = {
        finding.code
        for finding in findings()
        if finding.severity in (Severity.ERROR, Severity.WARNING)
        and not (finding.follows and finding.remedy)
    }
    assert bad == set()


def test_nothing_that_could_act_on_a_terminal_is_in_a_text() -> None:
    """Servers' words arrive as escapes; only a ready-made text has several lines."""
    for finding in findings():
        for text in (*_texts(finding), finding.subject, finding.clause):
            assert text.isprintable(), finding
        for ready in finding.ready:
            lines = ready.text.split("\r\n" if ready.kind is Kind.POLICY else "\n")
            assert all(line.isprintable() for line in lines), finding


def test_every_finding_cites_a_clause() -> None:
    """Whoever doubts a finding can look it up."""
    assert {one.code for one in findings() if not _CLAUSE.match(one.clause)} == set()


@pytest.mark.parametrize("number", range(10))
def test_saved_evidence_is_judged_alike(number: int) -> None:
    """Every example survives a file, and leads to the same judgement (in tenths, for speed)."""
    for evidence in examples()[number::10]:
        again: Evidence = read_evidence(write_evidence(evidence))
        assert again == evidence
        assert judge(again) == judge(evidence)


def test_every_check_is_built_or_left_out_for_a_reason() -> None:
    """Each of the numbers 1 to 118 names codes that exist, or a decision tells why it does not."""
    rows = re.findall(
        r"^\| ([0-9]+) \| (.+) \| (.+) \|$",
        (_DOCS / "reference" / "checks.md").read_text("utf-8"),
        re.MULTILINE,
    )
    left_out = (_DOCS / "decisions" / "0032-checks-left-out.md").read_text("utf-8")
    cells = re.findall(r"^\| ([0-9, ]+) \|", left_out, re.MULTILINE)
    reasons = set(re.findall(r"[0-9]+", " ".join(cells)))
    known = {entry.code for entry in ENTRIES}

    assert [int(number) for number, _, _ in rows] == list(range(1, 119))
    for number, _, told_by in rows:
        codes = set(re.findall(r"`([a-z0-9_-]+)`", told_by)) - {"remedy", "ready", "result"}
        assert codes <= known, number
        assert told_by != "left out"
        if "left out" in told_by:
            assert number in reasons
