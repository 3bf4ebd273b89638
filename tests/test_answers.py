"""What is read from answers of DNS, whatever they are about."""

import pytest

from mailseal.answers import all_addresses
from mailseal.testing.evidence import absent, failed, found


@pytest.mark.parametrize(
    ("v4", "v6", "addresses"),
    [
        (["1"], ["a", "b", "c"], ("a", "1", "b", "c")),
        (["1", "2", "3"], ["a"], ("a", "1", "2", "3")),
        (["1", "1"], ["a", "a"], ("a", "1")),  # each once
    ],
)
def test_address_families_take_turns(
    v4: list[str], v6: list[str], addresses: tuple[str, ...]
) -> None:
    """A broken family costs one attempt before the other has its turn."""
    assert all_addresses(found(*v4), found(*v6)) == addresses


def test_one_family_is_enough() -> None:
    """A failed or empty answer adds nothing and takes nothing away."""
    assert all_addresses(found("1"), failed()) == ("1",)
    assert all_addresses(absent(), found("a")) == ("a",)
    assert all_addresses(absent(), failed()) == ()
