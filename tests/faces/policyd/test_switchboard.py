"""The switchboard by itself: what goes to the resolver, and what becomes of its answers."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from mailseal.faces.policyd import switchboard
from mailseal.faces.policyd.question import Slot
from mailseal.faces.policyd.settings import AnswererConfig, Bounds, Zone
from mailseal.faces.policyd.switchboard import Switchboard
from mailseal.wire import link, netstring

SECONDS = timedelta(seconds=10)
CONFIG = AnswererConfig(
    listeners=(),
    zones={
        "postfix": Zone(profile="postfix", deadline=SECONDS),
        "sts": Zone(profile="sendmail", deadline=SECONDS),
    },
)


@dataclass
class StubWay:
    """A resolver that notes what it is told, and has read so much of it."""

    told: list[link.Message] = field(default_factory=list)
    unread_bytes: int = 0

    def send(self, message: link.Message) -> None:
        """Note it."""
        self.told.append(message)

    def unsent_bytes(self) -> int:
        """Say how much was not read."""
        return self.unread_bytes


@dataclass
class Desk:
    """A switchboard with a resolver, a clock, and clients that keep what they are answered."""

    config: AnswererConfig = CONFIG
    now: float = 1000.0
    way: StubWay = field(default_factory=StubWay)
    replies: list[bytes] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.board = Switchboard(self.config, clock=lambda: self.now, log=self.log)
        self.board.connect(self.way)

    def log(self, event: str, **_: object) -> None:
        """Keep what is logged."""
        self.logged.append(event)

    def take(self, _slot: Slot, reply: bytes) -> None:
        """Take an answer that was waited for."""
        self.replies.append(reply)

    def ask(self, request: str = "postfix example.com") -> bytes | None:
        """Ask; return what is answered at once."""
        return self.board.answer(request.encode(), Slot(self))

    def put(
        self,
        reply: bytes = b"OK dane",
        *,
        fresh: int = 10,
        usable: int = 100,
        zone: str = "postfix",
        way: StubWay | None = None,
    ) -> None:
        """Let the resolver answer for example.com; times are in seconds."""
        message = link.Put(
            zone=zone,
            next_hop="example.com",
            fresh_for_ms=fresh * 1000,
            usable_for_ms=usable * 1000,
            reply=reply,
        )
        self.board.receive(message, way or self.way)

    def count(self, name: str) -> int:
        """Return one of the numbers."""
        return self.board.stats()[name]


def framed(reply: bytes) -> bytes:
    """Return a reply as a client gets it."""
    return netstring.encode(reply)


def test_many_who_ask_the_same_are_one_question_and_get_one_answer() -> None:
    """The resolver is told when the first of them gives up."""
    desk = Desk()
    assert [desk.ask() for _ in range(3)] == [None] * 3
    assert desk.way.told == [link.Ask(zone="postfix", next_hop="example.com")]
    (asked,) = desk.way.told
    assert isinstance(asked, link.Ask)
    assert asked.until_ms == 1_010_000

    desk.put()

    assert desk.replies == [framed(b"OK dane")] * 3
    assert desk.ask() == framed(b"OK dane")
    assert (desk.count("questions_open"), desk.count("requests_waiting")) == (0, 0)
    assert (desk.count("asked"), desk.count("waited"), desk.count("slow_hits")) == (1, 3, 1)


@pytest.mark.parametrize(
    ("request_", "counter"),
    [("nothing", "malformed"), ("postfix .example.com", "no_lookup"), ("postfix ", "no_lookup")],
)
def test_what_cannot_have_a_policy_is_answered_and_counted_once(
    request_: str, counter: str
) -> None:
    """Nobody is asked for it."""
    desk = Desk()

    assert desk.ask(request_) == framed(b"NOTFOUND ")
    assert desk.count(counter) == 1
    assert desk.way.told == []


def test_a_stale_answer_is_given_and_asked_for_once_in_a_while() -> None:
    """Until it has run out; then whoever asks has to wait."""
    desk = Desk()
    desk.put(fresh=10, usable=100)
    renewals = []
    for seconds in (9, 1, 4, 1, 0):
        desk.now += seconds
        assert desk.ask() == framed(b"OK dane")
        renewals.append(desk.count("renewed"))
    assert renewals == [0, 1, 1, 2, 2]
    assert {type(one) for one in desk.way.told} == {link.Ask}
    assert all(isinstance(one, link.Ask) and one.is_revalidation for one in desk.way.told)

    desk.now += 85
    assert desk.ask() is None


def test_a_resolver_that_does_not_read_is_told_nothing_that_can_wait() -> None:
    """The answer is good for a while yet; memory is not to fill with wishes."""
    desk = Desk()
    desk.put(fresh=0, usable=100)
    desk.way.unread_bytes = switchboard.MAX_UNSENT_BYTES
    assert desk.ask() == framed(b"OK dane")
    assert desk.way.told == []

    desk.way.unread_bytes -= 1
    desk.now += 10
    desk.ask()
    assert len(desk.way.told) == 1


def test_an_answer_for_the_moment_replaces_nothing_that_can_be_used() -> None:
    """A TEMP is for those who wait now."""
    desk = Desk()
    desk.put(fresh=0, usable=100)
    desk.put(b"TEMP not now", fresh=0, usable=0)
    assert desk.ask() == framed(b"OK dane")

    desk.ask("sts example.com")
    desk.put(b"TEMP not now", fresh=0, usable=0, zone="sts")
    assert desk.replies == [framed(b"TEMP not now")]
    assert desk.ask("sts example.com") is None


@pytest.mark.parametrize("reply", [b"", b"OK " + b"x" * 100_000])
def test_what_is_no_reply_is_told_as_our_fault_and_not_kept(reply: bytes) -> None:
    """Postfix would defer mail for it without a word that anybody could read."""
    desk = Desk()
    desk.ask()
    desk.put(reply)

    assert desk.replies == [switchboard.UNUSABLE]
    assert desk.logged == ["an answer is no reply"]
    assert desk.ask() is None


def test_a_new_resolver_is_asked_what_is_open_and_has_its_early_word() -> None:
    """What it dropped before it was in use is dropped then; its answers of before are not taken."""
    desk = Desk()
    desk.put()
    desk.ask("postfix example.net")
    successor = StubWay()
    desk.board.receive(link.Drop(domain="example.com"), successor)
    desk.put(b"OK may", way=successor)
    assert desk.ask() == framed(b"OK dane")

    desk.board.connect(successor)

    assert successor.told == [link.Ask(zone="postfix", next_hop="example.net")]
    assert desk.ask() is None
    desk.put(way=desk.way)  # the old one has no say any more
    assert desk.replies == []

    desk.put(way=successor)
    desk.board.connect(StubWay())  # whose predecessor's early word is done with
    assert desk.ask() == framed(b"OK dane")


def test_what_the_resolver_drops_is_forgotten() -> None:
    """All that was answered for the domain, in every zone."""
    desk = Desk()
    for zone in CONFIG.zones:
        desk.put(zone=zone)
    desk.board.receive(link.Drop(domain="example.com"), desk.way)

    assert [desk.ask(f"{zone} example.com") for zone in CONFIG.zones] == [None, None]


def test_the_early_word_of_a_resolver_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never comes to work may talk for long."""
    monkeypatch.setattr(switchboard, "MAX_EARLY_DROPS", 2)
    desk, successor = Desk(), StubWay()
    desk.put()
    for domain in ("a.example", "b.example", "example.com"):
        desk.board.receive(link.Drop(domain=domain), successor)
    desk.board.connect(successor)

    assert desk.ask() == framed(b"OK dane")


def test_one_that_only_knows_what_is_not_for_it_is_told_so() -> None:
    """Its link is then cut, and another one is started."""
    desk = Desk()
    with pytest.raises(link.LinkError, match="Hello is not for the answerer"):
        desk.board.receive(link.Hello(config=b""), desk.way)


def test_without_a_resolver_what_is_known_is_answered_and_the_rest_waits() -> None:
    """It is asked as soon as there is one; one that went before does not take it away."""
    desk = Desk()
    desk.put()
    desk.board.disconnect(StubWay())
    desk.put(b"OK dane-only")
    assert desk.ask() == framed(b"OK dane-only")
    desk.board.disconnect(desk.way)
    desk.now += 50
    told = len(desk.way.told)
    assert desk.ask() == framed(b"OK dane-only")  # stale, and there is nobody to be asked
    assert desk.ask("sts example.com") is None
    assert len(desk.way.told) == told

    desk.board.connect(desk.way)
    assert desk.way.told[told:] == [link.Ask(zone="sts", next_hop="example.com")]


@pytest.mark.parametrize("bounds", [Bounds(questions=2), Bounds(waiting=2)])
def test_beyond_its_bounds_it_says_so(bounds: Bounds) -> None:
    """Nobody waits who would make others wait; that is logged, and not for each."""
    desk = Desk(replace(CONFIG, bounds=bounds))
    answers = [desk.ask(f"postfix d{number}.example") for number in range(4)]

    assert answers == [None, None, switchboard.OVERLOADED, switchboard.OVERLOADED]
    assert desk.count("overloaded") == 2
    assert desk.logged == ["too many questions are open"]
    more = desk.ask("postfix d0.example")  # a question that is open already costs no other
    assert more == (None if bounds.questions == 2 else switchboard.OVERLOADED)


def test_at_the_deadline_those_who_wait_are_told_and_may_ask_anew() -> None:
    """A client that has gone is not counted, and what it asked is still of use."""
    desk = Desk()
    gone = Slot(desk)
    assert desk.board.answer(b"postfix example.com", gone) is None
    desk.ask()
    for _ in range(2):  # a connection that is gone may say so twice
        desk.board.leave(gone)
    assert desk.count("requests_waiting") == 1

    assert not desk.board.tick(desk.now + 9.9)
    desk.now += 10
    assert desk.board.tick(desk.now)
    assert desk.replies == [switchboard.TOO_LATE]
    assert desk.count("late") == 1
    assert desk.count("wait_total_ms") == 10_000
    assert desk.logged == ["the resolver gave no answer in time"]
    assert desk.ask() is None
    assert len(desk.way.told) == 2


def test_at_the_end_nobody_is_left_waiting() -> None:
    """The mail server asks again when the service is back."""
    desk = Desk()
    for zone in CONFIG.zones:
        desk.ask(f"{zone} example.com")
    desk.board.give_up()

    assert desk.replies == [switchboard.STOPPING] * 2
    assert desk.count("requests_waiting") == 0


def test_a_reload_keeps_what_is_the_same_and_answers_those_whose_map_is_gone() -> None:
    """Zones by name and content; who waits for one that is no more is told its name."""
    desk = Desk()
    for zone in CONFIG.zones:
        desk.put(zone=zone)
        desk.ask(f"{zone} example.net")
    zones = {"postfix": CONFIG.zones["postfix"], "exim": CONFIG.zones["sts"]}

    told: list[str] = []
    desk.board.reconfigure(replace(CONFIG, zones=zones), lambda event, **_: told.append(event))

    assert len(desk.replies) == 1
    assert told == ["a client asks for a map that is not configured"]
    assert desk.logged == []
    assert b'PERM no map "sts" in mailseal, there are: postfix, exim' in desk.replies[0]
    assert desk.ask() == framed(b"OK dane")
    assert desk.count("table_entries") == 1
    with pytest.raises(link.LinkError):
        desk.put(zone="sts")


def test_a_reload_changes_bounds_and_times_for_what_comes() -> None:
    """Also of a map that stays: how often it renews, how long it waits, how many may wait."""
    desk = Desk()
    desk.put(fresh=0, usable=100)
    zones = {
        "postfix": CONFIG.zones["postfix"],
        "sts": Zone(profile="sendmail", deadline=SECONDS / 2),
    }
    bounds = Bounds(renewal=timedelta(seconds=20), questions=1)

    desk.board.reconfigure(
        replace(CONFIG, zones=zones, bounds=bounds, default_zone="sts"), desk.log
    )

    for seconds, renewed in ((0, 1), (19, 1), (1, 2)):
        desk.now += seconds
        assert desk.ask() == framed(b"OK dane")
        assert desk.count("renewed") == renewed
    assert desk.ask("other example.com") is None
    assert desk.ask("sts example.net") == switchboard.OVERLOADED
    assert not desk.board.tick(desk.now + 4.9)
    assert desk.board.tick(desk.now + 5)


def test_a_map_that_is_not_configured_has_the_default_zone_or_none() -> None:
    """Without one the client is told which there are, and the log once a minute."""
    desk = Desk()
    for _ in range(2):
        answer = desk.ask("other example.com")
        assert answer is not None
        assert b'PERM no map "other" in mailseal, there are: postfix, sts' in answer
    assert desk.count("unknown_map") == 2
    assert len(desk.logged) == 1

    other = Desk(replace(CONFIG, default_zone="sts"))
    assert other.ask("other example.com") is None
    assert other.way.told == [link.Ask(zone="sts", next_hop="example.com")]


def test_numbers_of_others_are_told_with_its_own() -> None:
    """One request brings all that a scrape wants."""
    desk = Desk()
    desk.board.add_stats(lambda: {"connections_open": 7})

    assert desk.count("connections_open") == 7
    assert desk.count("table_entries") == 0
