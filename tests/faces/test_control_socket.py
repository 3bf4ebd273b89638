"""The control socket: who may open it, what it answers, what a broken request does."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from mailseal.faces.policyd.controlsocket import MAX_LINE_BYTES
from tests.faces.world import World


def control_path(world: World) -> Path:
    """Tell where the socket is."""
    return world.folder / "state" / "control.sock"


def exchange(world: World, *lines: bytes) -> list[Any]:
    """Send lines over one connection, then end; the answers."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(os.fspath(control_path(world)))
        client.sendall(b"".join(lines))
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            return [json.loads(line) for line in answers]


def test_only_its_owner_may_open_it(world: World) -> None:
    """It is made with mode 0600, at no moment with another."""
    with world.running():
        assert control_path(world).stat().st_mode & 0o777 == 0o600


def test_it_goes_with_the_service(world: World) -> None:
    """Commands then know that nobody is there."""
    with world.running():
        assert control_path(world).exists()
    assert not control_path(world).exists()


def test_a_socket_left_by_a_dead_service_is_replaced(world: World) -> None:
    """``kill -9`` leaves it behind; commands take it for no service, and a new one for free."""
    control_path(world).parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(control_path(world)))

    assert "no service is running" in world.run("query", "example.com").stderr
    with world.running():
        assert world.run_json("query", "example.com")["from_running_service"] is True


def test_several_requests_are_answered_in_their_order(world: World) -> None:
    """One object a line each way."""
    with world.running():
        answers = exchange(
            world, b'{"op": "counters"}\n', b'{"op": "show", "domain": "example.com"}\n'
        )

    assert "domains_in_memory" in answers[0]["ok"]
    assert answers[1] == {"ok": {"policy": None}}


@pytest.mark.parametrize(("line", "error"), [
    (b"\n", "Expecting value"),
    (b"{\n", "Expecting property name"),
    (b"[]\n", "a request is a JSON object"),
    (b"{}\n", "unknown operation; known are explain, list"),
    (b'{"op": "format-disk"}\n', "unknown operation"),
    (b'{"op": "purge"}\n', "a domain name has 1 to 253 bytes"),
    (b'{"op": "purge", "domain": "a..b"}\n', "label ''"),
    (b'{"op": "explain", "next_hop": "127.0.0.1"}\n', "an address has no policy"),
    (b"\xff\n", "codec can't decode"),
    (b"[" * 30_000 + b"\n", "a request has no such depth"),
])  # fmt: skip
def test_a_request_without_sense_is_told_why(world: World, line: bytes, error: str) -> None:
    """And the next one on the same connection is carried out."""
    with world.running():
        first, second = exchange(world, line, b'{"op": "counters"}\n')

    assert error in first["error"]
    assert "ok" in second


def test_a_line_without_end_ends_the_connection(world: World) -> None:
    """Nobody can make the service hold more than its limit."""
    with world.running():
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(os.fspath(control_path(world)))
            client.sendall(b"x" * (2 * MAX_LINE_BYTES))
            assert client.recv(1) == b""
        assert "ok" in exchange(world, b'{"op": "counters"}\n')[0]


def test_an_error_of_ours_is_told_as_such(world: World) -> None:
    """The one who asked learns that the log knows more; the service goes on."""
    with world.running():
        world.store.error = RuntimeError("a fault")
        (answer,) = exchange(world, b'{"op": "list"}\n')
        world.store.error = None

        assert answer == {"error": "internal error: RuntimeError, see the log"}
        assert world.run("cache", "list").exit_code == 0


def test_a_service_that_closes_without_an_answer_is_exit_code_3(world: World) -> None:
    """Not the same as no service: its answer may differ from what a command finds out."""
    control_path(world).parent.mkdir()
    with socket.create_server(os.fspath(control_path(world)), family=socket.AF_UNIX) as server:
        import threading

        def close_at_once() -> None:
            client, _ = server.accept()
            client.recv(1000)
            client.close()

        closing = threading.Thread(target=close_at_once)
        closing.start()
        result = world.run("query", "example.com")
        closing.join()

    assert result.exit_code == 3
    assert "closed the connection; see its log" in result.stderr
