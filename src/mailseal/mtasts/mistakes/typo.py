"""Field names that were probably meant to be another one, such as ``ms`` for ``mx``."""

_FIELDS = ("version", "mode", "max_age", "mx")
_SAME = str.maketrans("", "", "-_.")


def meant_by(name: str) -> str | None:
    """Return the field that an unknown field name nearly spells, if there is one.

    A name counts as misspelt when only case, hyphens and dots differ, or one letter: wrong,
    missing, too many, or exchanged with the next.
    """
    folded = name.lower().translate(_SAME)
    for field in _FIELDS:
        target = field.translate(_SAME)
        if folded == target or folded == target + "s" or _is_one_edit_away(folded, target):
            return field
    return None


def _is_one_edit_away(name: str, target: str) -> bool:
    if abs(len(name) - len(target)) > 1 or len(name) < len("mx"):
        return False
    start = 0
    while start < min(len(name), len(target)) and name[start] == target[start]:
        start += 1
    left, right = name[start:], target[start:]
    if len(name) == len(target):
        is_swap = left[:2] == right[1::-1] and left[2:] == right[2:]
        return is_swap or left[1:] == right[1:]
    return left[1:] == right if len(name) > len(target) else left == right[1:]
