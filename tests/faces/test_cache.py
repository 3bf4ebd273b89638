"""``mailseal cache``: stored policies listed, shown, refreshed and purged."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

import pytest

from mailseal.names import Domain
from mailseal.results import ResultType
from tests.faces.world import World

EXAMPLE = Domain("example.com")


@pytest.fixture(params=["running", "by itself"])
def world_asked(request: pytest.FixtureRequest, world: World) -> Iterator[World]:
    """Give a world with one stored policy, with and without a running service."""
    with world.running() if request.param == "running" else nullcontext():
        world.run("cache", "refresh", "example.com")
        assert EXAMPLE in world.store.policies
        yield world


def test_list_has_a_line_for_each_policy(world_asked: World) -> None:
    """Domain, mode, and until when it is in force; the number goes to standard error."""
    result = world_asked.run("cache", "list")

    assert result.stdout.split() == ["example.com", "enforce", "until", "2026-07-08T12:00:00Z"]
    assert result.stderr == "1 policies\n"


def test_list_as_json_has_an_object_a_line(world_asked: World) -> None:
    """So that a million of them can be read one by one."""
    result = world_asked.run("cache", "list", "--format", "json")

    (line,) = result.stdout.splitlines()
    assert json.loads(line)["domain"] == "example.com"


def test_an_empty_list_is_no_error(world: World) -> None:
    """Nothing is stored, and that is all there is to say."""
    result = world.run("cache", "list")

    assert (result.exit_code, result.stdout) == (0, "")


def test_a_long_list_comes_page_by_page(world: World) -> None:
    """More policies than one answer of the running service holds."""
    world.run("cache", "refresh", "example.com")
    one = world.store.policies[EXAMPLE]
    for number in range(2500):
        domain = Domain(f"d{number:05}.test")
        world.store.policies[domain] = replace(one, domain=domain)

    with world.running():
        lines = world.run("cache", "list").stdout.splitlines()

    assert len(lines) == 2501
    assert lines == sorted(lines)


def test_show_has_all_dates(world_asked: World) -> None:
    """What an administrator wants to know of a policy before trusting it."""
    text = world_asked.run("cache", "show", "Example.COM.").stdout

    assert text.splitlines() == [
        "example.com",
        "  mode enforce, id 20260701, max_age 604800 s",
        "  mx mx.example.com",
        "  fetched 2026-07-01T12:00:00Z, expires 2026-07-08T12:00:00Z",
        "  id checked 2026-07-01T12:00:00Z, fetched again by 2026-07-02T12:00:00Z",
    ]
    document = world_asked.run_json("cache", "show", "example.com")
    assert document["body"].startswith("version: STSv1\r\n")


def test_show_says_what_is_not_stored(world_asked: World) -> None:
    """Exit code 1, and the command that would find out."""
    result = world_asked.run("cache", "show", "example.net")

    assert result.exit_code == 1
    assert 'no policy is stored for example.net; try "mailseal query example.net' in result.stdout
    assert world_asked.run_json("cache", "show", "example.net") is None


def test_refresh_fetches_what_is_not_due(world_asked: World) -> None:
    """An owner who has just changed the file, or an administrator in doubt."""
    before = world_asked.hosts.count("example.com")
    world_asked.publish(mode="testing")

    result = world_asked.run("cache", "refresh", "example.com")

    assert result.exit_code == 0
    assert "mode testing" in result.stdout
    assert world_asked.hosts.count("example.com") == before + 1


def test_a_failed_refresh_keeps_the_policy_and_says_so(world_asked: World) -> None:
    """Exit code 1, with the reason; what was in force stays (RFC 8461 §3.3)."""
    world_asked.hosts.fail("example.com", ResultType.STS_POLICY_FETCH_ERROR, "http-503")

    result = world_asked.run("cache", "refresh", "example.com")

    assert result.exit_code == 1
    assert "sts-policy-fetch-error: http-503" in result.stdout
    assert "mode enforce" in result.stdout
    assert "last fetch failed 2026-07-01T12:00:00Z (1 in a row)" in (
        world_asked.run("cache", "show", "example.com").stdout
    )


def test_purge_forgets_one_domain(world_asked: World) -> None:
    """In memory and in the store, and the answerer is told."""
    assert world_asked.run("cache", "purge", "example.com").stdout == "example.com: purged\n"
    assert EXAMPLE not in world_asked.store.policies
    again = world_asked.run("cache", "purge", "example.com")
    assert (again.exit_code, again.stdout) == (1, "example.com: was not stored\n")


def test_purge_tells_the_answerer(world: World) -> None:
    """Or it would go on answering from its table."""
    with world.running():
        world.run("cache", "purge", "example.com")

    assert world.dropped == ["example.com"]


@pytest.mark.parametrize("command", ["show", "refresh", "purge"])
@pytest.mark.parametrize("domain", ["a..b", "127.0.0.1", "[mx.example.com]", ""])
def test_what_is_no_domain_is_wrong_usage(world: World, command: str, domain: str) -> None:
    """Exit code 2, before anybody is asked."""
    result = world.run("cache", command, domain)

    assert result.exit_code == 2
    assert "Invalid value for 'DOMAIN'" in result.stderr
    assert world.opened == 0
