"""How strangers' texts and long lists are shown."""

import pytest

from mailseal.quoting import name_some


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b", "c"), "a, b, c"),
        (("a", "b", "c", "d"), "a, b, c and 1 more"),
        (range(100), "0, 1, 2 and 97 more"),
    ],
)
def test_of_many_names_a_few_are_named_and_the_rest_is_counted(
    names: tuple[str, ...], shown: str
) -> None:
    """A thousand names of a certificate are no sentence."""
    assert name_some(names, 3) == shown
