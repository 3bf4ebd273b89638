"""Judgements as JUnit's XML, for the page of a build: a suite for a domain, a case for an area.

An error of the domain is a failure there, and what could not be found out is an error: the case
could not be run. Warnings stand in the output of a case that passes.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mailseal.checks.finding import Finding, Severity
from mailseal.checks.judge import Judgement
from mailseal.checks.layout import lay_out
from mailseal.checks.overview import AreaView, Mark
from mailseal.faces.check.showing import printable
from mailseal.faces.check.words import SEVERITIES

_ELEMENTS = {Mark.ERROR: "failure", Mark.UNKNOWN: "error", Mark.NONE: "skipped"}
_COUNTED = {"failures": Mark.ERROR, "errors": Mark.UNKNOWN, "skipped": Mark.NONE}


def render(judgements: Sequence[Judgement]) -> str:
    """Return the whole document."""
    root = Element("testsuites", name="mailseal check")
    for judgement in judgements:
        _add_suite(root, judgement)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _add_suite(root: Element, judgement: Judgement) -> None:
    evidence = judgement.reading.evidence
    views = lay_out(judgement).areas
    seconds = (evidence.finished_at - evidence.started_at).total_seconds()
    suite = SubElement(root, "testsuite", name=printable(judgement.domain), tests=str(len(views)))
    for name, mark in _COUNTED.items():
        suite.set(name, str(sum(one.mark is mark for one in views)))
    suite.set("time", f"{seconds:.3f}")
    suite.set("timestamp", evidence.finished_at.strftime("%Y-%m-%dT%H:%M:%S"))
    properties = SubElement(suite, "properties")
    headline = judgement.headline
    for name, value in (("verdict", headline.verdict.value), ("sentence", headline.sentence)):
        SubElement(properties, "property", name=name, value=printable(value))
    for view in views:
        _add_case(suite, judgement.domain, view)


def _add_case(suite: Element, domain: str, view: AreaView) -> None:
    case = SubElement(
        suite, "testcase", classname=printable(domain), name=view.area.heading, time="0"
    )
    wrong = [one for one in view.findings if one.severity is not Severity.INFO]
    text = "\n\n".join(map(_say, wrong))
    name = _ELEMENTS.get(view.mark)
    if name is not None:
        first = wrong[0] if wrong else None
        message = (
            first.seen if first else "; ".join(one.text for one in view.facts) or "not looked at"
        )
        element = SubElement(case, name, message=printable(message))
        if first is not None:
            element.set("type", first.code)
            element.text = text
    elif text:
        SubElement(case, "system-out").text = text


def _say(finding: Finding) -> str:
    ready = [line for one in finding.ready for line in (f"{one.place}:", *one.text.splitlines())]
    lines = (
        f"{SEVERITIES[finding.severity]} {finding.code}: {finding.subject}",
        finding.seen,
        finding.follows,
        finding.remedy,
        *ready,
    )
    return "\n".join(printable(line) for line in lines if line)
