"""The demo shows what it promises, on a page that fits a terminal, and says when it does not."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lab import demo
from lab.demo_page import Row, Side, render
from lab.internet import Lab
from lab.unavailable import Unavailable

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.lab
def test_the_demo_shows_what_it_promises(lab: Lab) -> None:
    """Without mailseal all three messages go out; with it only the honest MX gets its own."""
    progress: list[str] = []

    rows = demo.play(lab, progress.append)

    assert [row.domain for row in rows] == ["good.test", "stripped.test", "forged.test"]
    assert all(row.is_expected for row in rows), render(rows, with_colours=False)
    assert len(progress) == 6
    page = render(rows, with_colours=False)
    assert "Verified TLS connection established to mx.good.test" in page
    assert "TLS is required, but was not offered" in page
    assert "allows none of its MX hosts" in page.replace("\n    ", " ")


def test_the_demo_names_the_next_step_where_it_cannot_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the lab cannot run, the reason and the remedy are told, and the exit code is 1."""

    def refuse(progress: object) -> AbstractContextManager[Lab]:
        raise Unavailable("the lab needs root", "run it with sudo")

    assert demo.main(refuse) == 1
    said = capsys.readouterr().err
    assert "the lab needs root" in said
    assert "run it with sudo" in said


def test_the_readme_shows_the_table_as_it_is() -> None:
    """What the README shows is what the scenes of the demo come to."""
    rows = []
    for scene in demo.SCENES:
        without, protected = (
            Side(says=says, is_expected=True, is_safe=True, log_lines=("status=deferred",))
            for says in (scene.without, scene.protected)
        )
        rows.append(
            Row(domain=scene.domain, happens=scene.happens, without=without, protected=protected)
        )
    table = render(rows, with_colours=False).partition("What Postfix logged")[0].strip()

    assert f"```text\n{table}\n```" in README.read_text("utf-8")


def row(*, is_expected: bool) -> Row:
    """Make a row with a long log line."""
    line = (
        "Jan  1 00:00:00 host postfix/smtp[7]: 4A008: to=<someone@good.test>, "
        "relay=mx.good.test[127.0.25.1]:25, delay=0.1, delays=0/0/0/0, dsn=4.7.5, "
        "status=deferred (" + "a reason of many words " * 9 + ")"
    )
    side = Side(
        says="held back; nothing is sent", is_expected=is_expected, is_safe=True, log_lines=(line,)
    )
    return Row(
        domain="good.test", happens="an attacker forges the MX", without=side, protected=side
    )


@pytest.mark.parametrize("is_expected", [True, False])
def test_the_page_fits_a_terminal_and_a_file(is_expected: bool) -> None:
    """No line has more than 80 columns, and without a terminal no byte controls one."""
    page = render([row(is_expected=is_expected)], with_colours=False)

    assert max(map(len, page.splitlines())) <= 80
    assert page.replace("\n", "").isprintable()
    assert "delay=" not in page
    assert "[127.0.25.1]" not in page


def test_colours_are_for_terminals() -> None:
    """On a terminal good outcomes are green and others red."""
    assert "\x1b[32m" in render([row(is_expected=True)], with_colours=True)
    assert "\x1b[31m" in render([row(is_expected=False)], with_colours=True)


def test_an_outcome_that_should_not_be_is_not_praised() -> None:
    """The closing sentence is true only if every row is as told."""
    rows = [row(is_expected=True), row(is_expected=False)]

    assert "should have happened" in render(rows, with_colours=False).splitlines()[-1]
