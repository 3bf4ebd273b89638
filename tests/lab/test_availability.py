"""Where the lab cannot run, its tests say why: skipped by default, failed where it must run."""

import pytest

from lab.unavailable import Unavailable
from tests.realservers import give_up_on_lab

NO_LAB = Unavailable("the lab needs a moon", 'run it at night, for example "sudo make moon"')


@pytest.mark.parametrize("word", [None, "", "optional"])
def test_a_missing_lab_is_a_skip_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, word: str | None
) -> None:
    """The reason and the one line that would help are in the summary of the run."""
    monkeypatch.delenv("MAILSEAL_LAB", raising=False)
    if word is not None:
        monkeypatch.setenv("MAILSEAL_LAB", word)

    with pytest.raises(pytest.skip.Exception, match=r'needs a moon; .*"sudo make moon"'):
        give_up_on_lab(NO_LAB)


def test_a_missing_lab_is_a_failure_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Continuous integration sets MAILSEAL_LAB=required, so that no run passes by skipping."""
    monkeypatch.setenv("MAILSEAL_LAB", "required")

    with pytest.raises(Unavailable):
        give_up_on_lab(NO_LAB)
