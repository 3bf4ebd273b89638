"""Those who asked not to be looked at: domains, and mail hosts with everybody who uses them."""

from mailseal.names import Domain, NameSyntaxError
from mailseal.scans.listing import Lines, ListError, read_texts

MAX_OPT_OUTS = 1_000_000  # ours: they are held in memory, about 100 bytes each


class OptOuts:
    """A set of names; each stands for everything below it, too."""

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def covers(self, name: str) -> bool:
        """Tell whether a name or one above it has opted out."""
        if not self._names:
            return False
        while name:
            if name in self._names:
                return True
            name = name.partition(".")[2]
        return False


def read_opt_outs(lines: Lines) -> OptOuts:
    """Read a list with a name to a line; raise ``ListError``, since nobody may be overlooked."""
    names = set()
    for number, text in enumerate(read_texts(lines), 1):
        try:
            names.add(str(Domain.parse(text)))
        except NameSyntaxError as error:
            raise ListError(f"entry {number} of the list of opt-outs: {error}") from error
        if len(names) > MAX_OPT_OUTS:
            raise ListError(f"more than {MAX_OPT_OUTS} opt-outs")
    return OptOuts(frozenset(names))
