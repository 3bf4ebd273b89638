"""How far a check has come, in one line on the terminal that is gone when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailseal.faces.check.showing import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from mailseal.services.checker import Progress

SUBJECT_COLUMNS = 40  # ours: beside it, bar and figures fit into 80 columns


@contextmanager
def shown(
    console: "Console", domains: int
) -> "Iterator[tuple[Callable[[Progress], None], Callable[[], None]]]":
    """Give what is to be told of each step, and of each domain that is done.

    Nothing is written unless the console is a terminal.
    """
    if not console.is_terminal:
        yield lambda _: None, lambda: None
        return
    from rich import progress as bars

    steps: dict[str, Progress] = {}
    finished = 0
    columns = (
        bars.TextColumn("{task.fields[domains]}", markup=False),
        bars.BarColumn(bar_width=16),
        bars.TextColumn("{task.completed:.0f} of {task.total:.0f}", markup=False),
        bars.TimeElapsedColumn(),
        bars.TextColumn("{task.fields[subject]}", markup=False, style="dim"),
    )
    with bars.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1, domains=_domains(0, domains), subject="")

        def step(progress: "Progress") -> None:
            steps[progress.domain] = progress
            # Not what was done last: whoever looks at a line that stands still asks what for.
            waits_for = next((one.waits_for for one in steps.values() if one.waits_for), "")
            bar.update(
                task,
                completed=sum(one.done for one in steps.values()),
                total=sum(one.total for one in steps.values()),
                subject=_cut(printable(waits_for or progress.subject)),
            )

        def done() -> None:
            nonlocal finished
            finished += 1
            bar.update(task, domains=_domains(finished, domains))

        yield step, done


def _domains(done: int, total: int) -> str:
    return "looking" if total == 1 else f"{done} of {total} domains"


def _cut(subject: str) -> str:
    return subject if len(subject) <= SUBJECT_COLUMNS else f"{subject[: SUBJECT_COLUMNS - 3]}..."
