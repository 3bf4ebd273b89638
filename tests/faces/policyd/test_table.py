"""The table's two bounds, and the index of next hops that are not simply a domain."""

from mailseal.faces.policyd.seldom import Seldom
from mailseal.faces.policyd.table import ENTRY_OVERHEAD_BYTES, Table, raw_request


def put(table: Table, next_hop: str, reply: bytes = b"5:OK hi,", zone: str = "postfix") -> None:
    table.put(zone, next_hop, reply=reply, fresh_until=1.0, usable_until=2.0)


def make_table(*, max_entries: int = 1000, max_bytes: int = 1_000_000) -> Table:
    return Table(zones=("postfix", "sts"), max_entries=max_entries, max_bytes=max_bytes)


def test_an_entry_put_again_counts_as_young() -> None:
    """What is used is renewed and so put again; it outlives what nobody asks for."""
    table = make_table(max_entries=2)
    for next_hop in ("a.example", "b.example", "a.example", "c.example"):
        put(table, next_hop)
    kept = {raw_request("postfix", "a.example"), raw_request("postfix", "c.example")}
    assert set(table.entries) == kept
    assert table.evictions == 1


def test_the_bound_in_bytes_counts_long_replies() -> None:
    """A few policies of 100 000 bytes push out as much as many short ones would."""
    table = make_table(max_bytes=250_000)
    for number in range(5):
        put(table, f"d{number}.example", b"x" * 100_000)
    assert len(table.entries) == 2
    assert table.used_bytes <= 250_000


def test_of_a_few_long_replies_the_oldest_alone_makes_room() -> None:
    """However many short ones there might be: the one just put is about to be asked for."""
    table = make_table(max_entries=100_000, max_bytes=250_000)
    for number in range(3):
        put(table, f"d{number}.example", b"x" * 100_000)
    assert list(table.entries) == [
        raw_request("postfix", "d1.example"),
        raw_request("postfix", "d2.example"),
    ]
    assert table.evictions == 1


def test_used_bytes_return_to_zero() -> None:
    """Replacing and dropping take out exactly what was put in."""
    table = make_table()
    put(table, "a.example", b"x" * 10)
    put(table, "a.example", b"x" * 500)
    raw = raw_request("postfix", "a.example")
    assert table.used_bytes == len(raw) + 500 + ENTRY_OVERHEAD_BYTES
    assert table.drop("a.example") == 1
    assert table.used_bytes == 0


def test_drop_takes_every_zone_and_form_of_one_domain() -> None:
    """Brackets, ports and zones belong to the domain; subdomains and look-alikes do not."""
    table = make_table()
    for zone in ("postfix", "sts"):
        for next_hop in ("a.example", "[a.example]", "a.example:26", "[a.example]:26"):
            put(table, next_hop, zone=zone)
    others = ("b.a.example", "[b.a.example]", "aa.example", "a.example.net")
    for next_hop in others:
        put(table, next_hop)
    assert table.drop("a.example") == 8
    assert set(table.entries) == {raw_request("postfix", next_hop) for next_hop in others}
    assert table.drop("a.example") == 0


def test_the_index_of_forms_does_not_outgrow_the_table() -> None:
    """A crowd that asks for every port of a host leaves no more than the table holds."""
    table = make_table(max_entries=10)
    for port in range(1, 2000):
        put(table, f"a.example:{port}")
    assert len(table.entries) == 10
    assert sum(map(len, table._other_forms.values())) == 10


def test_an_evicted_form_stays_known_while_another_zone_has_it() -> None:
    """The index forgets a form with its last entry, not with its first."""
    table = make_table(max_entries=2)
    put(table, "[a.example]")
    put(table, "[a.example]", zone="sts")
    put(table, "b.example")
    assert table.drop("a.example") == 1


def test_an_entry_asked_for_again_is_fresh_for_a_while_and_usable_no_longer() -> None:
    """Not every hit asks the resolver anew, and none gets what has run out."""
    table = make_table()
    put(table, "a.example")  # fresh until 1, usable until 2
    raw = raw_request("postfix", "a.example")

    table.renew_later(raw, fresh_until=1.5)
    assert table.entries[raw][1:] == (1.5, 2.0)
    table.renew_later(raw, fresh_until=5.0)
    assert table.entries[raw][1:] == (2.0, 2.0)


def fill(table: Table) -> None:
    """Put two next hops of a domain into each zone."""
    for zone in ("postfix", "sts"):
        for next_hop in ("a.example", "[a.example]:26"):
            put(table, next_hop, zone=zone)


def test_the_answers_of_a_zone_that_changed_are_forgotten_and_no_others() -> None:
    """A reload costs look-ups only where answers may be others now."""
    table = make_table()
    fill(table)
    entries, half = table.entries, table.used_bytes

    table.reconfigure(
        zones=("postfix", "exim"), max_entries=1000, max_bytes=1_000_000, forget={"sts"}
    )

    assert table.entries is entries  # connections keep its ``get``
    assert set(entries) == {
        raw_request("postfix", "a.example"),
        raw_request("postfix", "[a.example]:26"),
    }
    assert 0 < table.used_bytes < half
    put(table, "[a.example]:26", zone="exim")  # the new zone's answers are dropped like others
    assert table.drop("a.example") == 3
    assert table.used_bytes == 0


def test_nothing_is_left_where_every_zone_changed() -> None:
    """Neither answers nor the index of their forms."""
    table = make_table()
    fill(table)
    entries = table.entries

    table.reconfigure(
        zones=("exim",), max_entries=1000, max_bytes=1_000_000, forget={"postfix", "sts"}
    )

    assert table.entries is entries
    assert entries == {}
    assert table.used_bytes == 0
    assert table._other_forms == {}
    put(table, "a.example", zone="exim")
    assert table.drop("a.example") == 1


def test_smaller_bounds_count_at_once_and_for_what_comes() -> None:
    """Memory that a reload takes back is given back."""
    for bounds in ({"max_entries": 3, "max_bytes": 1_000_000}, {"max_bytes": 1_000}):
        table = make_table()
        for number in range(20):
            put(table, f"d{number}.example")
        table.reconfigure(
            zones=("postfix", "sts"),
            max_entries=bounds.get("max_entries", 1000),
            max_bytes=bounds["max_bytes"],
            forget=set(),
        )
        left = list(table.entries)
        assert len(left) == 3
        assert left[-1] == raw_request("postfix", "d19.example")  # the youngest stay
        assert table.evictions == 17
        put(table, "e.example")
        assert len(table.entries) == 3


def test_seldom_allows_each_key_once_in_its_interval() -> None:
    """Log lines about the same thing come at most once a minute, and keys are bounded."""
    seldom = Seldom(interval_seconds=60.0, max_keys=2)
    assert seldom.allows("a", 0.0)
    assert not seldom.allows("a", 59.0)
    assert seldom.allows("b", 59.0)
    assert not seldom.allows("c", 59.5)  # two keys are young
    assert seldom.allows("c", 60.0)  # the first has grown old
    assert not seldom.allows("a", 60.5)
