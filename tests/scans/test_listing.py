"""Lists of names as people have them."""

from io import BytesIO

import pytest

from mailseal.scans.listing import (
    MAX_LINE_BYTES,
    MAX_LOST_BYTES,
    TRIAL,
    Item,
    ListError,
    Listing,
    count_entries,
    read_lines,
)


class Names(set[str]):
    """Names that were seen."""

    def add(self, name: str) -> bool:  # type: ignore[override]  # a set tells nothing
        is_new = name not in self
        super().add(name)
        return is_new


def read(text: str | bytes, column: str = "") -> list[Item]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(Listing(BytesIO(data), Names(), column=column))


def domains(text: str | bytes, column: str = "") -> list[str]:
    return [str(item.domain) for item in read(text, column)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.example\nb.example\n", ["a.example", "b.example"]),
        ("a.example\nb.example", ["a.example", "b.example"]),  # no end of the last line
        ("# all\n\n a.example  # ours\n\t\n", ["a.example"]),
        ("\ufeffa.example\r\nB.Example.\r\n", ["a.example", "b.example"]),  # from Windows
        ("bücher.example\nxn--bcher-kva.example\n", ["xn--bcher-kva.example"]),  # one name
        ("a.example\nA.EXAMPLE\na.example.\n", ["a.example"]),
        ("", []),
    ],
)
def test_lists_are_read_as_people_write_them(text: str, expected: list[str]) -> None:
    """Comments, blanks, other alphabets and repetitions are no obstacle."""
    assert domains(text) == expected


def test_numbers_count_different_entries_without_gaps() -> None:
    """A name that is there again takes no number, so that what is done has no holes."""
    listing = Listing(BytesIO(b"a.example\na.example\n\n!\nb.example\n!\n"), Names())

    items = list(listing)

    assert [(item.number, item.text) for item in items] == [
        (1, "a.example"), (2, "!"), (3, "b.example"),
    ]  # fmt: skip
    assert items[1].domain is None
    assert "label" in items[1].fault
    assert (listing.entries, listing.duplicates) == (5, 2)


@pytest.mark.parametrize("column", ["2", "domain"])
def test_a_column_of_csv_is_taken_by_number_or_name(column: str) -> None:
    """Rankings come as CSV, with and without a first line that names the columns."""
    head = "rank,domain\n" if column == "domain" else ""

    assert domains(head + '1,a.example\n2,"b.example"\n', column) == ["a.example", "b.example"]
    assert count_entries(BytesIO(f"{head}1,a.example\n".encode()), column=column) == 1


@pytest.mark.parametrize("column", ["host", "0"])
def test_a_column_that_is_not_there_is_told(column: str) -> None:
    """Rather than scanning ranks."""
    with pytest.raises(ListError, match="column"):
        read("rank,domain\n1,a.example\n", column)


def test_a_file_that_is_no_list_is_told_early() -> None:
    """A hundred lines without a name are CSV, or something else."""
    rows = "".join(f"{number},d{number}.example\n" for number in range(TRIAL))

    with pytest.raises(ListError, match="--column"):
        read(rows)


def test_what_is_no_text_is_told_and_shown_without_harm() -> None:
    """Bytes that are no UTF-8, and what would move a cursor, become question marks."""
    first, second = read(b"\xff\xfe.example\n\x1b[2J.example\n")

    assert first.domain is None
    assert second.domain is None
    assert second.text == "?[2J.example"


def test_an_overlong_line_costs_no_memory_and_is_one_entry() -> None:
    """A line without end is cut; the next one is read as usual."""
    data = b"x" * (3 * MAX_LINE_BYTES + 5) + b"\nb.example\n"

    lines = list(read_lines(BytesIO(data)))

    assert [len(line) for line in lines] == [MAX_LINE_BYTES, 10]
    assert [item.domain for item in read(data)] == [None, "b.example"]


class Endless:
    """What a device gives: the same for ever."""

    def readline(self, size: int = -1, /) -> bytes:
        return b"\0" * size


@pytest.mark.parametrize("column", ["", "1"])
def test_a_line_that_never_ends_ends_the_reading(column: str) -> None:
    """Whoever names a disk image is told that it is no list, and in which line that shows."""
    with pytest.raises(ListError, match=f"line 1 has more than {MAX_LOST_BYTES:,} bytes"):
        count_entries(Endless(), column=column)
