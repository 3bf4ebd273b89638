"""HTTP/1.1 as h11 has it, and our requests and responses: what is taken, what is refused."""

from http import HTTPStatus

import h11

from mailseal.faces.http.authority import is_ours
from mailseal.faces.http.forwarded import TrustedProxies
from mailseal.faces.http.message import Request, Response, problem

SHOWN_HOST_CHARACTERS = 80  # ours: of a Host header that is refused

# Nothing here is meant for a browser, and so a browser is told to do nothing with it.
_HEADERS = (
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)


class BadRequestError(Exception):
    """A request that is answered by a problem, and then the connection is closed."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(response.status.phrase)


def read_head(
    head: h11.Request,
    names: frozenset[str] | None,
    *,
    peer: str,
    trusted: TrustedProxies,
    target_bytes: int,
) -> Request:
    """Check what routes need not think of; raises ``BadRequestError``.

    Without ``names`` any Host will do. ``peer`` is who has connected, "" on a UNIX socket.
    """
    if names is not None:
        _check_host(head, names)
    if head.method not in (b"GET", b"HEAD"):
        raise BadRequestError(
            problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "method",
                "only GET and HEAD are understood",
                headers=(("allow", "GET, HEAD"),),
            )
        )
    if len(head.target) > target_bytes:
        raise BadRequestError(
            problem(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                "target-too-long",
                f"a target has at most {target_bytes} bytes",
            )
        )
    path, _, query = head.target.decode("ascii").partition("?")
    return Request(
        path=path,
        query=query,
        accept=_header(head, b"accept"),
        fetch_site=_header(head, b"sec-fetch-site").lower(),
        client=trusted.client_of(peer, _header(head, b"x-forwarded-for")),
        is_head=head.method == b"HEAD",
    )


def _header(head: h11.Request, name: bytes) -> str:
    """Return all values of a header as one, as a list of them reads."""
    return b",".join(value for key, value in head.headers if key == name).decode("latin-1")


def _check_host(head: h11.Request, names: frozenset[str]) -> None:
    # A browser always sends it, and h11 wants it of HTTP/1.1; a prober's HTTP/1.0 may lack it.
    for name, value in head.headers:
        host = value.decode("latin-1")
        if name == b"host" and not is_ours(host, names):
            shown = host[:SHOWN_HOST_CHARACTERS]
            raise BadRequestError(
                problem(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "host",
                    f'"{shown}" is no name of this service: ask by an IP address or localhost, '
                    "or add the name to names in [http]",
                )
            )


def render(
    connection: h11.Connection, response: Response, *, is_head: bool, is_last: bool
) -> bytes:
    """Return the head and what there is of the body, but not its end."""
    headers = [("content-type", response.content_type), *_HEADERS, *response.headers]
    if response.stream is None:
        headers.append(("content-length", str(len(response.body))))
    if is_last:
        headers.append(("connection", "close"))
    start = h11.Response(status_code=response.status.value, headers=headers)
    data = connection.send(start) or b""
    if is_head or not response.body:
        return data
    return data + (connection.send(h11.Data(data=response.body)) or b"")
