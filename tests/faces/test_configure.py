"""``mailseal config``: files written, faults told, the effect shown."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailseal.config import Config, load
from mailseal.config.reference import render_reference
from mailseal.faces.configure import config


def run(*arguments: str) -> Result:
    """Run the command as a shell would."""
    return CliRunner().invoke(config, list(arguments), env={"MAILSEAL_CONFIG": None})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a configuration is to be, in a folder that is not there yet."""
    return tmp_path / "etc" / "mailseal.toml"


def test_init_writes_a_file_that_gives_the_defaults(path: Path) -> None:
    """The folder is made, the file can be read by the service's user, nothing else is left."""
    done = run("init", "--config", str(path))
    assert (done.exit_code, done.output) == (0, f"wrote {path}\n")
    assert load(path) == Config()
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_init_never_overwrites_unless_told_to(path: Path) -> None:
    """A configuration is work; --force keeps at least the file's permissions."""
    path.parent.mkdir()
    path.write_text("mine")
    path.chmod(0o640)
    refused = run("init", "--config", str(path))
    assert refused.exit_code == 1
    assert "is there already; pass --force" in refused.output
    assert path.read_text() == "mine"
    assert run("init", "--config", str(path), "--force").exit_code == 0
    assert load(path) == Config()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_init_says_why_it_cannot_write(tmp_path: Path) -> None:
    """A file where the folder should be, for one."""
    (tmp_path / "etc").write_text("in the way")
    done = run("init", "--config", str(tmp_path / "etc" / "x" / "mailseal.toml"))
    assert done.exit_code == 1
    assert "cannot be written" in done.output


@pytest.mark.parametrize("as_option", [False, True])
def test_check_is_quiet_about_a_good_file(path: Path, as_option: bool) -> None:
    """Exit code 0; the file can be an argument or an option."""
    run("init", "--config", str(path))
    done = run("check", *(["--config"] if as_option else []), str(path))
    assert done.exit_code == 0
    assert f"{path} is good" in done.output


def test_check_tells_every_fault_and_fails(tmp_path: Path) -> None:
    """Exit code 1, one line for each, the file in front."""
    path = tmp_path / "bad.toml"
    path.write_text('stat_dir = 1\n[dns]\ntimeout = "soon"\n')
    done = run("check", str(path))
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f'{path}: error: unknown key "stat_dir"; did you mean "state_dir"?',
        f'{path}: error: [dns] timeout is "soon", expected a duration from "100ms" to "60s"',
    ]


def test_check_warns_of_what_weakens_the_service(tmp_path: Path) -> None:
    """Without a validating resolver there is no DANE; that is legal."""
    path = tmp_path / "weak.toml"
    path.write_text('[dns]\nresolvers = ["192.0.2.53"]\n')
    done = run("check", str(path), "--format", "json")
    assert done.exit_code == 0
    answer = json.loads(done.output)
    assert (answer["valid"], answer["errors"]) == (True, [])
    assert "there is no DANE" in answer["warnings"][0]


def test_check_warns_of_what_has_ended(tmp_path: Path) -> None:
    """An override whose date has come does nothing, and is no fault."""
    path = tmp_path / "old.toml"
    path.write_text(
        "[dane]\nenabled = false\n"
        '[[overrides]]\ndomains = ["example.com"]\nsts = "off"\nexpires = "2001-01-31"\n'
    )
    done = run("check", str(path))
    assert done.exit_code == 0
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{path}: warning: [[overrides]] number 1 for example.com has expired 2")


def test_check_of_a_missing_file_fails_with_what_to_do(tmp_path: Path) -> None:
    """The one fault of a file that is not there."""
    done = run("check", str(tmp_path / "none.toml"), "--format", "json")
    assert done.exit_code == 1
    assert 'run "mailseal config init"' in json.loads(done.output)["errors"][0]


def test_check_takes_one_file(tmp_path: Path) -> None:
    """Two names are wrong usage."""
    assert run("check", "one.toml", "--config", "two.toml").exit_code == 2


def test_show_fills_in_defaults_and_masks_passwords(tmp_path: Path) -> None:
    """What is shown can be mailed to somebody for help, and pasted into a file."""
    path = tmp_path / "mailseal.toml"
    path.write_text('[store]\nurl = "postgresql://mailseal:hunter2@db.example.com/mailseal"\n')
    text = run("show", "--config", str(path))
    assert text.exit_code == 0
    assert 'url = "postgresql://mailseal:***@db.example.com/mailseal"' in text.output
    assert 'refetch_interval = "24h"' in text.output
    shown = json.loads(run("show", "--config", str(path), "--format", "json").output)
    assert shown["sts"]["refetch_interval"] == "24h"
    assert "hunter2" not in json.dumps(shown)


def test_show_of_an_unusable_configuration_is_wrong_usage(tmp_path: Path) -> None:
    """There is no effect to be shown."""
    assert run("show", "--config", str(tmp_path / "none.toml")).exit_code == 2


def test_reference_prints_the_documentation() -> None:
    """The committed page is made by it."""
    assert run("reference").output == render_reference()
