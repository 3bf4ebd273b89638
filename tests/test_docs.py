"""The documentation is true: what it names exists, what it shows works, what exists is in it."""

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mailseal import config
from mailseal.config.template import render_template
from mailseal.faces import reference
from mailseal.faces.cli import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "mailseal"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "lab").glob("*.md")],
    key=lambda path: path.as_posix(),
)
GENERATED = DOCS / "reference"

_FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_PROMPT = re.compile(r"^[$#] (?P<command>.+)$", re.MULTILINE)


def page_id(page: Path) -> str:
    """Name a page in test reports."""
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """Return a page without its code blocks, in which nothing is a link or a heading."""
    return _FENCE.sub("", page.read_text("utf-8"))


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of one language."""
    fences = _FENCE.finditer(page.read_text("utf-8"))
    return [fence["text"] for fence in fences if fence["language"] == language]


# -- links ----------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as hosting pages and editors make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 1
        while anchor in found:
            anchor = re.sub(r"-\d+$", "", anchor) + f"-{number}"
            number += 1
        found.add(anchor)
    return found


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file of the repository, and an anchor that is on it."""
    for link in _LINK.finditer(prose(page)):
        target, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        destination = (page.parent / target).resolve() if target else page
        assert destination.exists(), link["target"]
        assert destination.is_relative_to(ROOT), link["target"]
        assert not anchor or anchor in anchors(destination), link["target"]


def test_every_page_can_be_reached_from_the_readme() -> None:
    """A page that nothing links to is read by nobody."""
    reached = {ROOT / "README.md"}
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        for link in _LINK.finditer(prose(page)):
            target = (page.parent / link["target"].partition("#")[0]).resolve()
            if target.suffix == ".md" and target not in reached:
                reached.add(target)
                waiting.append(target)

    assert {path for path in PAGES if path.is_relative_to(DOCS)} - reached == set()


# -- generated pages and commands -----------------------------------------------------------


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with all generated pages, written by a process of their own as by "make docs".

    A command's help depends on what this process has run before.
    """
    folder = tmp_path_factory.mktemp("generated")
    command = [sys.executable, "-m", "mailseal.faces.reference", str(folder)]
    subprocess.run(command, check=True, timeout=60)
    return folder


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_generated_pages_are_what_would_be_generated_now(name: str, generated: Path) -> None:
    """The page in the repository equals a fresh rendering; "make docs" writes it anew."""
    assert (GENERATED / name).read_text("utf-8") == (generated / name).read_text("utf-8")


def test_the_generator_writes_every_page(generated: Path, tmp_path: Path) -> None:
    """One command writes all generated pages; without a folder it says how it is used."""
    assert {path.name for path in generated.iterdir()} == set(reference.PAGES)
    assert reference.main([]) == 2
    assert reference.main([str(tmp_path / "missing")]) == 2


def test_every_command_and_option_is_in_the_reference() -> None:
    """Each command has its section, and each of its options stands in it."""
    page = (GENERATED / "commands.md").read_text("utf-8")
    sections = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    for path, context in reference.walk(cli, "mailseal"):
        section = sections.pop(path)
        for parameter in context.command.get_params(context):
            for name in parameter.opts if isinstance(parameter, click.Option) else ():
                assert name in section, (path, name)
    assert not sections


@pytest.mark.parametrize("path", [path for path, _ in reference.walk(cli, "mailseal")])
def test_the_help_of_every_command_ends_with_an_example(path: str) -> None:
    """Which is of the command itself; who reads the list of commands sees whole sentences."""
    (context,) = (one for name, one in reference.walk(cli, "mailseal") if name == path)
    text = context.get_help()
    assert "Example: mailseal" in text
    assert not re.search(r"\w\.\.\.$", text.partition("Commands:")[2], re.MULTILINE)


def shown_commands() -> Iterator[tuple[str, str]]:
    """Yield every "mailseal ..." of console blocks, code in prose and the file of config init."""
    for page in PAGES:
        name = page_id(page)
        for block in [*blocks(page, "console"), *blocks(page, "sh")]:
            lines = _PROMPT.findall(block) if "$ " in block or "# " in block else block.split("\n")
            for line in lines:
                command = re.sub(r"^(\.venv/bin/|runuser -u \w+ -- )", "", line)
                if command.startswith("mailseal "):
                    yield name, re.split(r" [>|]|\|\|", command)[0]
        for code in re.findall(r"`(mailseal [^`]+)`", re.sub(r"(?m)^#.*", "", prose(page))):
            yield name, code
    for command in re.findall(r'"(mailseal [^"]+)"', render_template()):
        yield "config init", command


@pytest.mark.parametrize(("page", "line"), sorted(set(shown_commands())))
def test_shown_commands_are_understood(page: str, line: str) -> None:
    """Click parses each command line that a reader might copy; nothing is run."""
    words = shlex.split(line)[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="mailseal", obj=None)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] in {"DOMAIN", "..."}:
            break
        _, found, words = command.resolve_command(context, words)
        assert found is not None, f"{page}: {line}"
        command = found
    if words and not isinstance(command, click.Group):
        words = [word for word in words if word not in {"...", "RR..."}]
        command.make_context(command.name or "", list(words) or ["DOMAIN"], parent=context)


# -- configuration --------------------------------------------------------------------------


def toml_examples() -> Iterator[tuple[str, str]]:
    """Yield every TOML block, and every ``key = value`` in prose with the table named beside it."""
    for page in PAGES:
        for text in blocks(page, "toml"):
            yield page_id(page), text


@pytest.mark.parametrize(("page", "text"), list(toml_examples()))
def test_configuration_examples_are_accepted(page: str, text: str) -> None:
    """What is shown as configuration is one, with every key known and every value allowed."""
    assert tomllib.loads(text), page
    config.parse(text, source=page)


def settings_named() -> Iterator[tuple[str, str]]:
    """Yield "`key` in `[table]`", "`[table]` key" and "`key = value` in `[table]`" in prose."""
    for text in map(prose, PAGES):
        named = re.findall(r"`(\w+)(?: = [^`]*)?` in `\[(\w+)\]`", text)
        named += [(key, table) for table, key in re.findall(r"`\[(\w+)\] (\w+)", text)]
        yield from ((table, key) for key, table in named)


@pytest.mark.parametrize(("table", "key"), sorted(set(settings_named())))
def test_settings_named_in_prose_exist(table: str, key: str) -> None:
    """Whoever looks for one finds it in the table that is named with it."""
    document = config.to_document(config.Config.embedded(Path("/nonexistent")))
    assert key in document[table]


# -- log events and findings ----------------------------------------------------------------

_LOG_METHODS = {"debug", "info", "warning", "error", "exception"}
_LOG_NAMES = {"log", "_log", "level"}  # functions that are called with an event


def log_events() -> dict[str, set[str]]:
    """Return every event of the program with the fields that it is logged with."""
    events: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not _is_log_call(node.func):
                continue
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    event, *rest = re.split(r" (\w+)=", part.value)
                    fields = events.setdefault(event, set())
                    fields |= {*rest[::2], *(word.arg for word in node.keywords if word.arg)}
                    fields.discard("level")  # stands at the beginning of every line
    return events


def _is_log_call(function: ast.expr) -> bool:
    match function:
        case ast.Name(id=name):
            return name in _LOG_NAMES
        case ast.Attribute(value=ast.Name(id="log"), attr=name):
            return name in _LOG_METHODS
        case ast.Attribute(attr=name):
            return name in _LOG_NAMES
    return False


def test_every_log_event_has_its_paragraph() -> None:
    """Each event has a section that names all its fields; no section has no event."""
    page = (DOCS / "reference" / "log-events.md").read_text("utf-8")
    sections = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    events = log_events()

    assert set(sections) == set(events)
    for event, fields in events.items():
        missing = {name for name in fields if f"`{name}" not in sections[event]}
        assert not missing, f"{event}: {missing}"


def test_every_finding_has_its_paragraph_with_words_in_it() -> None:
    """No heading of the lint reference stands without a text; which codes there are, lint tells."""
    page = (DOCS / "reference" / "lint.md").read_text("utf-8")
    sections = re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)

    assert sections
    assert all(len(text.split()) >= 4 for _, text in sections)


# -- standards ------------------------------------------------------------------------------


def clauses() -> Iterator[tuple[str, str, str, str]]:
    """Yield every row of the clause tables: page, rule, modules, tests."""
    for page in sorted((DOCS / "standards").glob("*.md")):
        for line in page.read_text("utf-8").split("\n"):
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if line.startswith("| ") and len(cells) == 4 and cells[0] != "clause":
                yield page.name, cells[1], cells[2], cells[3]


@pytest.mark.parametrize(("page", "rule", "modules", "tests"), list(clauses()))
def test_clauses_name_modules_and_tests_that_exist(
    page: str, rule: str, modules: str, tests: str
) -> None:
    """A clause table is worth something only while every path and every test in it is real."""
    named = re.findall(r"`([^`]+)`", modules)
    assert named, rule
    for module in named:
        assert (SOURCE / f"{module}.py").exists() or (SOURCE / module).is_dir(), module
    held = 0
    for part in tests.split(";"):
        held += check_vectors(part) + check_functions(part)
    assert held or "as above" in tests, f"{page}: {rule}"


def check_vectors(part: str) -> int:
    """Check the vectors that a part names in quotes; return how many there were."""
    names: list[str] = re.findall(r'"([^"]+)"', part)
    known = vector_names()
    for name in names:
        stem = name.removesuffix(" ...").removesuffix("...")
        assert any(one == name or (stem != name and one.startswith(stem)) for one in known), name
    return len(names)


def vector_names() -> set[str]:
    """Return the names of all vectors."""
    found: set[str] = set()
    for path in (ROOT / "tests" / "vectors").glob("*.json"):
        found |= {vector["name"] for vector in json.loads(path.read_text("utf-8"))}
    return found


def check_functions(part: str) -> int:
    """Check "`path`: phrase, phrase" against the test functions there; return how many paths."""
    paths = re.findall(r"`([\w/]+\.py)`", part)
    for path in paths:
        file = ROOT / "tests" / path
        assert file.exists(), path
        functions = re.findall(r"def test_(\w+)\(", file.read_text("utf-8"))
        _, colon, phrases = part.partition(f"`{path}`:")
        for phrase in phrases.split(",") if colon else ():
            words = re.sub(r"[^a-z0-9]+", "_", phrase.lower()).strip("_")
            assert any(words in function for function in functions), f"{path}: {phrase}"
    return len(paths)
