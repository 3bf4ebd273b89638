"""The link between answerer and resolver: every message survives the way, garbage does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.wire import link
from mailseal.wire.link import (
    Ask,
    Drop,
    Hello,
    LinkError,
    Message,
    Put,
    Reloaded,
    ReloadRequest,
    Stats,
    StatsRequest,
)

names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
times = st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)).map(sorted)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Ask,
        zone=names,
        next_hop=names,
        is_revalidation=st.booleans(),
        until_ms=st.integers(0, 10**12),
    ),
    st.builds(
        lambda zone, next_hop, times, reply: Put(
            zone=zone,
            next_hop=next_hop,
            fresh_for_ms=times[0],
            usable_for_ms=times[1],
            reply=reply,
        ),
        names,
        names,
        times,
        st.binary(max_size=200),
    ),
    st.builds(Drop, domain=names),
    st.builds(Hello, config=st.binary(max_size=200)),
    st.just(StatsRequest()),
    st.builds(Stats, counters=st.binary(max_size=200)),
    st.just(ReloadRequest()),
    st.builds(Reloaded, outcome=st.binary(max_size=200)),
)


@given(messages)
def test_a_message_survives_the_way(message: Message) -> None:
    """What one side encodes the other reads, whatever bytes a reply holds."""
    assert repr(link.decode(link.encode(message))) == repr(message)


@given(
    st.binary()
    | st.tuples(
        st.sampled_from([b"put ", b"ask ", b"renew ", b"drop ", b"hello ", b"stats", b"reload"]),
        st.binary(),
    ).map(b"".join)
)
def test_any_bytes_are_a_message_or_our_error(payload: bytes) -> None:
    """Garbage is a message or a ``LinkError``; a message read is one that can be written."""
    try:
        message = link.decode(payload)
    except LinkError:
        return
    assert link.encode(message) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",  # no word
        b"what 1",  # no word of ours
        b"ask 0 postfix",  # no next hop
        b"ask 0 postfix a b",  # a next hop has no blank
        b"ask 0  example.com",  # an empty zone
        b"ask 0 postfix ex\xc3\xa4mple.com",  # not ASCII
        b"ask postfix example.com",  # no time
        b"ask 9999999999999 postfix example.com",  # longer than any machine runs
        b"put 1 2 postfix example.com",  # no reply
        b"put 2 1 postfix example.com x",  # fresh for longer than usable
        b"put 1 x postfix example.com x",  # no number
        b"put 1 02 postfix example.com x",
        b"put 1 2 po\x01 example.com x",  # a zone is printable
        b"put 1 2  example.com x",  # and not empty
        b"put 1 2 postfix  x",  # nor is a next hop
        b"put -1 1 postfix example.com x",  # no time runs backwards
        b"put 01 1 postfix example.com x",  # a leading zero: two ways to say one thing
        b"put 0 9999999999999 postfix example.com x",  # longer than any policy lives
        b"drop ",  # nothing to drop
        b"stats? now",  # takes no field
    ],
)
def test_malformed_messages(payload: bytes) -> None:
    """A message has one form only."""
    with pytest.raises(LinkError):
        link.decode(payload)


@pytest.mark.parametrize(
    "message",
    [
        Ask(zone="a b", next_hop="example.com"),  # a zone has no blank
        Ask(zone="postfix", next_hop=""),  # nothing is asked
        Ask(zone="postfix", next_hop="example.com", until_ms=-1),  # no time runs backwards
        Ask(zone="postfix", next_hop="example.com", until_ms=link.MAX_MILLISECONDS + 1),
        Put(zone="a b", next_hop="n", fresh_for_ms=1, usable_for_ms=2, reply=b""),
        Put(zone="z", next_hop="a\nb", fresh_for_ms=1, usable_for_ms=2, reply=b""),
        Put(zone="z", next_hop="n", fresh_for_ms=-1, usable_for_ms=2, reply=b""),
        Put(zone="z", next_hop="n", fresh_for_ms=1, usable_for_ms=10**12 + 1, reply=b""),
        Drop(domain=""),  # would be read as nothing
        Drop(domain="a b"),
        Put(zone="z", next_hop="n", fresh_for_ms=2, usable_for_ms=1, reply=b""),  # wrong order
        Hello(config=b"x" * link.MAX_MESSAGE_BYTES),  # longer than any message
    ],
)
def test_impossible_messages_are_not_written(message: Message) -> None:
    """An error shows at its origin, not on the other side."""
    with pytest.raises(LinkError):
        link.encode(message)


@pytest.mark.parametrize(
    "message",
    [
        Hello(config=b"x" * (link.MAX_MESSAGE_BYTES - len(b"hello "))),
        Ask(zone="postfix", next_hop="example.com", until_ms=link.MAX_MILLISECONDS),
        Put(zone="z" * 100, next_hop="n" * 400, fresh_for_ms=0, usable_for_ms=0, reply=b""),
        Put(zone="z", next_hop="n", fresh_for_ms=10**12, usable_for_ms=10**12, reply=b""),
        Put(zone="z", next_hop="n", fresh_for_ms=1, usable_for_ms=1, reply=b" OK a b  c "),
    ],
)
def test_messages_at_their_bounds_are_written_and_read(message: Message) -> None:
    """A bound is the largest that goes."""
    assert repr(link.decode(link.encode(message))) == repr(message)
