"""Judgements for a terminal: the answer first, then the reasons, then all that was seen."""

from collections import Counter
from collections.abc import Iterator, Sequence

from mailseal.checks.areas import Area
from mailseal.checks.finding import Severity
from mailseal.checks.judge import Judgement
from mailseal.checks.layout import lay_out
from mailseal.checks.overview import (
    Cell,
    MxView,
    Overview,
    mark_of,
    mark_of_told,
    mark_of_verdict,
)
from mailseal.checks.verdict import Verdict
from mailseal.faces.check import words
from mailseal.faces.check.page import STYLES, Look, Page, Styled

MAX_LINES_SHORT = 5  # ours: of a domain among several
_TLSRPT = "in senders' reports: "


def render(judgements: Sequence[Judgement], look: Look | None = None) -> str:
    """Return one domain in full, or a short block for each of several and a summary."""
    page = Page(look or Look())
    if len(judgements) == 1:
        _write(page, judgements[0])
    else:
        for judgement in judgements:
            _write_short(page, judgement)
        _write_summary(page, judgements)
    return page.render()


# -- one domain -----------------------------------------------------------------------------


def _write(page: Page, judgement: Judgement) -> None:
    overview = lay_out(judgement)
    _write_headline(page, judgement)
    for reason in judgement.headline.reasons:
        page.paragraph(reason, indent=2, sign=Styled("- ", "dim"))
    page.blank()
    page.paragraph(Styled(words.looked(judgement), "dim"))
    for view in overview.areas:
        if not view.facts and view.area is not Area.MX:
            continue
        page.rule(view.area.heading, view.mark)
        page.table([(page.glyph(one.mark), one.label, one.text) for one in view.facts], indent=2)
        if view.area is Area.POLICY:
            _write_policy_host(page, overview)
        elif view.area is Area.MX:
            _write_hosts(page, overview)
    _write_findings(page, judgement)


def _write_headline(page: Page, judgement: Judgement) -> None:
    verdict = judgement.headline.verdict
    style = STYLES[mark_of_verdict(verdict)]
    page.paragraph(Styled(judgement.domain, "bold"), ": ", Styled(verdict.words, f"bold {style}"))
    page.paragraph(judgement.headline.sentence)


def _write_policy_host(page: Page, overview: Overview) -> None:
    rows: list[list[Styled | str]] = [["Address", "TLS", "Certificate", "Answer"]]
    for one in overview.policy_addresses:
        cells = (one.tls, one.certificate, one.answer)
        rows.append([one.address, *(_cell(page, cell) for cell in cells)])
    if len(rows) > 1:
        page.blank()
        page.table(rows, indent=4, has_head=True)


def _write_hosts(page: Page, overview: Overview) -> None:
    for host in overview.mx_hosts:
        sign = page.glyph(host.mark)
        page.paragraph(
            Styled(host.name, "bold"),
            f" ({host.preference}): {host.covered.text}; {host.dane.text}",
            indent=2,
            sign=Styled(f"{sign.text}  ", sign.style),
        )
        if host.addresses:
            page.table(list(_address_rows(page, host)), indent=5, has_head=True)
        for one in host.addresses:
            if one.note:
                page.paragraph(Styled(f"{one.address}: ", "dim"), one.note, indent=7)


def _address_rows(page: Page, host: MxView) -> Iterator[list[Styled | str]]:
    yield ["Address", "STARTTLS", "TLS", "DANE", "Certificate"]
    for one in host.addresses:
        cells = (one.starttls, one.tls, one.dane, one.certificate)
        yield [one.address, *(_cell(page, cell) for cell in cells)]


def _cell(page: Page, cell: Cell) -> Styled:
    if not cell.text:
        return Styled("")
    return Styled(f"{page.glyph(cell.mark).text} {cell.text}", STYLES[cell.mark])


def _write_findings(page: Page, judgement: Judgement) -> None:
    findings = words.told(judgement)
    page.blank()
    page.paragraph(Styled(f"{words.count(judgement)}.".capitalize(), "bold"))
    for finding in findings:
        page.rule(f"{words.SEVERITIES[finding.severity]} {finding.code}", mark_of_told(finding))
        page.paragraph(Styled(finding.subject, "bold"), indent=3)
        for text in (finding.seen, finding.follows):
            if text:
                page.paragraph(text, indent=3)
        if finding.remedy:
            page.paragraph(finding.remedy, indent=3, sign=Styled("Do: ", "bold"))
        for ready in finding.ready:
            page.blank()
            page.paragraph(f"{words.KINDS[ready.kind]}, {ready.place}:", indent=3)
            page.verbatim(ready.text, indent=6)
        notes = [finding.clause, f"{_TLSRPT}{finding.result.value}" if finding.result else ""]
        if any(notes):
            page.paragraph(Styled("; ".join(filter(None, notes)), "dim"), indent=3)


# -- several --------------------------------------------------------------------------------


def _write_short(page: Page, judgement: Judgement) -> None:
    page.blank()
    _write_headline(page, judgement)
    found = [one for one in judgement.findings if one.severity is not Severity.INFO]
    for one in found[:MAX_LINES_SHORT]:
        sign = page.glyph(mark_of(one.severity))
        text = f"{one.code}: {one.subject}"
        page.paragraph(text, indent=2, sign=Styled(f"{sign.text} ", sign.style))
    if len(found) > MAX_LINES_SHORT:
        page.paragraph(f"and {len(found) - MAX_LINES_SHORT} more", indent=4)


def _write_summary(page: Page, judgements: Sequence[Judgement]) -> None:
    page.blank()
    numbers = Counter(judgement.headline.verdict for judgement in judgements)
    page.paragraph(Styled(f"{len(judgements)} domains", "bold"))
    rows = [
        (
            Styled(str(numbers[verdict]).rjust(5), "bold"),
            Styled(verdict.words, STYLES[mark_of_verdict(verdict)]),
        )
        for verdict in Verdict
        if verdict in numbers
    ]
    page.table(rows)
    page.paragraph(Styled("Name one alone to read everything about it.", "dim"))
