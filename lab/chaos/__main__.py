"""``python -m lab.chaos [short]``: do it all and print the figures as a table.

The whole run takes some ten minutes, the short one, which the lab's tests run, about a minute.
"""

import sys

from lab.chaos import SHORT, WHOLE, render, run
from lab.internet import Lab
from lab.unavailable import Unavailable


def main(words: list[str]) -> int:
    """Run it, print the figures, return 1 if anything was not as it should be."""
    scale = SHORT if words == ["short"] else WHOLE
    try:
        with Lab.start() as lab:
            figures = run(lab, scale)
    except Unavailable as unavailable:
        print(f"lab: {unavailable.reason}; {unavailable.remedy}", file=sys.stderr)
        return 1
    print(render(figures), end="")
    for one in figures:
        for fault in (one.failed + one.wrong)[:10]:
            print(f"{one.name}: {fault}", file=sys.stderr)
    return 0 if all(one.is_good for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
