"""Who asked to be left alone."""

from io import BytesIO

import pytest

from mailseal.scans.listing import ListError
from mailseal.scans.optouts import OptOuts, read_opt_outs


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("example.com", True),
        ("mx1.example.com", True),  # below it
        ("notexample.com", False),  # ends alike
        ("com", False),
        ("xn--bcher-kva.example", True),
    ],
)
def test_a_name_stands_for_everything_below_it(name: str, covered: bool) -> None:
    """One line is enough for an owner of many hosts."""
    opt_outs = read_opt_outs(
        BytesIO("Example.com.  # asked on the phone\nbücher.example\n".encode())
    )

    assert opt_outs.covers(name) is covered
    assert not OptOuts().covers(name)


def test_an_opt_out_that_cannot_be_read_stops_everything() -> None:
    """Better no scan than one that bothers somebody who asked not to be."""
    with pytest.raises(ListError, match="entry 2"):
        read_opt_outs(BytesIO(b"example.com\n*.example.net\n"))
