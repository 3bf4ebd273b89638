"""Who asks through a web server, and what a stranger cannot make of the header."""

import asyncio
import socket
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailseal.config import parse
from mailseal.faces.http.forwarded import MAX_HOPS, TrustedProxies
from mailseal.faces.http.message import Request, Response
from mailseal.faces.http.server import HttpServer
from mailseal.services.meter import Meter
from tests.faces.http.conftest import read_reply

PEER = "192.0.2.80"  # a trusted web server
SECOND = "fd00::80"  # another one, in front of it
STRANGER = "198.51.100.7"


def trusted(*written: str) -> TrustedProxies:
    """Return what a configuration trusts."""
    config = parse(f"[http]\ntrusted_proxies = {list(written)}\n")
    return TrustedProxies.of(config.http.trusted_proxies)


TRUSTED = trusted(PEER, "fd00::/8")


@pytest.mark.parametrize(("forwarded", "client"), [
    (STRANGER, STRANGER),
    (f"203.0.113.9, {STRANGER}", STRANGER),              # what a stranger sends stands before it
    (f"203.0.113.9,{STRANGER}\t,\t{SECOND}", STRANGER),  # two of our own
    (f"{STRANGER}, {PEER}, {SECOND}, {PEER}", STRANGER),
    ("2001:db8:1:2::3", "2001:db8:1:2::3"),
    ("[2001:db8:1:2::3]:4711", "2001:db8:1:2::3"),       # as some load balancers write it
    (f"{STRANGER}:4711", STRANGER),
    (f"::ffff:{STRANGER}", STRANGER),                    # of a socket for both families
    (", ".join([STRANGER, *[PEER] * (MAX_HOPS - 1)]), STRANGER),
    (f"{STRANGER}, ::ffff:{PEER}", STRANGER),
])  # fmt: skip
def test_the_client_is_the_last_address_that_is_not_ours(forwarded: str, client: str) -> None:
    """Web servers append, so the end of the list is theirs."""
    assert TRUSTED.client_of(PEER, forwarded) == client


@pytest.mark.parametrize("forwarded", [
    "",                                             # the web server says nothing
    "unknown",                                      # such as a web server on a UNIX socket writes
    f"{STRANGER},",                                 # nothing was appended
    f"{STRANGER}, _hidden",                         # a word of RFC 7239
    f"for={STRANGER}",                              # the other header's form
    f'"{STRANGER}"',
    f"{STRANGER} 1",
    f"{STRANGER}\xa0",                              # a blank for Python only
    "198.51.100.0x7", "198.51.100.007", "198.51.100.256", "198.51.100",
    "١٩٨.51.100.7",                                 # digits for Python only
    "fe80::1%eth0", "[::1", "::1]", "[198.51.100.7]x", "1:2:3:4:5:6:7:8:9",
    PEER, f"{SECOND}, {PEER}",                      # nobody but our own
    ", ".join([STRANGER, *[PEER] * MAX_HOPS]),      # more of them than anybody has
    STRANGER * 10_000,
])  # fmt: skip
def test_what_names_no_client_counts_for_the_web_server(forwarded: str) -> None:
    """As if it were not trusted: nobody gets a ration out of nonsense."""
    assert TRUSTED.client_of(PEER, forwarded) == PEER


@pytest.mark.parametrize("peer", [STRANGER, "2001:db8::1", "192.0.2.81", "", "no address"])
def test_a_stranger_speaks_for_nobody(peer: str) -> None:
    """Neither for a new client nor for one whose ration he would use up."""
    assert TRUSTED.client_of(peer, "203.0.113.9") == peer


@pytest.mark.parametrize("peer", [f"::ffff:{PEER}", "fd00::1", "fd00::1%eth0"])
def test_a_trusted_peer_is_known_in_any_form(peer: str) -> None:
    """A listener for both families sees IPv4 peers as IPv6."""
    assert TRUSTED.client_of(peer, STRANGER) == STRANGER


def test_peers_of_a_unix_socket_are_trusted_by_a_word_of_their_own() -> None:
    """They have no address that could be named."""
    assert trusted("unix:").client_of("", STRANGER) == STRANGER
    assert trusted("unix:", PEER).client_of("", f"{STRANGER}, {PEER}") == STRANGER
    assert trusted("unix:").client_of("", "nonsense") == ""
    assert trusted("unix:").client_of(PEER, STRANGER) == PEER
    assert trusted("10.0.0.0/8").client_of("", STRANGER) == ""


@given(sent=st.text(st.characters(max_codepoint=255)), client=st.ip_addresses())
def test_whatever_a_stranger_sends_his_own_address_counts(
    sent: str, client: IPv4Address | IPv6Address
) -> None:
    """Neither commas nor nonsense before what the web server appends change it."""
    alone = TRUSTED.client_of(PEER, str(client))
    assume(alone != PEER)  # it is one of ours, or has a zone
    assert TRUSTED.client_of(PEER, f"{sent}, {client}") == alone


@given(sent=st.text(st.characters(max_codepoint=255)))
def test_any_header_gives_an_address(sent: str) -> None:
    """Nothing that a stranger wrote becomes a key of its own."""
    ip_address(TRUSTED.client_of(PEER, sent))


async def clients(server: HttpServer, listening: socket.socket, *headers: str) -> None:
    """Make a request with each head."""
    listening.setblocking(False)
    async with server.serving([listening]):
        for lines in headers:
            if listening.family == socket.AF_UNIX:
                reader, writer = await asyncio.open_unix_connection(listening.getsockname())
            else:
                reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
            await read_reply(reader)
            writer.close()


async def test_the_server_joins_the_header_s_lines(tmp_path: Path) -> None:
    """Some web servers append a line of their own; a client's ``Forwarded`` is not read."""
    seen: list[str] = []

    async def answer(request: Request) -> Response:
        seen.append(request.client)
        return Response(status=HTTPStatus.OK, content_type="text/plain", body=b"", route="/")

    heads = (
        f"X-Forwarded-For: 203.0.113.9\r\nx-forwarded-for: {STRANGER}\r\n",
        f"Forwarded: for=203.0.113.9\r\nX-Forwarded-For: {STRANGER}\r\n",
        "Forwarded: for=203.0.113.9\r\n",
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await clients(HttpServer(answer, Meter(), trusted=trusted("127.0.0.1")), listening, *heads)
    assert seen == [STRANGER, STRANGER, "127.0.0.1"]

    seen.clear()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await clients(HttpServer(answer, Meter()), listening, *heads)
    assert seen == ["127.0.0.1"] * 3

    for proxies, known in ((trusted("unix:"), STRANGER), (trusted("127.0.0.1"), "")):
        seen.clear()
        (tmp_path / "s").unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "s"))
            listening.listen()
            await clients(HttpServer(answer, Meter(), trusted=proxies), listening, *heads)
        assert seen == [known, known, ""]
