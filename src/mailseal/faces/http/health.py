"""Whether the service is alive and ready, with reasons, for whatever restarts or routes to it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

import msgspec

from mailseal.faces.http.message import JSON, Response
from mailseal.services.meter import Meter


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """The process turns its loop; nothing else is looked at."""

    live: bool


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of readiness."""

    ok: bool
    detail: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether mail servers are answered as they should be."""

    ready: bool
    checks: Annotated[
        dict[str, Check],
        msgspec.Meta(description="answerer, listeners and store; ready when each is ok."),
    ]


def judge(answerer: Mapping[str, int] | None, meter: Meter) -> Readiness:
    """Say whether the service is ready.

    A store that fails does not make it unready: what is in memory is answered, and to take the
    service away would answer nothing at all.
    """
    listeners = answerer.get("listeners", 0) if answerer is not None else 0
    if meter.is_store_failing:
        store = Check(ok=True, detail="the store fails, see the log; answering from memory")
    else:
        store = Check(ok=True, detail="the store works")
    checks = {
        "answerer": Check(
            ok=answerer is not None,
            detail="the answering process is linked"
            if answerer is not None
            else "the answering process does not tell its numbers",
        ),
        "listeners": Check(ok=listeners > 0, detail=f"{listeners} open"),
        "store": store,
    }
    return Readiness(ready=all(check.ok for check in checks.values()), checks=checks)


def live_response(route: str) -> Response:
    """Say that the process lives."""
    return Response(
        status=HTTPStatus.OK,
        content_type=JSON,
        body=msgspec.json.encode(Liveness(live=True)),
        route=route,
    )


def ready_response(readiness: Readiness, route: str) -> Response:
    """Say whether the service is ready; 503 when it is not."""
    return Response(
        status=HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE,
        content_type=JSON,
        body=msgspec.json.encode(readiness),
        route=route,
    )
