"""A summary as a picture: bars in SVG, which every browser shows and every paper takes.

It follows the reader's choice of light or dark, and needs no font or script of its own.
"""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from mailseal.faces.scan.figures import Bar, Group, figures, head, share, span

if TYPE_CHECKING:
    from mailseal.scans.tally import Tally

# Sizes in pixels of the picture's own grid.
WIDTH = 860
MARGIN = 32
LABEL_END = 300  # where labels end and bars begin
BAR_WIDTH = 360  # of the longest bar of a group
ROW = 26
BAR_HEIGHT = 16
GROUP_HEAD = 38
GROUP_GAP = 26
TOP = 84

SMALL = 0.15  # ours: shares below it would be slivers, and are drawn against the largest instead

_STYLE = """\
svg { font: 14px system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif;
  --paper: #fff; --ink: #1b1f24; --faint: #59636e; --rest: #e9ecf0; --bar: #2f6f9f;
  --bad: #c2410c; }
@media (prefers-color-scheme: dark) { svg { --paper: #14181d; --ink: #e8ecf1; --faint: #9aa4af;
  --rest: #262c34; --bar: #5aa2d6; --bad: #f08a5d; } }
@media print { svg { --paper: #fff; --ink: #000; --faint: #444; --rest: #eee; --bar: #2f6f9f;
  --bad: #c2410c; } }
.paper { fill: var(--paper); } .rest { fill: var(--rest); } .bar { fill: var(--bar); }
.bad { fill: var(--bad); } text { fill: var(--ink); } .faint { fill: var(--faint); }
.title { font-size: 22px; font-weight: 600; } .group { font-size: 15px; font-weight: 600; }
.number { font-variant-numeric: tabular-nums; }
"""


def draw(tally: "Tally") -> str:
    """Return the picture as the text of an SVG file."""
    groups = list(figures(tally))
    body = "\n".join(_groups(groups))
    height = TOP + sum(_height(group) for group in groups) + MARGIN // 2
    summary = f"{head(tally)}. " + " ".join(_sentence(group) for group in groups)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" \
height="{height}" role="img" aria-labelledby="title summary">
<title id="title">How securely mail reaches {tally.domains:,} domains</title>
<desc id="summary">{escape(summary)}</desc>
<style>
{_STYLE}</style>
<rect class="paper" width="{WIDTH}" height="{height}"/>
<text class="title" x="{MARGIN}" y="44">How securely mail reaches {tally.domains:,} domains</text>
<text class="faint" x="{MARGIN}" y="66">{escape(span(tally))}</text>
{body}
</svg>
"""


def _groups(groups: list[Group]) -> Iterator[str]:
    top = TOP
    for group in groups:
        yield from _group(group, top)
        top += _height(group)


def _rows(group: Group) -> list[Bar]:
    return [bar for bar in group.bars if bar.count]


def _height(group: Group) -> int:
    return GROUP_HEAD + ROW * len(_rows(group)) + GROUP_GAP


def _group(group: Group, top: int) -> Iterator[str]:
    rows = _rows(group)
    most = max(bar.count for bar in rows)
    is_small = most < SMALL * group.of
    note = f"; the longest bar is {share(most, group.of)}" if is_small else ""
    yield (
        f'<text x="{MARGIN}" y="{top + 20}"><tspan class="group">{escape(group.title)}</tspan>'
        f'<tspan class="faint" dx="8">of {group.of:,} {escape(group.unit + note)}</tspan></text>'
    )
    scale = BAR_WIDTH / max(most if is_small else group.of, 1)
    for number, bar in enumerate(rows):
        place = top + GROUP_HEAD + ROW * number
        yield from _row(group, bar, place, scale * bar.count, is_share=not is_small)


def _row(group: Group, bar: Bar, top: int, length: float, *, is_share: bool) -> Iterator[str]:
    baseline = top + BAR_HEIGHT - 3
    yield (
        f'<text x="{LABEL_END - 12}" y="{baseline}" text-anchor="end">{escape(bar.label)}</text>'
    )
    if is_share:
        yield (
            f'<rect class="rest" x="{LABEL_END}" y="{top}" width="{BAR_WIDTH}" '
            f'height="{BAR_HEIGHT}" rx="2"/>'
        )
    # Something is never drawn as nothing.
    yield (
        f'<rect class="{"bad" if bar.is_bad else "bar"}" x="{LABEL_END}" y="{top}" '
        f'width="{max(length, 1.5):.1f}" height="{BAR_HEIGHT}" rx="2"/>'
    )
    x = LABEL_END + BAR_WIDTH + 14
    yield (
        f'<text class="number" x="{x + 62}" y="{baseline}" text-anchor="end">'
        f"{escape(share(bar.count, group.of))}</text>"
    )
    yield (
        f'<text class="number faint" x="{WIDTH - MARGIN}" y="{baseline}" text-anchor="end">'
        f"{bar.count:,}</text>"
    )


def _sentence(group: Group) -> str:
    parts = (f"{bar.label} {share(bar.count, group.of)}" for bar in _rows(group))
    return f"{group.title}: {', '.join(parts)}."
