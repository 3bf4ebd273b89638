"""``GET /v1/check/{domain}``: the answer as JSON, or progress and answer as server-sent events."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import msgspec

from mailseal.faces.http import openapi
from mailseal.faces.http.checks.desk import CheckDesk, CheckFailedError, Refused, Watch
from mailseal.faces.http.message import JSON, Request, Response, problem
from mailseal.names import Domain, NameSyntaxError

EVENTS = "text/event-stream"
MARGIN = timedelta(seconds=5)  # ours: the desk ends a check, and its answer is told
KEEP_ALIVE_SECONDS = 15.0  # as the WHATWG's text on server-sent events suggests
_OTHER_SITES = frozenset({"cross-site", "same-site"})
_ROUTE = openapi.CHECK


class CheckRoute:
    """Answers for checks; without a desk it says that they are off."""

    def __init__(self, desk: CheckDesk | None) -> None:
        self._desk = desk

    @property
    def patience(self) -> timedelta:
        """The longest time for an answer."""
        return self._desk.patience + MARGIN if self._desk is not None else MARGIN

    async def __call__(self, encoded: str, request: Request) -> Response:
        """Answer for the domain in the path, still percent-encoded."""
        refusal = _refuse(request)
        if self._desk is None:
            detail = "checks over HTTP are off; check = true in [http] turns them on"
            refusal = problem(HTTPStatus.NOT_FOUND, "check-off", detail, route=_ROUTE)
        if refusal is not None:
            return refusal
        assert self._desk is not None
        try:
            domain = Domain.parse(unquote_to_bytes(encoded).decode())
        except (UnicodeDecodeError, NameSyntaxError) as error:
            reason = "this is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            return problem(HTTPStatus.BAD_REQUEST, "malformed", reason, route=_ROUTE)
        if "." not in domain:
            detail = "a name of one label is no domain of the Internet"
            return problem(HTTPStatus.BAD_REQUEST, "malformed", detail, route=_ROUTE)
        return await self._check(self._desk, domain, request)

    async def _check(self, desk: CheckDesk, domain: Domain, request: Request) -> Response:
        wants_events = EVENTS in request.accept.lower()
        kept = desk.kept(domain)
        if kept is not None:
            return _stream(_one(_event("result", kept))) if wants_events else _ok(kept)
        watch = desk.open_watch(domain, request.client)
        if isinstance(watch, Refused):
            is_busy = watch.code == "busy"
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE if is_busy else HTTPStatus.TOO_MANY_REQUESTS,
                watch.code,
                watch.detail,
                route=_ROUTE,
                headers=(("retry-after", str(watch.retry_after)),),
            )
        if wants_events:
            return _stream(_events(watch), on_end=lambda: desk.close_watch(watch))
        try:
            return _ok(await watch.answer())
        except CheckFailedError as error:
            return _failed(error)
        finally:
            desk.close_watch(watch)


def _refuse(request: Request) -> Response | None:
    """Refuse what would make this machine work without anybody wanting an answer."""
    if request.is_head:
        return problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method",
            "a check without its answer would be work for nothing",
            route=_ROUTE,
            headers=(("allow", "GET"),),
        )
    if request.fetch_site in _OTHER_SITES:
        # An image on any web page could otherwise have domains checked from here.
        detail = "a page of another site may not have domains checked"
        return problem(HTTPStatus.FORBIDDEN, "cross-site", detail, route=_ROUTE)
    return None


def _ok(answer: bytes) -> Response:
    return Response(status=HTTPStatus.OK, content_type=JSON, body=answer, route=_ROUTE)


def _failed(error: CheckFailedError) -> Response:
    detail = str(error)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "check-failed", detail, route=_ROUTE)


def _stream(events: AsyncIterator[bytes], *, on_end: Callable[[], None] | None = None) -> Response:
    return Response(
        status=HTTPStatus.OK,
        content_type=EVENTS,
        body=b"",
        stream=events,
        on_end=on_end,
        route=_ROUTE,
        headers=(("x-accel-buffering", "no"),),  # or nginx would hand it on as a whole
    )


async def _one(event: bytes) -> AsyncIterator[bytes]:
    yield event


async def _events(watch: Watch) -> AsyncIterator[bytes]:
    """Yield a step whenever there is one, a comment now and then, and the end."""
    async for step in watch.steps(pause=KEEP_ALIVE_SECONDS):
        if step is None:
            yield b": still looking\n\n"
        else:
            yield _event("progress", msgspec.json.encode(step))
    try:
        yield _event("result", await watch.answer())
    except CheckFailedError as error:
        yield _event("problem", _failed(error).body)


def _event(name: str, data: bytes) -> bytes:
    """Return one event; JSON as it is encoded here has no line ends."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
