"""The Containerfile, read: no engine is needed to see what it would do."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import pytest

from mailseal import config
from tests.packaging.programs import load_program

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "packaging" / "Containerfile").read_text("utf-8")
SETTINGS = ROOT / "packaging" / "container.toml"


@pytest.fixture
def steps() -> list[tuple[str, str]]:
    """Return the instructions with their arguments; continued lines are one."""
    joined = re.sub(r"\\\n\s*", " ", TEXT)
    lines = [line for line in joined.split("\n") if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def words(steps: list[tuple[str, str]], instruction: str) -> list[str]:
    """Return the arguments of each use of an instruction."""
    return [rest for word, rest in steps if word == instruction]


def test_the_base_image_is_an_argument(steps: list[tuple[str, str]]) -> None:
    """Both stages are of the image that the builder names, so that one Python runs throughout."""
    assert steps[0][0] == "ARG"
    assert steps[0][1].startswith("BASE=")
    assert words(steps, "FROM") == ["${BASE} AS build", "${BASE}"]


def test_every_command_is_in_exec_form(steps: list[tuple[str, str]]) -> None:
    """A list of words needs no shell in the image, and gets signals itself."""
    for instruction in ("RUN", "ENTRYPOINT", "CMD"):
        for rest in words(steps, instruction):
            assert all(isinstance(word, str) for word in json.loads(rest))
    (check,) = words(steps, "HEALTHCHECK")
    assert json.loads(check.partition(" CMD ")[2])
    assert json.loads(words(steps, "ENTRYPOINT")[-1]) == ["mailseal"]
    assert json.loads(words(steps, "CMD")[-1]) == ["serve"]


def test_it_runs_as_a_user_with_a_number(steps: list[tuple[str, str]]) -> None:
    """Not as root; a number lets an orchestrator see that without looking into the image."""
    assert words(steps, "USER") == ["8461:8461"]
    last_root_step = max(number for number, (word, _) in enumerate(steps) if word == "RUN")
    assert steps.index(("USER", "8461:8461")) > last_root_step


def test_ports_and_volume_are_those_of_its_configuration(steps: list[tuple[str, str]]) -> None:
    """What is exposed is what its configuration listens on, and its state is a volume."""
    found = config.parse(SETTINGS.read_text("utf-8"), source=str(SETTINGS))
    addresses = [*(listen.address for listen in found.listen), found.http.address]
    ports = [one.port for one in addresses if isinstance(one, config.TcpAddress)]
    assert words(steps, "EXPOSE") == [" ".join(map(str, ports))]
    assert words(steps, "VOLUME") == [json.dumps([str(found.state_dir)])]


def test_libraries_are_held_against_the_locked_hashes(steps: list[tuple[str, str]]) -> None:
    """Nothing is fetched without a hash: only the wheel built here is taken without one."""
    commands = [json.loads(rest) for rest in words(steps, "RUN")]
    installing = [command for command in commands if "install" in command]
    assert installing
    for command in installing:
        assert "--require-hashes" in command or "--no-index" in command, command


def test_build_tools_do_not_stay(steps: list[tuple[str, str]]) -> None:
    """What is locked and not needed at run time is taken out again, by name."""
    bundled = load_program("bundled")
    locked = re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text("utf-8"))
    installed = {
        bundled.canonical(one.metadata["Name"]): one.requires or ()
        for one in importlib.metadata.distributions()
    }
    unneeded = (set(locked) & installed.keys()) - bundled.needed(installed)
    (removed,) = (json.loads(rest) for rest in words(steps, "RUN") if '"uninstall"' in rest)
    assert removed[removed.index("--yes") + 1 :] == sorted(unneeded)


def test_what_it_copies_exists(steps: list[tuple[str, str]]) -> None:
    """A file that was renamed is noticed here, not by the next who builds."""
    copied = [rest.split()[:-1] for rest in words(steps, "COPY") if "--from" not in rest]
    assert all((ROOT / name).exists() for names in copied for name in names)
    readme = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["readme"]
    assert any(readme in names for names in copied)
