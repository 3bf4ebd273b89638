"""Which names belong to one owner, as far as a name shows it."""

# Not the public suffix list, which is large and changes: a mistake here costs one hint, or lets a
# scan be gentler or less gentle with two owners than with one.
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "gob", "gv", "ne", "net", "or", "org"})


def organisation_of(name: str) -> str:
    """Return the part of a name that somebody registered: two labels, or three as in co.uk."""
    labels = name.lower().rstrip(".").split(".")
    is_below = len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2
    return ".".join(labels[-3 if is_below else -2 :])
