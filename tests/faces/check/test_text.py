"""Judgements in a terminal: order, width, colours, and nothing of a stranger's that acts."""

import io
import re
from dataclasses import replace

import pytest

from mailseal.checks.evidence import Depth, Failure, Stage, Trouble
from mailseal.checks.judge import Judgement, judge
from mailseal.faces.check.command import look_of_stdout
from mailseal.faces.check.page import Look, Page, Styled
from mailseal.faces.check.showing import printable
from mailseal.faces.check.text import MAX_LINES_SHORT, render
from mailseal.testing.evidence import domain_evidence, host, records, session, tls, txt
from tests.faces.check.hostile import HARMFUL, hostile_evidence

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def broken() -> Judgement:
    """Return a domain whose only host has a certificate for another name."""
    return judge(domain_evidence(host(sessions=(session(handshake=tls("other.example")),))))


def test_the_answer_comes_first_then_reasons_then_all_that_was_seen() -> None:
    """Who reads three lines knows what matters."""
    text = render([broken()])
    lines = text.splitlines()

    assert lines[0] == "example.com: enforcing and losing mail"
    assert "cannot deliver any mail to example.com" in lines[1]
    assert lines[2].startswith("  - mx1.example.com [192.0.2.1]")
    order = [text.index(word) for word in ("MTA-STS record", "MTA-STS policy", "Mail servers")]
    order.append(text.index("ERROR certificate-wrong-name"))
    assert order == sorted(order)


def test_what_is_right_is_shown_as_well() -> None:
    """Each address has its row, with the version of TLS and the days that are left."""
    text = render([judge(domain_evidence())])

    assert re.search(r"192\.0\.2\.1 +✓ yes +✓ 1\.3 .*✓ \d+ days left", text)
    assert re.search(r"✓  mode +enforce", text)


def test_a_text_to_copy_is_indented_and_never_wrapped() -> None:
    """A record that a line end breaks in two would be published so."""
    name = "a-domain-with-a-name-of-considerable-length-for-one-line.example.com"
    evidence = domain_evidence(domain=name)
    evidence = replace(evidence, records=replace(evidence.records, tlsrpt=txt()))
    text = render([judge(evidence)], Look(columns=60))

    assert f'      TXT "v=TLSRPTv1; rua=mailto:tls-reports@{name}"\n' in text


@pytest.mark.parametrize("columns", [40, 80, 250])
def test_words_stay_within_the_terminal(columns: int) -> None:
    """Nothing but texts to copy, names and tables of addresses is wider, and nothing above 100."""
    lines = render([broken()], Look(columns=columns)).splitlines()
    prose = [line for line in lines if " " in line.strip() and not line.startswith("      ")]

    assert max(map(len, prose)) <= max(min(columns, 100), 66)
    assert not [line for line in lines if line != line.rstrip()]


def test_colours_change_nothing_but_colours() -> None:
    """Whoever cannot see them reads the same words."""
    plain = render([broken()])
    coloured = render([broken()], Look(has_colours=True))

    assert "\x1b" not in plain
    assert _COLOUR.sub("", coloured) == plain
    assert "\x1b[1;31m" in coloured


class Terminal(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("out", "environment", "has_colours"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),  # as no-color.org has it
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals_of_people_who_want_them(
    monkeypatch: pytest.MonkeyPatch,
    out: io.StringIO,
    environment: dict[str, str],
    has_colours: bool,
) -> None:
    """A pipe, a file, a plain terminal and NO_COLOR get none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", out)

    assert look_of_stdout("utf-8").has_colours is has_colours


def test_a_terminal_without_unicode_gets_ascii_signs() -> None:
    """C and POSIX locales are common in cron jobs and containers."""
    text = render([broken()], Look(has_unicode=False))

    assert not set("✓✗─·") & set(text)
    assert "x Mail servers" in text


def test_why_a_session_ended_stands_below_the_table() -> None:
    """A server's answer is long, and a column for it would be narrow."""
    reason = "421 4.7.0 mx1.example.com is busy, and so are all of its friends, come again later"
    busy = replace(
        session(),
        offers_starttls=None,
        tls=None,
        stage=Stage.CONNECTED,
        failure=Failure(trouble=Trouble.BUSY, reason=reason, code=421),
    )
    text = render([judge(domain_evidence(host(sessions=(busy,))))])

    assert re.search(r"192\.0\.2\.1 +\? busy\n", text)
    assert "     192.0.2.1: 421 4.7.0 mx1.example.com is busy" in text


def test_several_domains_have_a_short_block_each_and_a_summary() -> None:
    """A verdict, a sentence, and what is wrong by code; everything is told of one alone."""
    text = render([broken(), judge(domain_evidence(domain="b.example")), broken()])

    assert "\n3 domains\n" in text
    assert re.search(r"^ +2  enforcing and losing mail$", text, re.MULTILINE)
    assert "✗ certificate-wrong-name: mx1.example.com" in text
    assert "Policy file" not in text
    longest = max(len(block.splitlines()) for block in text.split("\n\n"))
    assert longest <= MAX_LINES_SHORT + 6


def test_a_shallow_look_is_said_to_be_one() -> None:
    """Nobody should take silence about mail servers for good news."""
    evidence = replace(domain_evidence(depth=Depth.DNS), mx_hosts=(host(sessions=()),))

    assert "DNS only" in render([judge(evidence)])


def test_nothing_that_a_server_sends_reaches_the_terminal_raw() -> None:
    """No escape, no override of direction, no NUL, no line of its own."""
    judgement = judge(hostile_evidence())
    for judgements in ([judgement], [judgement, judgement]):
        text = render(judgements, Look(has_colours=True))
        assert not set(HARMFUL) & set(_COLOUR.sub("", text))
        assert "\n::set-output" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mx1.example.com §4", "mx1.example.com §4"),
        ("\x1b[31m", "?[31m"),
        ("a\u202eb\u2066c", "a?b?c"),
        ("e\u0301", "e?"),  # drawn over the letter before
        ("a\r\nb\x00\x9b", "a??b??"),
        ("a\u00a0b", "a?b"),  # a blank that is none
    ],
)
def test_what_acts_is_shown_as_a_question_mark(text: str, shown: str) -> None:
    """One for each character, so that lengths stay what they are."""
    assert printable(text) == shown


def test_markup_of_the_library_is_no_markup_here() -> None:
    """Square brackets are in texts of servers, and of ours: host [address]."""
    page = Page(Look(has_colours=True))
    page.paragraph("mx [bold]1[/bold] :smile: [link=http://x]", Styled("[red]", "bold"))

    assert _COLOUR.sub("", page.render()) == "mx [bold]1[/bold] :smile: [link=http://x][red]\n"


def test_wide_letters_keep_columns_aligned() -> None:
    """A name in Chinese takes two columns a letter."""
    page = Page(Look())
    page.table([("中文", "x"), ("abcd", "y")])

    assert page.render() == "中文  x\nabcd  y\n"


def test_a_domain_whose_records_are_odd_is_shown_all_the_same() -> None:
    """No area may fail because another one could not be read."""
    text = render([judge(domain_evidence(own_records=records((0, ""))))])

    assert "takes no mail" in text
