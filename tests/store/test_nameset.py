"""Names that were seen, on disk."""

from mailseal.store.nameset import DiskNames


def test_a_name_is_new_once() -> None:
    """However many others came between."""
    with DiskNames() as names:
        assert all(names.add(f"d{number}.example") for number in range(30_000))
        assert not names.add("d0.example")
        assert not names.add("d29999.example")
        assert names.add("d30000.example")


def test_two_sets_know_nothing_of_each_other() -> None:
    """Each is a file of its own, without a name."""
    with DiskNames() as one, DiskNames() as other:
        assert one.add("a.example")
        assert other.add("a.example")
