"""The examples of docs/howto/monitor.md, each carried out on a running service."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from mailseal.config import Config, ConfigError, TcpAddress, parse
from mailseal.wire.policyjson import Action
from tests.faces.overtcp import serving_over_tcp
from tests.journeys.serving import GUARD_SECONDS, Serving, until
from tests.realservers import require_command
from tests.test_docs import blocks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "monitor.md"
DEFAULT = str(Config().http.address)  # where the page asks
NAME = "mx1.example.com"  # of the page's example


class Page:
    """The running service that the page is about; its commands go where it listens."""

    def __init__(self, serving: Serving, address: str) -> None:
        self.serving = serving
        self.address = address

    def run(self, command: str) -> str:
        """Run a command line of the page; return what it prints."""
        return subprocess.run(
            ["sh", "-c", command.replace(DEFAULT, self.address)],
            capture_output=True,
            text=True,
            timeout=GUARD_SECONDS,
            check=True,
        ).stdout

    def status(self, path: str, *more: str) -> int:
        """Ask for a path; return the status."""
        printed = self.run(f"curl -s -o /dev/null -w '%{{http_code}}' {' '.join(more)} "
                           f"http://{DEFAULT}{path}")  # fmt: skip
        return int(printed)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Run a service with what the page adds to its configuration, in a sample that takes all."""
    require_command("curl", "apt-get install curl")
    folder = tmp_path_factory.mktemp("monitor")
    tables = {text.partition("\n")[0]: text for text in blocks(PAGE, "toml")}
    sample = tables["[log]"].replace("1000", "1")
    with serving_over_tcp(folder, sample) as (serving, address):
        yield Page(serving, address)


def steps() -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the page with the lines that it prints there, if any are shown."""
    for block in blocks(PAGE, "console"):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = step.splitlines()
            yield command, printed


def commands(word: str) -> list[str]:
    """Return the page's commands in which a word stands; there is one at least."""
    found = [command for command, _ in steps() if word in command]
    assert found
    return found


def test_every_command_of_the_page_asks_the_default_address() -> None:
    """So that each is tried here, and each works for whoever copies it."""
    assert all(command.startswith("curl ") and DEFAULT in command for command, _ in steps())


@pytest.mark.parametrize(("command", "printed"), [step for step in steps() if step[1]])
def test_a_command_prints_what_the_page_shows(page: Page, command: str, printed: list[str]) -> None:
    """To the byte, but for what has been counted."""
    count = re.compile(r" [0-9.]+$")
    seen = page.run(command).splitlines()
    assert [count.sub("", line) for line in seen] == [count.sub("", line) for line in printed]


@pytest.mark.parametrize("command", commands("/v1/policy/"))
def test_a_policy_can_be_asked_for_as_shown(page: Page, command: str) -> None:
    """Next hop, zone and action are those that the page speaks of."""
    document: dict[str, Any] = json.loads(page.run(command))

    asked = re.search(r"/policy/([^?\"]+)(?:\?zone=(\w+))?", command)
    assert asked is not None
    assert document["next_hop"] == asked[1].replace("%5B", "[").replace("%5D", "]")
    assert document["zone"] == asked[2]
    assert ("reply" in document and document["reply"] is not None) is (asked[2] is not None)
    assert f"`{document['decision']['action']}`" in PAGE.read_text("utf-8")


def test_the_page_names_every_action() -> None:
    """A simple sender has to know what each asks of it."""
    sentence = next(
        line for line in PAGE.read_text("utf-8").splitlines() if "simple sender" in line
    )
    for action in get_args(Action):
        assert f"`{action}`" in sentence


def test_a_problem_has_a_code_for_programs(page: Page) -> None:
    """As the page says of errors."""
    problem = json.loads(page.run(f"curl -s http://{DEFAULT}/v1/policy/a..b"))
    assert problem["code"]


def test_paths_that_are_named_are_there(page: Page) -> None:
    """Those of the health checks and the description."""
    paths = set(re.findall(r"`(/(?:health|v1)/[\w./]+)`", PAGE.read_text("utf-8")))
    assert paths == {"/health/live", "/health/ready", "/v1/openapi.json"}
    for path in paths:
        assert page.status(path) == 200


def test_prometheus_finds_the_metrics_where_the_page_sends_it(page: Page) -> None:
    """The default address, the default path and scheme of Prometheus, and the file of rules."""
    (text,) = blocks(PAGE, "yaml")
    settings = yaml.safe_load(text)
    (job,) = settings["scrape_configs"]
    assert set(job) == {"job_name", "static_configs"}
    (target,) = job["static_configs"][0]["targets"]
    assert target == DEFAULT

    scraped = page.run(f"curl -s http://{target}/metrics")
    names = {family.name for family in text_string_to_metric_families(scraped)}
    assert "mailseal_build_info" in names

    (rules,) = settings["rule_files"]
    assert (ROOT / "packaging" / "prometheus" / Path(rules).name).is_file()


def test_another_machine_reaches_it_by_the_two_keys_alone() -> None:
    """The address without the second key is refused, as whoever copies half of it is told."""
    text = next(text for text in blocks(PAGE, "toml") if "allow_remote" in text)
    address = parse(text).http.address
    assert isinstance(address, TcpAddress)
    assert not address.is_loopback
    with pytest.raises(ConfigError, match="allow_remote"):
        parse(text.replace("allow_remote = true\n", ""))


def test_a_name_is_answered_once_it_is_configured(page: Page) -> None:
    """Before, it is refused with 421; IP addresses and localhost never are."""
    text = next(text for text in blocks(PAGE, "toml") if "names" in text)
    by_name = f"-H 'Host: {NAME}:8463'"
    assert page.status("/metrics", by_name) == 421
    assert page.status("/metrics", "-H 'Host: localhost'") == 200
    assert "names in [http]" in page.run(f"curl -s {by_name} http://{DEFAULT}/metrics")

    config = page.serving.config
    config.write_text(config.read_text().replace("[http]\n", text))
    page.serving.reload()

    assert page.status("/metrics", by_name) == 200
    assert page.status("/metrics", "-H 'Host: evil.example'") == 421


def test_a_sample_of_hits_looks_as_shown(page: Page) -> None:
    """The same event with the same keys in the same order."""
    (shown,) = blocks(PAGE, "text")
    form = re.compile(r"^\S+ info answered from memory (.+)$", re.MULTILINE)
    key = re.compile(r"(\w+)=(?:\"[^\"]*\"|\S+)")
    log = page.serving.log
    for _ in range(2):
        page.serving.ask(b"postfix example.com")

    until(lambda: form.search(log.read_text()) is not None, "no hit was logged")

    seen, expected = form.search(log.read_text()), form.search(shown)
    assert seen is not None
    assert expected is not None
    assert key.findall(seen[1]) == key.findall(expected[1])
