"""The OpenAPI description, made of the very types that responses are encoded from."""

from collections.abc import Iterable
from typing import Any

import msgspec

import mailseal
from mailseal.faces.http.health import Liveness, Readiness
from mailseal.faces.http.message import JSON, PROBLEM_JSON, Problem
from mailseal.wire.policyjson import PolicyAnswer

POLICY = "/v1/policy/{next_hop}"
CHECK = "/v1/check/{domain}"
OPENAPI = "/v1/openapi.json"
METRICS = "/metrics"
LIVE = "/health/live"
READY = "/health/ready"
ZONE = "zone"  # a parameter of POLICY

Document = dict[str, Any]


def describe(zones: Iterable[str], *, has_check: bool = False) -> Document:
    """Return the description of a service with these zones as JSON values (OpenAPI 3.1)."""
    types: list[type] = [PolicyAnswer, Liveness, Readiness, Problem]
    if has_check:
        # Loaded only then: with it come all checks.
        from mailseal.faces.check.document import CheckAnswer

        types.append(CheckAnswer)
    references, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    by_type = dict(zip(types, references, strict=True))
    text = {"schema": {"type": "string"}}
    ready = _body("Whether it is, with reasons.", JSON, by_type[Readiness])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mailseal",
            "summary": "How mail to a next hop must be secured (MTA-STS, DANE).",
            "version": mailseal.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            POLICY: {
                "get": _operation(
                    "get_policy",
                    "How mail to a next hop must be secured now.",
                    {
                        "200": _body("The answer.", JSON, by_type[PolicyAnswer]),
                        "400": _problem("This is no next hop, or no zone.", by_type),
                        "404": _problem("Such a next hop never has a policy.", by_type),
                        "503": _problem("No answer now; try again.", by_type),
                    },
                    by_type,
                    parameters=[_NEXT_HOP, _zone(zones)],
                )
            },
            **({CHECK: {"get": _check(references[-1], by_type)}} if has_check else {}),
            OPENAPI: {
                "get": _operation(
                    "get_openapi",
                    "This description.",
                    {"200": _body("The description.", JSON, {"type": "object"})},
                    by_type,
                )
            },
            METRICS: {
                "get": _operation(
                    "get_metrics",
                    "Metrics for Prometheus.",
                    {"200": {"description": "The metrics.", "content": {"text/plain": text}}},
                    by_type,
                )
            },
            LIVE: {
                "get": _operation(
                    "get_live",
                    "Whether the process lives.",
                    {"200": _body("It does.", JSON, by_type[Liveness])},
                    by_type,
                )
            },
            READY: {
                "get": _operation(
                    "get_ready",
                    "Whether mail servers are answered.",
                    {"200": ready, "503": ready},
                    by_type,
                )
            },
        },
        "components": {"schemas": components},
    }


def _check(answer: Document, by_type: dict[Any, Document]) -> Document:
    found = _body("The judgement; as events, progress before it.", JSON, answer)
    found["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    return _operation(
        "get_check",
        "How securely mail reaches a domain, looked at now: takes seconds, two minutes at most.",
        {
            "200": found,
            "400": _problem("This is no domain.", by_type),
            "403": _problem("A page of another site asks.", by_type),
            "429": _problem("The client, or the domain, has had its share for now.", by_type),
            "503": _problem("No answer now; try again.", by_type),
        },
        by_type,
        parameters=[_DOMAIN],
    )


_DOMAIN = {
    "name": "domain",
    "in": "path",
    "required": True,
    "description": "A domain of two labels at least, percent-encoded.",
    "schema": {"type": "string", "minLength": 3, "maxLength": 1000},
    "example": "example.com",
}

_NEXT_HOP = {
    "name": "next_hop",
    "in": "path",
    "required": True,
    "description": "A domain, or [host], either with :port, percent-encoded.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1000},
    "examples": {
        "domain": {"value": "example.com"},
        "host and port": {"value": "[mx.example.com]:587"},
        "address, which has none": {"value": "[192.0.2.25]"},
    },
}


# How the server answers whatever the path is.
_ALWAYS = {
    "414": "The target is too long.",
    "421": "The Host header names neither an IP address nor localhost nor one of names in [http].",
    "431": "The request's head is too long.",
}


def _zone(zones: Iterable[str]) -> Document:
    return {
        "name": ZONE,
        "in": "query",
        "required": False,
        "description": "Ask as this map name would: with its strict testing, deadline and reply.",
        "schema": {"type": "string", "enum": list(zones)},
    }


def _operation(
    name: str,
    summary: str,
    responses: Document,
    by_type: dict[Any, Document],
    *,
    parameters: list[Document] | None = None,
) -> Document:
    always = {status: _problem(about, by_type) for status, about in _ALWAYS.items()}
    operation: Document = {
        "operationId": name,
        "summary": summary,
        "responses": {**responses, **always},
    }
    if parameters:
        operation["parameters"] = parameters
    return operation


def _body(description: str, content_type: str, schema: Document) -> Document:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _problem(description: str, by_type: dict[Any, Document]) -> Document:
    return _body(description, PROBLEM_JSON, by_type[Problem])
