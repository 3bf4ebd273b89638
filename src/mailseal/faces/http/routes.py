"""What each path answers: policies, checks, their description, metrics, health."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from mailseal.config import ZoneSettings
from mailseal.faces.http import health, openapi
from mailseal.faces.http.checks.route import CheckRoute
from mailseal.faces.http.message import JSON, Request, Response, problem
from mailseal.faces.policyd.usage import usage
from mailseal.names import NextHop, NoLookup, parse_next_hop
from mailseal.services.policyservice import PolicyService
from mailseal.services.wording import word_for
from mailseal.wire import policyjson
from mailseal.wire.profiles import POSTFIX_DEADLINE, Profile, ProfileName, ZoneForm

Counters = dict[str, int]
AskAnswerer = Callable[[], Awaitable[Counters | None]]

_POLICY_PREFIX = openapi.POLICY.partition("{")[0]
_CHECK_PREFIX = openapi.CHECK.partition("{")[0]
_MALFORMED = {NoLookup.EMPTY, NoLookup.MALFORMED}


class Routes:
    """The handler of the HTTP listener."""

    def __init__(
        self,
        *,
        service: PolicyService,
        ask_answerer: AskAnswerer,
        profiles: Mapping[ProfileName, Profile],
        zones: Mapping[str, ZoneSettings],
        forms: Mapping[str, ZoneForm],
        started_at: datetime,
        check: CheckRoute | None = None,
    ) -> None:
        self._service = service
        self._ask_answerer = ask_answerer
        self._profiles = profiles
        self._zones = zones
        self._forms = forms
        self._started_at = started_at
        self._check = check or CheckRoute(None)
        description = openapi.describe(zones, has_check=check is not None)
        self._description = msgspec.json.encode(description)
        self._known = ", ".join((*description["paths"], openapi.OPENAPI))

    def patience(self, request: Request) -> timedelta | None:
        """Return how long an answer may take, None for what is usual."""
        return self._check.patience if request.path.startswith(_CHECK_PREFIX) else None

    async def __call__(self, request: Request) -> Response:
        """Answer a request."""
        if request.path.startswith(_CHECK_PREFIX):
            return await self._check(request.path.removeprefix(_CHECK_PREFIX), request)
        if request.path.startswith(_POLICY_PREFIX):
            return await self._policy(request.path.removeprefix(_POLICY_PREFIX), request.query)
        match request.path:
            case openapi.OPENAPI:
                return Response(
                    status=HTTPStatus.OK,
                    content_type=JSON,
                    body=self._description,
                    route=openapi.OPENAPI,
                )
            case openapi.METRICS:
                return await self._metrics(request)
            case openapi.LIVE:
                return health.live_response(openapi.LIVE)
            case openapi.READY:
                answerer = await self._ask_answerer()
                readiness = health.judge(answerer, self._service.meter)
                return health.ready_response(readiness, openapi.READY)
        return problem(HTTPStatus.NOT_FOUND, "no-route", f"there are {self._known}")

    async def _policy(self, encoded: str, query: str) -> Response:
        route = openapi.POLICY
        try:
            key = unquote_to_bytes(encoded).decode()
            asked = dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
        except UnicodeDecodeError:
            return problem(HTTPStatus.BAD_REQUEST, "malformed", "this is not UTF-8", route=route)
        zone = asked.get(openapi.ZONE)
        if zone is not None and zone not in self._zones:
            known = ", ".join(self._zones)
            return problem(HTTPStatus.BAD_REQUEST, "no-zone", f"the zones are {known}", route=route)
        next_hop = parse_next_hop(key)
        if not isinstance(next_hop, NextHop):
            if next_hop in _MALFORMED:
                return problem(HTTPStatus.BAD_REQUEST, "malformed", next_hop.value, route=route)
            return problem(HTTPStatus.NOT_FOUND, "no-policy", next_hop.value, route=route)
        settings = self._zones.get(zone) if zone is not None else None
        views = self._service.views
        view = views.of(zone) if zone is not None else views.default
        resolution = await view.resolver.resolve(
            next_hop,
            timeout=settings.answer_within if settings else POSTFIX_DEADLINE,
            strict_testing=settings.strict_testing if settings else False,
        )
        delivery = resolution.delivery
        answer = policyjson.describe(
            next_hop,
            delivery,
            zone=zone,
            reply=self._forms[zone].render(delivery) if zone is not None else None,
            word=word_for(delivery),
            ruling=resolution.ruling,
            cached=resolution.sts.cached,
            exchange=resolution.exchange,
            fresh_for_s=resolution.fresh_for.total_seconds(),
            usable_for_s=resolution.usable_for.total_seconds(),
            replies={
                name.value: profile.render(delivery) for name, profile in self._profiles.items()
            },
        )
        return Response(
            status=HTTPStatus.OK,
            content_type=JSON,
            body=msgspec.json.encode(answer),
            route=route,
        )

    async def _metrics(self, request: Request) -> Response:
        # Loaded by the first scrape: a service that nobody watches needs none of it.
        from prometheus_client.exposition import choose_encoder

        from mailseal.faces.metrics.collector import Snapshot, registry_of

        service = self._service
        snapshot = Snapshot(
            answerer=await self._ask_answerer(),
            service=service.counters(),
            meter=service.meter,
            figures=service.census.latest if service.census is not None else None,
            usage=usage(),
            started_at=self._started_at,
            watch=service.watch,
        )
        encode, content_type = choose_encoder(request.accept)
        return Response(
            status=HTTPStatus.OK,
            content_type=content_type,
            body=encode(registry_of(snapshot)),
            route=openapi.METRICS,
        )
