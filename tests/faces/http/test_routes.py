"""What each path answers, and that it is what the OpenAPI description says."""

from typing import Any

import msgspec
import pytest

from mailseal.faces.http import openapi
from mailseal.faces.http.health import Liveness, Readiness
from mailseal.faces.http.message import Problem
from mailseal.ports.storeerrors import StoreError
from mailseal.services.meter import counted_store
from mailseal.wire.policyjson import PolicyAnswer
from tests.faces.http.conftest import Face


async def test_a_policy_is_told_in_full(face: Face) -> None:
    """Mode, patterns, dates, hosts, what to do, what each MTA is told, what to report."""
    reply = await face.get("/v1/policy/example.com")

    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    document = reply.json()
    assert document["next_hop"] == document["policy_domain"] == "example.com"
    assert document["decision"]["action"] == "require-certificate"
    assert document["decision"]["answer"] == "sts-enforced"
    assert document["decision"]["allowed_mx"] == ["mx.example.com"]
    assert document["sts"]["source"] == "domain"
    assert document["sts"]["mode_changed_by"] is None
    assert document["sts"]["mode"] == "enforce"
    assert document["sts"]["id"] == "20260701"
    assert document["sts"]["max_age_s"] == 604800
    assert document["exchange"]["hosts"] == [
        {
            "host": "mx.example.com",
            "preference": 10,
            "covered": True,
            "dane": document["exchange"]["hosts"][0]["dane"],
            "reason": "",
            "tlsa_base": "",
            "tlsa": [],
        }
    ]
    assert document["tlsrpt"] == [
        {
            "policy_type": "sts",
            "policy_domain": "example.com",
            "policy_string": [
                "version: STSv1",
                "mode: enforce",
                "mx: mx.example.com",
                "max_age: 604800",
            ],
            "mx_host_pattern": ["mx.example.com"],
        }
    ]
    assert document["replies"]["postfix"] == "OK secure match=mx.example.com servername=hostname"
    assert set(document["replies"]) == {"postfix", "postfix-3.10", "sendmail", "exim"}


@pytest.mark.parametrize(("key", "next_hop"), [
    ("EXAMPLE.com.", "example.com"),
    ("example.com:587", "example.com:587"),
    ("%5Bmx.example.com%5D:587", "[mx.example.com]:587"),
    ("%5Bmx.example.com%5D%3Asubmission", "[mx.example.com]:submission"),
    ("b%C3%BCcher.example", "xn--bcher-kva.example"),
])  # fmt: skip
async def test_every_form_of_a_next_hop_can_be_asked_for(
    face: Face, key: str, next_hop: str
) -> None:
    """As MTAs write them, percent-encoded."""
    reply = await face.get(f"/v1/policy/{key}")

    assert reply.status == 200
    assert reply.json()["next_hop"] == next_hop


async def test_a_zone_answers_as_its_map_name_would(face: Face) -> None:
    """With its strict testing; another asker of the same domain is not concerned."""
    face.world.publish("trial.example", "testing")

    plain = (await face.get("/v1/policy/trial.example?zone=postfix")).json()
    strict = (await face.get("/v1/policy/trial.example?zone=strict")).json()

    assert (plain["zone"], plain["reply"]) == ("postfix", "NOTFOUND ")
    assert plain["decision"]["action"] == "mta-default"
    assert (strict["zone"], strict["reply"]) == ("strict", "OK secure match=mx.example.com")
    assert strict["decision"]["action"] == "require-certificate"
    assert strict["sts"]["mode_changed_by"] == "strict-zone"
    assert strict["tlsrpt"][0]["policy_string"][1] == "mode: testing"


@pytest.mark.parametrize("query", ["zone=nowhere", "zone=", "zone=%ff"])
async def test_a_zone_that_is_none_is_a_problem(face: Face, query: str) -> None:
    """Rather than answered as somebody else's."""
    assert (await face.get(f"/v1/policy/example.com?{query}")).status == 400


async def test_a_policy_that_allows_no_host_says_why_mail_waits(face: Face) -> None:
    """The reason is what an MTA is told too."""
    face.world.publish("forged.example", mx="mx.attacker.example")
    face.world.dns.a("mx.attacker.example", "192.0.2.66")

    document = (await face.get("/v1/policy/forged.example")).json()

    assert document["decision"]["action"] == "defer"
    assert "forged.example" in document["decision"]["reason"]
    assert document["tlsrpt"] == []


@pytest.mark.parametrize(("key", "status", "code"), [
    ("", 400, "malformed"),
    ("a..b", 400, "malformed"),
    ("%ff", 400, "malformed"),               # no UTF-8
    ("a" * 2000, 400, "malformed"),
    ("example.com/../x", 400, "malformed"),
    (".example.com", 404, "no-policy"),      # a parent's policy never applies
    ("%5B192.0.2.1%5D", 404, "no-policy"),
    ("unix:%2Frun%2Fx", 404, "no-policy"),
])  # fmt: skip
async def test_what_is_no_next_hop_is_a_problem(
    face: Face, key: str, status: int, code: str
) -> None:
    """RFC 9457, with a word for programs."""
    reply = await face.get(f"/v1/policy/{key}")

    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(reply.body, type=Problem)
    assert (problem.status, problem.code) == (status, code)
    assert problem.detail


async def test_an_unknown_path_is_a_problem_that_names_the_known(face: Face) -> None:
    """Nobody need guess."""
    reply = await face.get("/v2/policy/example.com")

    assert reply.status == 404
    described = (await face.get("/v1/openapi.json")).json()["paths"]
    assert reply.json()["detail"] == f"there are {', '.join(described)}, /v1/openapi.json"


async def test_responses_are_what_the_description_says(face: Face) -> None:
    """Each is decoded by the type that the description was made of, no field more or less."""
    for target, made in (
        ("/v1/policy/example.com", PolicyAnswer),
        ("/v1/policy/unknown.example", PolicyAnswer),
        ("/health/live", Liveness),
        ("/health/ready", Readiness),
    ):
        reply = await face.get(target)
        assert isinstance(msgspec.json.decode(reply.body, type=made), made)
        assert set(reply.json()) == set(_schema(made.__name__)["required"])


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = openapi.describe(("postfix",))["components"]["schemas"][name]
    return schema


async def test_the_description_has_every_route(face: Face) -> None:
    """Every reference in it leads somewhere, and each path without parameters can be had."""
    reply = await face.get("/v1/openapi.json")
    document = reply.json()

    assert document["openapi"].startswith("3.1.")
    for target in document["paths"]:
        if "{" not in target:
            assert (
                str((await face.get(target)).status)
                in document["paths"][target]["get"]["responses"]
            )
    for name in _references(document):
        assert name.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def _references(value: object) -> list[str]:
    match value:
        case {"$ref": str(name)}:
            return [name]
        case dict():
            return [name for one in value.values() for name in _references(one)]
        case list():
            return [name for one in value for name in _references(one)]
    return []


async def test_ready_means_that_mail_servers_are_answered(face: Face) -> None:
    """With the answering process and its listeners; else 503 with the reason."""
    reply = await face.get("/health/ready")
    assert reply.status == 200
    assert reply.json()["ready"] is True

    face.answerer = {"listeners": 0}
    assert (await face.get("/health/ready")).json()["checks"]["listeners"]["ok"] is False

    face.answerer = None
    reply = await face.get("/health/ready")
    assert reply.status == 503
    assert reply.json()["ready"] is False
    assert reply.json()["checks"]["answerer"]["ok"] is False
    assert (await face.get("/health/live")).status == 200


async def test_a_failing_store_is_told_and_leaves_the_service_ready(face: Face) -> None:
    """What is in memory is answered; to take the service away would answer nothing."""
    store = counted_store(face.world.store, face.service.meter)
    face.world.store.error = StoreError("away")
    with pytest.raises(StoreError):
        await store.count()

    reply = await face.get("/health/ready")

    assert reply.status == 200
    assert "fails" in reply.json()["checks"]["store"]["detail"]


async def test_metrics_are_in_the_form_that_is_asked_for(face: Face) -> None:
    """Prometheus' own text, or OpenMetrics for who prefers it."""
    plain = await face.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert b'mailseal_requests_total{outcome="hit"} 7.0' in plain.body

    accept = "Accept: application/openmetrics-text; version=1.0.0\r\n"
    open_metrics = await face.get("/metrics", headers=accept)
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.body.endswith(b"# EOF\n")


async def test_metrics_do_without_the_answerer(face: Face) -> None:
    """What is known is told, and that the rest is missing."""
    face.answerer = None
    reply = await face.get("/metrics")

    assert b"mailseal_answerer_up 0.0" in reply.body
    assert b"mailseal_requests_total" not in reply.body
    assert b"mailseal_build_info{" in reply.body
