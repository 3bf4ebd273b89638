"""The list of pins in use: what is taken, what is refused, and what a restart keeps."""

from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

import pytest
from structlog.testing import capture_logs

from mailseal.envelope import PrivateKey, new_private_key, seal
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.pins import MAX_LIFE, PAYLOAD_TYPE, Pin, PinList, render_list
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from mailseal.services.pinbook import PinBook
from mailseal.testing import FakePins, ManualClock, MemoryShelf

KEY = PrivateKey(new_private_key())
EXAMPLE = Domain("example.com")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def pin(host: str = "mx.example.com", *, hold: bool = False) -> Pin:
    """Make a pin for one host."""
    policy = Policy(mode=Mode.ENFORCE, max_age=MAX_LIFE, mx=(MxPattern(host),))
    return Pin(policy=policy, hold=hold)


@dataclass
class Shelf:
    """A book with its source, its shelf and its clock."""

    clock: ManualClock = field(default_factory=ManualClock)
    source: FakePins = field(default_factory=FakePins)
    files: MemoryShelf = field(default_factory=MemoryShelf)
    changed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book = self.restarted()

    def restarted(self) -> PinBook:
        """Make a book that knows what the shelf knows."""
        return PinBook(
            clock=self.clock,
            source=self.source,
            shelf=self.files,
            keys=(KEY.public,),
            on_change=self.changed.append,
        )

    def serve(self, *, key: PrivateKey = KEY, life: timedelta = DAY, **pins: Pin) -> None:
        """Serve a list issued now; ``example_com`` names example.com."""
        named = {Domain(name.replace("_", ".")): one for name, one in pins.items()}
        now = self.clock.now()
        found = PinList(issued=now, expires=now + life, pins=MappingProxyType(named))
        self.source.serve(seal(render_list(found), PAYLOAD_TYPE, [key]))

    def fetched(self, mode: Mode = Mode.NONE) -> CachedPolicy:
        """Be a policy that example.com has just served."""
        now = self.clock.now()
        return CachedPolicy(
            domain=EXAMPLE,
            id="1",
            policy=Policy(mode=mode, max_age=DAY),
            body=b"",
            fetched_at=now,
            expires_at=now + DAY,
            id_checked_at=now,
            id_ttl=HOUR,
            refetch_at=now + HOUR,
        )


@pytest.fixture
def shelf() -> Shelf:
    """Give a fresh one."""
    return Shelf()


async def test_without_a_source_nothing_is_pinned() -> None:
    """As configured by default."""
    book = PinBook(clock=ManualClock())
    await book.open()
    await book.round()

    assert book.pin_for(EXAMPLE) is None
    assert not await book.refresh()


async def test_a_local_list_counts_before_the_first_question(shelf: Shelf) -> None:
    """It is read when the book is opened."""
    shelf.serve(example_com=pin())
    await shelf.book.open()

    assert shelf.book.pin_for(EXAMPLE) == pin()
    assert shelf.book.pin_for(Domain("a.example.com")) is None
    assert shelf.changed == [EXAMPLE]


async def test_a_remote_list_is_read_behind_the_start(shelf: Shelf) -> None:
    """The service does not wait for somebody's web server."""
    shelf.source.is_local = False
    shelf.serve(example_com=pin())
    await shelf.book.open()
    assert shelf.source.reads == 0
    await shelf.book.round()

    assert shelf.book.pin_for(EXAMPLE) == pin()


async def test_the_last_good_list_survives_a_restart(shelf: Shelf) -> None:
    """Also when its source is out of reach then."""
    shelf.serve(example_com=pin())
    await shelf.book.open()
    assert shelf.files.envelope is None  # a command that asks one question leaves no file behind
    await shelf.book.aclose()
    assert shelf.files.envelope is None
    await shelf.book.round()
    shelf.source.fail()
    book = shelf.restarted()
    await book.open()

    assert book.pin_for(EXAMPLE) == pin()
    assert book.trouble == "connection-refused"


async def test_its_numbers_tell_how_old_the_list_is_and_whether_it_can_be_read() -> None:
    """A list that cannot be read anew is seen long before it expires."""
    assert PinBook(clock=ManualClock()).counters() == {}
    shelf = Shelf()
    assert shelf.book.counters() == {}
    issued = int(shelf.clock.now().timestamp())
    shelf.serve(example_com=pin())
    await shelf.book.open()
    of_list = {
        "pins": 1,
        "pins_replaced": 0,
        "pins_issued_at": issued,
        "pins_expire_at": issued + 86_400,
    }
    assert shelf.book.counters() == {"pins_source_works": 1, **of_list}

    shelf.clock.advance(HOUR)
    shelf.book.note_fetched(shelf.fetched())
    shelf.source.fail()
    await shelf.book.refresh()
    failed = {"pins_failed_at": issued + 3600, "pins_replaced": 1}
    assert shelf.book.counters() == {**of_list, **failed, "pins_source_works": 0}

    shelf.clock.advance(HOUR)
    shelf.serve(example_com=pin())
    await shelf.book.refresh()
    assert shelf.book.counters() == {
        "pins": 1,
        "pins_replaced": 0,
        "pins_issued_at": issued + 7200,
        "pins_expire_at": issued + 7200 + 86_400,
        "pins_source_works": 1,
        "pins_failed_at": issued + 3600,  # when it last was, not whether
    }


@pytest.mark.parametrize("how", ["forged", "older", "nonsense", "unreachable", "expired"])
async def test_a_list_that_is_not_good_leaves_the_last_good_one(shelf: Shelf, how: str) -> None:
    """And says so in the log."""
    shelf.serve(other_example=pin(), life=HOUR if how == "expired" else DAY)
    old = await shelf.source.read(timeout=HOUR)
    shelf.clock.advance(HOUR / 2)
    shelf.serve(example_com=pin())
    await shelf.book.open()
    shelf.clock.advance(HOUR)
    assert isinstance(old, bytes)
    match how:
        case "forged":
            shelf.serve(key=PrivateKey(new_private_key()))
        case "nonsense":
            shelf.source.serve(b"<html>")
        case "unreachable":
            shelf.source.fail()
        case "older" | "expired":
            shelf.source.serve(old)
    with capture_logs() as lines:
        await shelf.book.round()

    assert shelf.book.pin_for(EXAMPLE) == pin()
    assert [line["log_level"] for line in lines] == ["warning"]
    assert shelf.book.trouble
    book = shelf.restarted()
    await book.open()
    assert book.pin_for(EXAMPLE) == pin()


async def test_a_new_list_tells_who_is_concerned(shelf: Shelf) -> None:
    """Answers made of the old one are dropped, others are not."""
    shelf.serve(example_com=pin(), a_example=pin(), b_example=pin())
    await shelf.book.open()
    shelf.changed.clear()
    shelf.clock.advance(HOUR)
    shelf.serve(example_com=pin(), a_example=pin("new.example.com"), c_example=pin())
    await shelf.book.round()

    assert sorted(shelf.changed) == ["a.example", "b.example", "c.example"]


async def test_a_list_ends_at_its_date_and_that_is_told_once(shelf: Shelf) -> None:
    """First that it is near, then that it has come."""
    shelf.serve(example_com=pin())
    await shelf.book.open()
    shelf.source.fail()
    with capture_logs() as lines:
        for _ in range(30):
            shelf.clock.advance(HOUR)
            await shelf.book.round()
    events = [line["event"] for line in lines if line["event"] != "pin list cannot be read"]

    assert shelf.book.pin_for(EXAMPLE) is None
    assert events == ["pin list nears its end", "pin list has expired"]
    standing = shelf.book.standing(EXAMPLE)
    assert standing is not None
    assert standing.has_expired


async def test_a_policy_of_the_domains_own_replaces_its_pin_for_good(shelf: Shelf) -> None:
    """In mode none too, across restarts, until a list says so anew."""
    shelf.serve(example_com=pin())
    await shelf.book.open()
    await shelf.book.round()
    shelf.clock.advance(HOUR / 2)
    shelf.book.note_fetched(shelf.fetched())
    await shelf.book.aclose()
    book = shelf.restarted()
    await book.open()

    assert shelf.book.pin_for(EXAMPLE) is None
    assert book.pin_for(EXAMPLE) is None
    shelf.clock.advance(HOUR)
    shelf.serve(example_com=pin())
    await book.refresh()
    assert book.pin_for(EXAMPLE) == pin()


async def test_a_policy_fetched_before_the_list_was_issued_replaces_nothing(shelf: Shelf) -> None:
    """Whoever issued the list knew better."""
    before = shelf.fetched()
    shelf.clock.advance(HOUR)
    shelf.serve(example_com=pin())
    await shelf.book.open()
    shelf.book.note_fetched(before)

    assert shelf.book.pin_for(EXAMPLE) == pin()


async def test_a_pin_that_is_held_stays(shelf: Shelf) -> None:
    """Whatever the domain serves."""
    shelf.serve(example_com=pin(hold=True))
    await shelf.book.open()
    shelf.book.note_fetched(shelf.fetched())

    assert shelf.book.pin_for(EXAMPLE) == pin(hold=True)


async def test_a_shelf_that_fails_costs_no_pin(shelf: Shelf) -> None:
    """What cannot be stored is in use all the same, and is stored later."""
    shelf.files.error = StoreError("disk full")
    shelf.serve(example_com=pin())
    with capture_logs() as lines:
        await shelf.book.open()
        await shelf.book.round()
    assert shelf.book.pin_for(EXAMPLE) == pin()
    assert {line["event"] for line in lines} >= {
        "stored pin list cannot be read",
        "pin list cannot be stored",
    }
    shelf.files.error = None
    await shelf.book.round()
    assert shelf.files.envelope is not None


async def test_a_list_that_ended_still_keeps_older_ones_out_after_a_restart(shelf: Shelf) -> None:
    """An old file with a later end must not bring back what was taken off."""
    shelf.serve(example_com=pin(), life=10 * DAY)
    old = await shelf.source.read(timeout=HOUR)
    shelf.clock.advance(HOUR)
    shelf.serve(life=DAY)
    await shelf.book.round()
    shelf.clock.advance(2 * DAY)
    assert isinstance(old, bytes)
    shelf.source.serve(old)
    book = shelf.restarted()
    await book.open()

    assert book.pin_for(EXAMPLE) is None
    assert book.trouble.startswith("is older than the one in use")


async def test_a_clock_set_back_takes_no_pin_away(shelf: Shelf) -> None:
    """A list from the day after tomorrow was good once, so it is now; a new one would not be."""
    shelf.serve(example_com=pin())
    await shelf.book.round()
    shelf.clock.step(-2 * DAY)
    book = shelf.restarted()
    await book.open()

    assert book.pin_for(EXAMPLE) == pin()
