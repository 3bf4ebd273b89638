"""Which names belong together, as far as names show it."""

import pytest

from mailseal.checks.organisation import organisation_of


@pytest.mark.parametrize(
    ("host", "owner"),
    [
        ("mx1.example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("mx.example.co.uk", "example.co.uk"),
        ("mx.example.de", "example.de"),
        ("example.com", "example.com"),
        ("MX.Example.GV.AT.", "example.gv.at"),
        ("localhost", "localhost"),
    ],
)
def test_names_of_one_owner_end_alike(host: str, owner: str) -> None:
    """A rule of thumb, which needs no list of registries."""
    assert organisation_of(host) == owner
