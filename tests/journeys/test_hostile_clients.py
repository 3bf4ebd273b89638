"""Whatever a client sends, it gets a correct reply or a clean end, and the service goes on."""

import itertools
import socket
from pathlib import Path

import pytest

from tests.journeys.serving import (
    Serving,
    frame,
    open_files,
    read_to_end,
    resident_bytes,
    until,
)

MIB = 1024 * 1024

# Nothing is looked up for these: they are answered at once.
ODD_KEYS = [
    b"",                              # no key
    b".", b"..", b"a..b", b".test",   # empty labels, and a parent
    b"a" * 64 + b".test",             # a label has 63 bytes at most
    (b"a" * 63 + b".") * 4 + b"test",   # a name has 253
    b"x" * 10_000,                    # as long as Postfix would ever send
    b"\xff\xfe.test", b"\xc3\x28",    # no UTF-8
    "\u202e.test".encode(), "xn--\u00fc.test".encode(),   # U-labels that have no A-label
    b"127.0.0.1", b"[127.0.0.1]:25", b"[::1]", b"[IPv6:::1]:25",
    b"[", b"[]", b"[]:25", b"[a.test", b"[a.test]x", b"[a.test]:", b"a.test:", b"a.test:0",
    b"a.test:99999", b"a b.test", b"a\x00b.test", b"a\r\nb.test", b"/etc/passwd", b"-a.test",
    b"match=x.test", b"{ x = y }",
]  # fmt: skip

BROKEN_STREAMS = [
    b"x", b":", b",", b"-1:,", b"+1:a,", b" 1:a,", b"01:a,",   # no number where one must be
    b"1;a,", b"1:ab", b"3:abc;",                                 # wrong signs around it
    b"10001:", b"999999999999999999999:", b"9" * 1000,           # longer than any request may be
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00", b"EHLO x\r\n", bytes(100),
]  # fmt: skip

NONSENSE = [
    b"\n", b"x\n", b"[]\n", b"\xff\n", b'{"op": 1}\n', b'{"op": "show", "domain": "a..b"}\n',
    b'{"op": "explain", "next_hop": []}\n', b"[" * 50_000 + b"\n",
]  # fmt: skip

UNFINISHED_STREAMS = [b"", b"1", b"17:", b"17:postfix go", b"17:postfix good.test"]


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: repr(key[:20]))
def test_an_odd_key_is_not_found(serving: Serving, key: bytes) -> None:
    """The reply is one that Postfix understands, and the connection stays usable."""
    request = b"postfix " + key
    if len(request) > 10_000:
        request = request[:10_000]
    with serving.connect() as client:
        client.sendall(frame(request) + frame(b"postfix a..b"))
        client.shutdown(socket.SHUT_WR)

        assert read_to_end(client) == frame(b"NOTFOUND ") * 2


@pytest.mark.parametrize("stream", BROKEN_STREAMS, ids=lambda stream: repr(stream[:20]))
def test_a_broken_stream_ends_the_connection_alone(serving: Serving, stream: bytes) -> None:
    """Where the next request would begin is anybody's guess, so there is no reply."""
    with serving.connect() as client:
        client.sendall(stream)
        client.shutdown(socket.SHUT_WR)

        assert read_to_end(client) == b""
    assert serving.ask(b"postfix a..b") == b"NOTFOUND "


@pytest.mark.parametrize("stream", UNFINISHED_STREAMS, ids=repr)
def test_a_request_that_never_ends_is_closed_with_its_client(
    serving: Serving, stream: bytes
) -> None:
    """A half-close in the middle of a request is the end of it."""
    with serving.connect() as client:
        client.sendall(stream)
        client.shutdown(socket.SHUT_WR)

        assert read_to_end(client) == b""


def test_a_half_close_behind_a_question_still_gets_the_answer(serving: Serving) -> None:
    """Exim closes its side after writing; DNS is gone here, so what is known is nothing."""
    assert serving.ask(b"postfix never-asked.test") == b"OK dane"
    assert serving.ask(b"exim never-asked.test") == b"NOTFOUND "


def test_an_unknown_map_is_told_which_there_are(serving: Serving) -> None:
    """A wrong map name in main.cf must not look like "no policy"."""
    reply = serving.ask(b"postifx good.test")

    assert reply.startswith(b'PERM no map "postifx" in mailseal, there are: postfix')


def test_a_thousand_connections_are_all_answered(serving: Serving) -> None:
    """Opened together, asked together, each gets its own reply."""
    before = open_files(serving.pids[0])
    clients = [serving.connect() for _ in range(1000)]
    try:
        for client in clients:
            client.sendall(frame(b"postfix a..b"))
        for client in clients:
            client.shutdown(socket.SHUT_WR)
        replies = {read_to_end(client) for client in clients}
    finally:
        for client in clients:
            client.close()

    assert replies == {frame(b"NOTFOUND ")}
    until(lambda: open_files(serving.pids[0]) <= before)


def bombard(serving: Serving, rounds: int) -> int:
    """Send everything hostile there is, over and over; return how many requests it was."""
    keys = b"".join(frame(b"postfix " + key[:9_992]) for key in ODD_KEYS)
    expected = frame(b"NOTFOUND ") * len(ODD_KEYS)
    for _ in range(rounds):
        with serving.connect() as client:
            client.sendall(keys)
            client.shutdown(socket.SHUT_WR)
            assert read_to_end(client) == expected
        for stream in (*BROKEN_STREAMS, *UNFINISHED_STREAMS):
            with serving.connect() as client:
                client.sendall(stream)
    return rounds * (len(ODD_KEYS) + len(BROKEN_STREAMS) + len(UNFINISHED_STREAMS))


def test_twenty_thousand_hostile_requests_leave_nothing_behind(serving: Serving) -> None:
    """Neither descriptors nor memory: both processes are as they were after the first ones."""
    bombard(serving, 20)
    pids = serving.pids
    files = [open_files(pid) for pid in pids]
    memory = [resident_bytes(pid) for pid in pids]

    assert bombard(serving, 380) >= 20_000

    assert serving.pids == pids
    until(lambda: [open_files(pid) for pid in pids] <= files)
    grown = [resident_bytes(pid) - before for pid, before in zip(pids, memory, strict=True)]
    assert max(grown) < 4 * MIB
    assert serving.ask(b"postfix a..b") == b"NOTFOUND "


def test_names_that_nobody_will_ask_again_take_little_room(serving: Serving) -> None:
    """Invented names are looked up, forgotten in time, and bounded in number meanwhile."""
    numbers = itertools.count()

    def ask_many(count: int) -> None:
        with serving.connect() as client:
            for _ in range(count // 50):
                names = [b"postfix n%d.invented.test" % next(numbers) for _ in range(50)]
                client.sendall(b"".join(map(frame, names)))
                received = b""
                while received.count(b",") < 50:
                    received += client.recv(65_536)
                assert received == frame(b"OK dane") * 50

    ask_many(500)
    pids = serving.pids
    files = [open_files(pid) for pid in pids]
    memory = [resident_bytes(pid) for pid in pids]

    ask_many(2000)

    until(lambda: [open_files(pid) for pid in pids] <= files)
    grown = [resident_bytes(pid) - before for pid, before in zip(pids, memory, strict=True)]
    assert max(grown) < 2000 * 8 * 1024  # bytes for a name in both processes


@pytest.mark.parametrize(("question", "answer"), [
    (b"", b"NOTFOUND\n"),                     # a half-close is the end of an empty line
    (b"\n", b"NOTFOUND\n"),
    (b"a..b\n", b"NOTFOUND\n"),
    (b"\xff\xff\n", b"NOTFOUND\n"),
    (b"a..b\r\n", b"NOTFOUND\n"),
    (b"a..b", b"NOTFOUND\n"),                 # Exim without a line end
    # longer than any line may be
    (b"x" * 2_000, b"TEMP the question is too long for mailseal\n"),
    (b"a..b\na..b\n", b"NOTFOUND\n"),         # one question to a connection
])  # fmt: skip
def test_the_line_protocol_answers_or_ends(
    serving: Serving, question: bytes, answer: bytes
) -> None:
    """One line, one answer, end."""
    with serving.connect(serving.line) as client:
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)

        assert read_to_end(client) == answer


def test_the_control_socket_takes_nonsense(serving: Serving) -> None:
    """Only its owner can open it; even so, each line gets an answer that says what is wrong."""
    path = serving.folder / "state" / "control.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    for line in NONSENSE:
        with serving.connect(path) as client:
            client.sendall(line)
            client.shutdown(socket.SHUT_WR)
            assert read_to_end(client).startswith(b'{"error": ')
    with serving.connect(path) as client:
        client.sendall(bytes(100_000) + b"\n")
        read_to_end(client)
    assert serving.ask(b"postfix a..b") == b"NOTFOUND "


def test_the_log_holds_no_traceback(serving: Serving) -> None:
    """What strangers send is never an error of ours."""
    assert "Traceback" not in Path(serving.log).read_text()
