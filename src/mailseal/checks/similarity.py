"""Names of hosts that differ so little that one is probably a typing mistake of the other."""

from collections.abc import Iterable, Mapping, Sequence

from mailseal.checks.organisation import organisation_of

MAX_DISTANCE = 2  # ours: letters that differ in what still looks like a typing mistake
MAX_COMPARED = 100  # ours, of names that one is compared with: hostile policies have a thousand
MAX_ASKED = 6  # ours, of names that something is looked for: as many as one sentence has


def find_mistyped(names: Iterable[str], others: Sequence[str]) -> Mapping[str, str]:
    """Return for the first of some names which of the others was probably to be it."""
    pairs = ((name, nearest(name, others)) for name in tuple(names)[:MAX_ASKED])
    return {name: near for name, near in pairs if near is not None}


def nearest(name: str, others: Sequence[str]) -> str | None:
    """Return the one of other names that differs in two letters at most."""
    near = [(distance(name, other), other) for other in others[:MAX_COMPARED] if name != other]
    close = [pair for pair in near if pair[0] <= MAX_DISTANCE and _is_similar(name, pair[1])]
    return min(close)[1] if close else None


def distance(left: str, right: str) -> int:
    """Return how many letters must be put in, taken out or changed, or 3 for more than two.

    The work is that of a narrow band: 5 steps for each letter.
    """
    beyond = MAX_DISTANCE + 1
    if abs(len(left) - len(right)) > MAX_DISTANCE:
        return beyond
    row = {column: column for column in range(MAX_DISTANCE + 1)}
    for number, letter in enumerate(left, 1):
        above, row = row, {}
        for column in range(max(0, number - MAX_DISTANCE), number + MAX_DISTANCE + 1):
            if column > len(right):
                break
            if column == 0:
                row[column] = number
                continue
            change = above.get(column - 1, beyond) + (right[column - 1] != letter)
            gap = 1 + min(above.get(column, beyond), row.get(column - 1, beyond))
            row[column] = min(change, gap, beyond)
    return min(row.get(len(right), beyond), beyond)


def _is_similar(name: str, other: str) -> bool:
    """Tell whether a difference may be a mistake: mx1 and mx2 of one domain are two hosts."""
    changed = [a + b for a, b in zip(name, other, strict=False) if a != b]
    is_number = len(name) == len(other) and all(pair.isdigit() for pair in changed)
    is_same_host = name.partition(".")[0] == other.partition(".")[0]
    return not is_number and (is_same_host or organisation_of(name) == organisation_of(other))
