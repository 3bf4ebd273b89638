"""From the configuration to what the answerer works by."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailseal.config import PassedSocket, parse
from mailseal.faces.policyd.listeners import ListenError
from mailseal.faces.policyd.plan import adopt, make_plan
from mailseal.faces.policyd.settings import OpenListener, TcpListener


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close what a test opens."""
    with ExitStack() as opened:
        yield opened


def at(port: int, more: str = "") -> str:
    """Return a configuration with one listener."""
    return f'[[listen]]\nprotocol = "socketmap"\naddress = "127.0.0.1:{port}"\n{more}\n'


def test_a_passed_socket_is_the_listener_with_its_address(stack: ExitStack) -> None:
    """Whatever its name is; other listeners are opened as ever."""
    passed = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    config = parse(at(passed.getsockname()[1]) + at(1))

    plan = make_plan(config, [("mailseal.socket", passed)])

    assert plan.config.listeners == (
        OpenListener(socket=passed),
        TcpListener(host="127.0.0.1", port=1),
    )


def test_a_passed_unix_socket_speaks_what_its_table_says(tmp_path: Path, stack: ExitStack) -> None:
    """The path is the same, so the protocol and the zone are those of the table."""
    path = tmp_path / "s"
    passed = stack.enter_context(socket.create_server(os.fspath(path), family=socket.AF_UNIX))
    text = f'[[listen]]\nprotocol = "line"\naddress = "unix:{path}"\nzone = "sendmail"\n'

    plan = make_plan(parse(text), [("x", passed)])

    assert plan.config.listeners == (OpenListener(socket=passed, line_zone="sendmail"),)


@pytest.mark.parametrize(
    ("name", "line_zone"), [("socketmap", None), ("line", "exim"), ("line-sendmail", "sendmail")]
)
def test_a_passed_socket_without_a_table_is_taken_by_its_name(
    name: str, line_zone: str | None, stack: ExitStack
) -> None:
    """So a unit can add a listener that the configuration knows nothing of."""
    passed = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    plan = make_plan(parse(at(1)), [(name, passed)])
    assert plan.config.listeners[1:] == (OpenListener(socket=passed, line_zone=line_zone),)


@pytest.mark.parametrize("name", ["", "mailseal.socket", "line-nozone"])
def test_a_passed_socket_that_nobody_would_serve_is_refused(name: str, stack: ExitStack) -> None:
    """Who connects to it would wait for ever."""
    passed = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    with pytest.raises(ListenError, match="neither the address"):
        make_plan(parse(at(1)), [(name, passed)])


@pytest.mark.parametrize("name", ["mailseal.socket", "http"])
def test_a_passed_socket_at_the_address_of_http_is_its_listener(
    name: str, stack: ExitStack
) -> None:
    """No mail server's question would be understood there."""
    passed = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = passed.getsockname()[1]
    plan = make_plan(parse(at(1) + f'[http]\naddress = "127.0.0.1:{port}"\n'), [(name, passed)])
    assert plan.config.listeners == (TcpListener(host="127.0.0.1", port=1),)
    assert plan.config.http == (OpenListener(socket=passed),)


def test_passed_sockets_are_for_http_by_their_name_too(stack: ExitStack) -> None:
    """All that the unit has, for IPv4 and IPv6; and where the configuration says it is as well.

    So an address of HTTP that was changed in one place alone keeps nobody from being answered.
    """
    passed = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
    moved = '[http]\naddress = "127.0.0.1:2"\n'

    plan = make_plan(parse(at(1) + moved), [("http", one) for one in passed])

    assert plan.config.listeners == (TcpListener(host="127.0.0.1", port=1),)
    assert plan.config.http == (
        OpenListener(socket=passed[0]),
        OpenListener(socket=passed[1]),
        TcpListener(host="127.0.0.1", port=2),
    )


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1"])
def test_an_address_of_http_that_a_passed_socket_includes_is_not_opened_again(
    host: str, stack: ExitStack
) -> None:
    """It could not be, and HTTP is answered there."""
    family = socket.AF_INET if host else socket.AF_INET6
    passed = stack.enter_context(
        socket.create_server((host, 0), family=family, dualstack_ipv6=not host)
    )
    own = f'[http]\naddress = "127.0.0.1:{passed.getsockname()[1]}"\n'
    plan = make_plan(parse(at(1) + own), [("http", passed)])
    assert plan.config.http == (OpenListener(socket=passed),)


def test_a_passed_socket_for_http_that_is_off_is_left_alone(stack: ExitStack) -> None:
    """Mail servers are answered all the same; but a listener at that address gets its socket."""
    passed = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = passed.getsockname()[1]
    off = f'[http]\nenabled = false\naddress = "127.0.0.1:{port}"\n'

    plan = make_plan(parse(at(1) + off), [("mailseal.socket", passed)])
    assert plan.config.http == ()
    assert plan.config.listeners == (TcpListener(host="127.0.0.1", port=1),)

    plan = make_plan(parse(at(port) + off), [("mailseal.socket", passed)])
    assert plan.config.listeners == (OpenListener(socket=passed),)


def test_what_is_no_listening_socket_is_refused() -> None:
    """Such as a datagram socket, or Accept=yes in the unit."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wrong:
        descriptor = os.dup(wrong.fileno())
        with pytest.raises(ListenError, match="does not listen"):
            adopt([PassedSocket(descriptor=descriptor, name="x")])
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)  # it is closed
    read, write = os.pipe()
    os.close(write)
    with pytest.raises(ListenError, match="is none"):
        adopt([PassedSocket(descriptor=read, name="x")])
    os.close(read)


@pytest.mark.parametrize(("change", "changed"), [
    ('[log]\nlevel = "debug"\n', set()),                       # no answer depends on it
    ('[dane]\npartial = "narrow"\n', {"postfix", "sendmail"}),
    ('[zones.sendmail]\nprofile = "sendmail"\ndeadline = "1s"\n', {"sendmail"}),
])  # fmt: skip
def test_a_zone_is_another_one_when_its_answers_may_differ(change: str, changed: set[str]) -> None:
    """By this the answerer knows what to forget at a reload."""
    before, after = make_plan(parse("")).config.zones, make_plan(parse(change)).config.zones
    assert {name for name in ("postfix", "sendmail") if before[name] != after[name]} == changed


def test_other_resolvers_of_a_zone_make_its_answers_others() -> None:
    """A reload forgets the answers of this zone, and of no other."""
    zone = '[zones.inside]\nprofile = "postfix"\n'

    before = make_plan(parse(zone)).config.zones
    after = make_plan(parse(zone + 'resolvers = ["192.0.2.53"]\n')).config.zones

    assert before["inside"] != after["inside"]
    assert before["postfix"] == after["postfix"]


def test_a_sample_of_hits_makes_no_answer_another_one() -> None:
    """It is for the answerer alone, and a reload that turns it on forgets nothing."""
    plain, sampled = make_plan(parse("")), make_plan(parse("[log]\nsample_hits = 7\n"))

    assert (plain.config.sample_hits, sampled.config.sample_hits) == (0, 7)
    assert plain.config.zones == sampled.config.zones
