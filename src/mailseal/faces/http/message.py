"""A request as routes see it, and what they return."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"  # RFC 9457 §3


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A GET or HEAD; ``path`` and ``query`` are as they were sent, still percent-encoded.

    ``client`` is the address that it counts for, "" on a UNIX socket whose peers say nothing of
    whom they ask for. ``fetch_site`` is what a browser says of the page that made it ask
    (Sec-Fetch-Site).
    """

    path: str
    query: str = ""
    accept: str = ""
    client: str = ""
    fetch_site: str = ""
    is_head: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole response; ``route`` is what it is counted under, never what a stranger sent.

    With a ``stream`` its parts are sent as they come, after ``body``. ``on_end`` is called when
    nothing more is sent, for whatever reason.
    """

    status: HTTPStatus
    content_type: str
    body: bytes
    route: str = "none"
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[bytes] | None = None
    on_end: Callable[[], None] | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457); ``code`` is for programs, ``detail`` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str


Handler = Callable[[Request], Awaitable[Response]]


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    route: str = "none",
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """Return a problem; without a page of its own its type is about:blank (RFC 9457 §4.2.1)."""
    document = Problem(
        type="about:blank", title=status.phrase, status=status, detail=detail, code=code
    )
    return Response(
        status=status,
        content_type=PROBLEM_JSON,
        body=msgspec.json.encode(document),
        route=route,
        headers=headers,
    )
